"""APDUs of DLMS with short names, field by field."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

from drivers.dlms.apdu_sn import BlockNumber, decode_apdu
from drivers.dlms.association import LOW_LEVEL_SECURITY, SHORT_NAMES, decode_acse
from drivers.dlms.axdr import Data
from drivers.dlms.date_time import DATE_TIME_OCTETS, CosemDateTime
from drivers.dlms.service_error import ConfirmedServiceError
from drivers.dlms.variable_access import DataBlock
from gateway.cli.explanation import Layer, plain
from gateway.cli.tables import utc

_ACSE_TAGS: Final = frozenset({0x60, 0x61, 0x62, 0x63})
_OBJECT_IDENTIFIERS: Final = {
    SHORT_NAMES: "short names, no ciphering",
    LOW_LEVEL_SECURITY: "low-level security",
}


def explain_apdu(octets: bytes) -> Iterator[Layer]:
    """Explain one APDU; a password in it is not shown."""
    apdu = decode_acse(octets) if octets[:1] and octets[0] in _ACSE_TAGS else decode_apdu(octets)
    fields: dict[str, Any] = {"apdu": type(apdu).__name__}
    for field in dataclasses.fields(apdu):
        fields[field.name] = _shown(field.name, getattr(apdu, field.name))
    yield Layer("DLMS", fields)


def _shown(name: str, value: object) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, Data):
        return _data(value)
    if isinstance(value, tuple):
        return [_result(each) if name == "results" else _shown(name, each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {inner: _shown(inner, getattr(value, inner)) for inner in names}
    if isinstance(value, int) and name == "name":
        return f"{value:04X}"
    if isinstance(value, bytes):
        return _OBJECT_IDENTIFIERS.get(value) or plain(value)
    return plain(value)


def _result(value: object) -> Any:  # noqa: ANN401  (any JSON value)
    match value:
        case Data():
            return _data(value)
        case DataBlock() | BlockNumber() | ConfirmedServiceError():
            return plain(value)
        case _:
            return {"error": plain(value)}


def _data(data: Data) -> dict[str, Any]:
    """Return a value below the name of its type."""
    kind = data.tag.name.lower()
    if isinstance(data.value, tuple):
        return {kind: [_data(each) for each in data.value]}
    if isinstance(data.value, CosemDateTime):
        return {kind: _moment(data.value)}
    shown = {kind: plain(data.value)}
    if isinstance(data.value, bytes):
        shown |= _second_reading(data.value)
    return shown


def _second_reading(octets: bytes) -> dict[str, str]:
    """Return what an octet-string most likely means: a moment, or a text."""
    if len(octets) == DATE_TIME_OCTETS:
        moment = CosemDateTime.decode(octets)
        if moment.utc_s() is not None:
            return {"as_date_time": _moment(moment)}
    if octets and all(0x20 <= octet < 0x7F for octet in octets):
        return {"as_text": octets.decode("ascii")}
    return {}


def _moment(moment: CosemDateTime) -> str:
    at_s = moment.utc_s()
    if at_s is None:
        return moment.encode().hex().upper()
    marks = [flag.name or "" for flag in moment.marks()]
    return " ".join([utc(at_s), *marks])
