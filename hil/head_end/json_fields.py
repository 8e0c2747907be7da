"""Checked access to the fields of a JSON document that a stranger sent."""

import json
from typing import Any, Final

TEXT_OCTETS_MAX: Final = 256
WHOLE_MIN: Final = -(2**63)
WHOLE_MAX: Final = 2**63 - 1
"""What a column of SQLite holds."""


class MalformedDocument(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """The document is not what docs/head_end_interface.md describes: the sender's fault."""


Fields = dict[str, Any]


def parse_object(payload: bytes, octets_max: int) -> Fields:
    """Return the one JSON object that these octets are.

    Raises:
        MalformedDocument: they are not, or there are too many of them.
    """
    if len(payload) > octets_max:
        raise MalformedDocument(f"{len(payload)} octets are more than {octets_max}")
    try:
        document = json.loads(
            payload.decode("utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_unambiguous,
        )
    except ValueError as error:
        raise MalformedDocument(f"no JSON: {error}") from error
    except RecursionError:
        raise MalformedDocument("no JSON: nested too deeply") from None
    return as_object(document, "the document")


def as_object(value: object, name: str) -> Fields:
    """Return an object. Raises MalformedDocument."""
    if not isinstance(value, dict):
        raise MalformedDocument(f"{name} is no object")
    return value


def array(fields: Fields, name: str, items_max: int) -> list[Any]:
    """Return the array of this name. Raises MalformedDocument."""
    return as_array(_field(fields, name), name, items_max)


def as_array(value: object, name: str, items_max: int) -> list[Any]:
    """Return an array. Raises MalformedDocument."""
    if not isinstance(value, list):
        raise MalformedDocument(f"{name} is no array")
    if len(value) > items_max:
        raise MalformedDocument(f"{name} has {len(value)} items, more than {items_max}")
    return value


def text(fields: Fields, name: str) -> str:
    """Return the text of this name; it is not empty. Raises MalformedDocument."""
    value = _field(fields, name)
    if not isinstance(value, str) or not value:
        raise MalformedDocument(f"{name} is no text")
    try:
        length = len(value.encode("utf-8"))
    except UnicodeEncodeError as error:  # half of a surrogate pair, escaped
        raise MalformedDocument(f"{name} is no Unicode text") from error
    if length > TEXT_OCTETS_MAX:
        raise MalformedDocument(f"{name} is longer than {TEXT_OCTETS_MAX} octets")
    return value


def text_or_null(fields: Fields, name: str) -> str | None:
    """Return the text of this name, None for null. Raises MalformedDocument."""
    return None if _field(fields, name) is None else text(fields, name)


def whole(fields: Fields, name: str, least: int = WHOLE_MIN) -> int:
    """Return the whole number of this name. Raises MalformedDocument."""
    return as_whole(_field(fields, name), name, least)


def as_whole(value: object, name: str, least: int = WHOLE_MIN) -> int:
    """Return a whole number of at most 64 bits. Raises MalformedDocument."""
    if type(value) is not int:  # True is an int elsewhere, not here
        raise MalformedDocument(f"{name} is no whole number")
    if not least <= value <= WHOLE_MAX:
        raise MalformedDocument(f"{name} is out of range: {value}")
    return value


def _field(fields: Fields, name: str) -> object:
    try:
        return fields[name]
    except KeyError:
        raise MalformedDocument(f"{name} is missing") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _unambiguous(pairs: list[tuple[str, Any]]) -> Fields:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return fields
