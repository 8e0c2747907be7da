"""Make docs/requirements.md: which file and which test carry which requirement.

    python -m tests.architecture.requirements_page

A test names an id in its docstring, code in brackets: [INV-1].
"""

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
PAGE: Final = REPOSITORY / "docs" / "requirements.md"
PACKAGES: Final = ("gateway", "hal", "drivers", "firmware_update", "hil")
FAMILIES: Final = {
    "INV": "Inventory and discovery",
    "PLC": "Power line",
    "ACQ": "Collection",
    "TSK": "Tasks",
    "TIM": "Time",
    "CTL": "Control",
    "UPL": "Push to the head-end",
    "REQ": "Requests",
    "CFG": "Configuration tool and installer",
    "FWU": "Firmware",
    "SEC": "Security",
    "HIL": "The rig",
}
_ID: Final = re.compile(rf"\b({'|'.join(FAMILIES)})-(\d+)(?:\.\.(\d+))?")


def ids_in(text: str) -> set[tuple[str, int]]:
    """Return the ids in a text; INV-1..4 stands for four."""
    found = set()
    for family, first, last in _ID.findall(text):
        found |= {(family, number) for number in range(int(first), int(last or first) + 1)}
    return found


def page() -> str:
    """Return the page as it should be."""
    code = defaultdict(set)
    for package in PACKAGES:
        for file in sorted((REPOSITORY / package).rglob("*.py")):
            for each in ids_in(file.read_text(encoding="utf-8")):
                code[each].add(str(file.relative_to(REPOSITORY)))
    tests = defaultdict(set)
    for file in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        for name, docstring in _docstrings(file):
            for each in ids_in(docstring):
                tests[each].add(f"{file.relative_to(REPOSITORY)}{name}")
    lines = [
        "# Requirements, and what carries them",
        "",
        "Made by `python -m tests.architecture.requirements_page`; do not edit.",
    ]
    for family, title in FAMILIES.items():
        numbers = sorted({n for f, n in (*code, *tests) if f == family})
        if not numbers:
            continue
        lines += ["", f"## {family}: {title}", "", "| id | code | tests |", "|---|---|---|"]
        for number in numbers:
            key = (family, number)
            lines.append(f"| {family}-{number} | {_cell(code[key])} | {_cell(tests[key])} |")
    return "\n".join(lines) + "\n"


def _cell(names: set[str]) -> str:
    return "<br>".join(sorted(names))


def _docstrings(file: Path) -> list[tuple[str, str]]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [
        (f"::{node.name}", ast.get_docstring(node) or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [("", ast.get_docstring(tree) or ""), *functions]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
