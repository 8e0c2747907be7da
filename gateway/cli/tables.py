"""Answers as a person reads them: aligned columns, local units, times in UTC."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Final

_GAP: Final = "  "
_MIB: Final = 1024 * 1024
_NUMBER_CHARACTERS: Final = frozenset("0123456789.-+")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows below their heads; columns of numbers stand to the right."""
    columns = list(zip_longest(heads, *rows, fillvalue=""))
    widths = [max(map(len, column)) for column in columns]
    to_right = [_is_numeric(column[1:]) for column in columns]
    lines = []
    for row in (heads, *rows):
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, to_right, strict=False)
        ]
        lines.append(_GAP.join(cells).rstrip())
    return "\n".join(lines)


def named_values(answer: Mapping[str, Any], indent: str = "") -> str:
    """Return name and value pairs one a line, inner objects indented below their name.

    An inner object of a single plain value stands on the line of its name.
    """
    answer = {name: _as_mapping(value) for name, value in answer.items()}
    simple = [name for name, value in answer.items() if not isinstance(value, Mapping)]
    width = max(map(len, map(_name_in_words, simple)), default=0)
    lines = []
    for name, value in answer.items():
        words = _name_in_words(name)
        if not isinstance(value, Mapping):
            lines.append(f"{indent}{words:<{width}}{_GAP}{in_words(name, value)}")
        elif _is_single_value(value):
            lines.append(f"{indent}{words}:{_GAP}{named_values(value)}")
        else:
            lines.append(f"{indent}{words}:")
            lines += [named_values(value, indent + _GAP)] if value else []
    return "\n".join(lines)


def _is_single_value(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and not any(
        isinstance(_as_mapping(inner), Mapping) for inner in value.values()
    )


def _as_mapping(value: object) -> object:
    """Return a list of records as records by number, from 1."""
    if isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value):
        return {str(number): each for number, each in enumerate(value, start=1)}
    return value


def in_words(name: str, value: object) -> str:
    """Return a value as its name says it is to be read: *_at_s a time, *_s a span, and so on."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number_in_words(name, value)
    if isinstance(value, list | tuple):
        return ", ".join(in_words("", element) for element in value) or "-"
    return str(value)


def _number_in_words(name: str, value: float) -> str:
    if name.endswith("_at_s"):
        return utc(value)
    if name.endswith("_s"):
        return span(value)
    if name.endswith("_octets"):
        return f"{value / _MIB:.1f} MiB" if value >= _MIB else f"{value} octets"
    return f"{value:.15g}"


def utc(at_s: float | None) -> str:
    """Return seconds since 1970 as a UTC time; a dash for None, the number for nonsense."""
    if at_s is None:
        return "-"
    try:
        at = dt.datetime.fromtimestamp(at_s, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return f"{at_s:g} s"
    return at.strftime("%Y-%m-%d %H:%M:%SZ")


def span(seconds: float) -> str:
    """Return a time span in its two largest units, 90061 as "1 d 1 h"."""
    if abs(seconds) < 60:
        return f"{seconds:g} s" if isinstance(seconds, int) else f"{seconds:.1f} s"
    sign = "-" if seconds < 0 else ""
    left = abs(round(seconds))
    words: list[tuple[int, str]] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or words:
            words.append((count, unit))
    return sign + " ".join(f"{count} {unit}" for count, unit in words[:2] if count)


def quantity(value: int | None, scaler: int | None, unit: str | None) -> str:
    """Return a register's integer with its scaler applied exactly, and its unit."""
    if value is None:
        return "-"
    scaled = Decimal(value).scaleb(scaler or 0)
    return f"{scaled:f} {unit}" if unit else f"{scaled:f}"


def _name_in_words(name: str) -> str:
    for ending in ("_at_s", "_octets", "_s"):
        name = name.removesuffix(ending)
    return name.replace("_", " ")


def _is_numeric(cells: Sequence[str]) -> bool:
    return any(cells) and all(_NUMBER_CHARACTERS.issuperset(cell) for cell in cells)
