"""Who imports whom, read from the source without running it."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("drivers", "firmware_update", "gateway", "hal", "hil")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import statement's target: `name` is a module, or a name inside one."""

    file: Path
    line: int
    name: str

    @property
    def library(self) -> str:
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.name}"


def source_files(root: Path) -> list[Path]:
    """Return all modules of the five packages, relative to `root`."""
    return sorted(
        path.relative_to(root) for package in PACKAGES for path in (root / package).rglob("*.py")
    )


def imports_of(root: Path, file: Path) -> Iterator[Import]:
    """Yield what a module imports when it runs, wherever in the file it does so."""
    tree = ast.parse((root / file).read_text(encoding="utf-8"), filename=str(file))
    for node in _running_nodes(tree):
        for name in _imported_names(node):
            yield Import(file=file, line=getattr(node, "lineno", 0), name=name)


def module_graph(root: Path) -> dict[str, set[str]]:
    """Return, by module name, which of our own modules it imports."""
    files = source_files(root)
    modules = {module_name(file) for file in files}
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for file in files:
        own = module_name(file)
        for found in imports_of(root, file):
            target = owner_of(found.name, modules)
            if target is not None and target != own:
                graph[own].add(target)
    return graph


def module_name(file: Path) -> str:
    """Return the dotted name under which a file is imported."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def owner_of(name: str, modules: set[str]) -> str | None:
    """Return the module that an imported name stands in; None if it is not ours."""
    while name:
        if name in modules:
            return name
        name = name.rpartition(".")[0]
    return None


def modules_under(graph: Mapping[str, set[str]], module: str) -> set[str]:
    """Return a module and all that it imports, directly or not; nothing when there is none."""
    found: set[str] = set()
    waiting = [module] if module in graph else []
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += graph[each]
    return found


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return each closed walk found, once, as the modules on it."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found.append(path[path.index(module) :])
            return
        if module in done:
            return
        for target in sorted(graph[module]):
            walk(target, [*path, module])
        done.add(module)

    for module in sorted(graph):
        walk(module, [])
    return found


def floors(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """Return the longest chain of imports under each module of a graph without circles."""
    height: dict[str, int] = {}

    def floor_of(module: str) -> int:
        if module not in height:
            height[module] = 1 + max(map(floor_of, graph[module]), default=-1)
        return height[module]

    for module in graph:
        floor_of(module)
    return height


def _running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and _is_type_checking(child.test):
            for other in child.orelse:
                yield other
                yield from _running_nodes(other)
            continue
        yield child
        yield from _running_nodes(child)


def _is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def _imported_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        # A relative import has no place in this house; its dots make it nobody's module.
        prefix = "." * node.level + (node.module or "")
        yield from (f"{prefix}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and _is_import_call(node.func):
        for argument in node.args[:1]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def _is_import_call(function: ast.expr) -> bool:
    name = getattr(function, "attr", getattr(function, "id", ""))
    return name in ("import_module", "__import__")
