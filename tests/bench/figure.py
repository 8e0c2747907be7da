"""One measured figure and what was aimed at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure as the table shows it.

    Attributes:
        name: of what was measured.
        value: in `unit`.
        aim: the value to reach; None: shown for comparison only.
        lower_is_better: the aim is a limit, not a goal.
        details: numbers behind it, by name.
    """

    name: str
    value: float
    unit: str
    aim: float | None = None
    lower_is_better: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value < self.aim if self.lower_is_better else self.value >= self.aim

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "NOT MET"}[self.is_met]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "aim": self.aim,
            "met": self.is_met,
            "details": self.details,
        }


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines of text."""
    rows = [("", "measured", "aim", "")]
    for figure in figures:
        sign = "<" if figure.lower_is_better else ">="
        aim = "" if figure.aim is None else f"{sign} {figure.aim:g} {figure.unit}"
        rows.append((figure.name, f"{_number(figure.value)} {figure.unit}", aim, figure.verdict))
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    lines = [
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {aim:{widths[2]}}  {verdict}".rstrip()
        for name, value, aim, verdict in rows
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
