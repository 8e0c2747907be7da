"""One frame explained: layer by layer, as far as its octets make sense."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, IntEnum, IntFlag
from typing import Any

from drivers.errors import MalformedFrame
from hal.errors import MalformedModemFrame


@dataclasses.dataclass(frozen=True, slots=True)
class Layer:
    """One layer's fields, in the order in which a person wants to read them.

    Attributes:
        name: of the layer, for example "MAC frame".
        fields: plain values only (text, numbers, truth, lists and mappings of these).
    """

    name: str
    fields: Mapping[str, Any]


Explainer = Callable[[bytes], Iterator[Layer]]
"""Yields layers from the outside in; raises MalformedFrame where the octets stop making sense."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is known about one input.

    Attributes:
        given: the input as it was typed.
        layers: what could be read.
        reason: why reading ended early; None when the whole frame is well formed.
    """

    given: str
    layers: tuple[Layer, ...]
    reason: str | None

    @property
    def ok(self) -> bool:
        """Whether the frame is well formed in every layer."""
        return self.reason is None

    def as_object(self) -> dict[str, Any]:
        """Return the explanation as one JSON object."""
        layers = [{"layer": layer.name, **layer.fields} for layer in self.layers]
        return {"input": self.given, "ok": self.ok, "reason": self.reason, "layers": layers}


def explain_text(given: str, explainer: Explainer) -> Explanation:
    """Read hexadecimal octets and explain the frame that they are; never raises for the input."""
    layers: list[Layer] = []
    reason = None
    try:
        for layer in explainer(octets_of(given)):
            layers.append(layer)  # noqa: PERF402  (what was read before an error is kept)
    except (MalformedFrame, MalformedModemFrame) as error:
        reason = str(error)
    return Explanation(given=given, layers=tuple(layers), reason=reason)


def octets_of(text: str) -> bytes:
    """Return the octets that the text names.

    Raises:
        MalformedFrame: it is not pairs of hexadecimal digits.
    """
    digits = text.lower().replace("0x", "").translate(_SEPARATORS)
    try:
        octets = bytes.fromhex(digits)
    except ValueError as error:
        reason = "an odd number of hexadecimal digits" if _is_hexadecimal(digits) else "not hex"
        raise MalformedFrame(reason) from error
    if not octets:
        raise MalformedFrame("no octets")
    return octets


def plain(value: object) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a codec's value as plain ones: octets in hex, codes by name, records as mappings."""
    match value:
        case bytes() | bytearray():
            found: Any = value.hex().upper()
        case IntFlag():
            found = [flag.name for flag in value] or "none"
        case IntEnum():
            found = f"{value.value} {value.name}"
        case Enum():
            found = value.value
        case Mapping():
            found = {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple() | frozenset():
            found = [plain(inner) for inner in value]
        case None | bool() | int() | float() | str():
            found = value
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            found = {name: plain(getattr(value, name)) for name in names}
        case _:
            found = str(value)
    return found


_SEPARATORS = str.maketrans("", "", " \t:-,")


def _is_hexadecimal(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
