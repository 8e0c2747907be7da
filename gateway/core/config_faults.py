"""What the validation found wrong, said so that a person can put it right."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

from gateway.core.errors import SettingFault

SectionKeys = Mapping[str, Mapping[str, Any]]
"""Section name -> key -> its default, in the order of the documentation."""

_EXPECTED: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "path_type": "a path in quotes",
    "bytes_type": "a text in quotes",
}

_RELATIONS: Final = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}

_DOCUMENTED: Final = "gateway/default.toml documents every key"
_SHOWN_CHARACTERS_MAX: Final = 64

_UNKNOWN: Final = ("unexpected_keyword_argument", "extra_forbidden")
_NO_TABLE: Final = ("dataclass_type", "model_type", "model_attributes_type", "dict_type")
_HEX: Final = (
    "bytes_invalid_encoding",
    "bytes_too_short",
    "bytes_too_long",
    "too_short",
    "too_long",
)


def explain(file: Path, error: Mapping[str, Any], known: SectionKeys) -> SettingFault:
    """Return one error of pydantic's as a fault.

    Args:
        file: the configuration file.
        error: an element of ValidationError.errors().
        known: every section and key there is.
    """
    *section_path, name = [str(part) for part in error["loc"]]
    section = ".".join(section_path)
    kind = error["type"]
    if kind in _UNKNOWN and not section:
        return _unknown_at_top(file, name, error.get("input"), known)
    if kind in _UNKNOWN:
        return _unknown(file, section, name, known)
    if kind in _NO_TABLE and ".".join((*section_path, name)) in known:
        table = ".".join((*section_path, name))
        return SettingFault(
            file=file,
            key=f"[{table}]",
            problem="is no section",
            remedy=f"write [{table}] on a line of its own and its keys below",
        )
    default = known.get(section, {}).get(name)
    problem, remedy = _problem_and_remedy(kind, error, name, default)
    return SettingFault(file=file, key=key_of(section, name), problem=problem, remedy=remedy)


def key_of(section: str, name: str) -> str:
    """Return how a key is named to a person."""
    return f"[{section}] {name}" if section else name


def as_toml(value: object) -> str:
    """Return a default as it would stand in the file."""
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return as_toml(value.value)
        case bytes():
            return f'"{value.hex()}"'
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case _:
            return f'"{value}"'


def _unknown(file: Path, section: str, name: str, known: SectionKeys) -> SettingFault:
    remedy = f"remove it; {_DOCUMENTED}"
    elsewhere = [other for other, keys in known.items() if name in keys]
    near = difflib.get_close_matches(name, known.get(section, ()), n=1)
    if near:
        remedy = f"did you mean {near[0]}?"
    elif elsewhere:
        remedy = f"it belongs into [{elsewhere[0]}]"
    return SettingFault(file=file, key=key_of(section, name), problem="unknown key", remedy=remedy)


def _unknown_at_top(file: Path, name: str, given: object, known: SectionKeys) -> SettingFault:
    near = difflib.get_close_matches(name, known, n=1)
    if isinstance(given, dict):
        key, problem = f"[{name}]", "unknown section"
        remedy = f"did you mean [{near[0]}]?" if near else f"the sections are {_listed(known)}"
    else:
        homes = [section for section, keys in known.items() if name in keys]
        key, problem = name, "stands outside every section"
        remedy = f"move it below [{homes[0]}]" if homes else f"remove it; {_DOCUMENTED}"
    return SettingFault(file=file, key=key, problem=problem, remedy=remedy)


def _problem_and_remedy(
    kind: str, error: Mapping[str, Any], name: str, default: object
) -> tuple[str, str]:
    given = error.get("input")
    example = "" if default is None else f", for example {name} = {as_toml(default)}"
    match kind:
        case _ if kind in _EXPECTED:
            wanted = _EXPECTED[kind]
            shown = "something else" if "password" in name else _type_word(given)
            problem = f"wrong type: {shown} where {wanted} belongs"
            remedy = f"write {wanted}"
        case _ if kind in _RELATIONS:
            bound_name, words = _RELATIONS[kind]
            problem = f"out of range: {given}"
            remedy = f"write {words} {error['ctx'][bound_name]:.10g}"
        case _ if kind in _HEX:
            problem, remedy = f"unreadable value {as_toml(given)}", "write 12 hexadecimal digits"
        case "enum" | "literal_error":
            problem = f"unknown value {as_toml(given)}"
            remedy = "write " + str(error["ctx"]["expected"]).replace("'", '"')
            example = ""
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            problem, remedy = "is missing", f"add the key {name}"
        case "finite_number":
            problem, remedy = f"out of range: {given}", "write a finite number"
        case "predicate_failed":
            problem = f"unusable name {as_toml(given)}"
            remedy = "write 1 to 64 letters, digits and hyphens"
        case _:
            message = str(error["msg"]).removeprefix("Value error, ")
            problem, remedy = message[:1].lower() + message[1:], "correct the value"
    return problem, remedy + example


def _type_word(value: object) -> str:
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= _SHOWN_CHARACTERS_MAX else "a long text"
    words = {bool: "true or false", list: "a list", dict: "a table"}
    return words.get(type(value), f"the number {value}")


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(f"[{name}]" for name in names)


def defaults_of(settings: type) -> dict[str, Any]:
    """Return key -> default of a settings dataclass; None where there is none."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        found[field.name] = None
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
    return found
