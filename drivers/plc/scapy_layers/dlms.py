"""The APDUs of DLMS with short names: service, names, values; ciphered ones by their tag only."""

from typing import Any, Final

from scapy.fields import (
    ByteEnumField,
    ByteField,
    ConditionalField,
    PacketListField,
    XByteField,
    XStrLenField,
)
from scapy.packet import Packet, Raw

from drivers.plc.scapy_layers.association import DlmsAssociation
from drivers.plc.scapy_layers.axdr import AxdrLengthField, DlmsData
from drivers.plc.scapy_layers.dlms_parts import access_part, read_result, write_result
from drivers.plc.scapy_layers.field_kinds import LIST_ITEMS_MAX

_TAG_NAMES: Final = {
    0x01: "InitiateRequest",
    0x08: "InitiateResponse",
    0x21: "ciphered InitiateRequest",
    0x25: "ciphered ReadRequest",
    0x26: "ciphered WriteRequest",
    0x28: "ciphered InitiateResponse",
    0x2C: "ciphered ReadResponse",
    0x2D: "ciphered WriteResponse",
    0x2E: "ciphered ConfirmedServiceError",
    0x36: "ciphered UnconfirmedWriteRequest",
    0x38: "ciphered InformationReport",
}


def _list(name: str, item: Any, count: str) -> PacketListField:  # noqa: ANN401  (class or maker)
    return PacketListField(
        name, [], item, count_from=lambda apdu: apdu.getfieldval(count), max_count=LIST_ITEMS_MAX
    )


def _accesses() -> list[Any]:
    return [AxdrLengthField("count", count_of="accesses"), _list("accesses", access_part, "count")]


def _data() -> list[Any]:
    return [AxdrLengthField("data_count", count_of="data"), _list("data", DlmsData, "data_count")]


class _NamesAndData(Packet):
    """Requests that name something; what they do with it is the tag's business."""

    def mysummary(self) -> str:
        """Return the service, what is named, and the values that go with it."""
        text = f"{type(self).__name__.removeprefix('Dlms')} {_words(self.accesses)}"
        data = self.getfieldval("data") if "data" in self.fields else None
        return f"{text} := {_words(data)}" if data else text


class DlmsReadRequest(_NamesAndData):
    """Asks for one or more values."""

    name = "DLMS ReadRequest"
    fields_desc = [XByteField("tag", 0x05), *_accesses()]


class DlmsWriteRequest(_NamesAndData):
    """Sets values or calls methods."""

    name = "DLMS WriteRequest"
    fields_desc = [XByteField("tag", 0x06), *_accesses(), *_data()]


class DlmsUnconfirmedWriteRequest(_NamesAndData):
    """A WriteRequest that nobody answers."""

    name = "DLMS UnconfirmedWriteRequest"
    fields_desc = [XByteField("tag", 0x16), *_accesses(), *_data()]


class DlmsInformationReport(_NamesAndData):
    """Values that a meter sends unasked."""

    name = "DLMS InformationReport"
    fields_desc = [
        XByteField("tag", 0x18),
        ByteField("time_present", 0),
        ConditionalField(
            AxdrLengthField("time_length", octets_of="current_time"),
            lambda report: bool(report.time_present),
        ),
        ConditionalField(
            XStrLenField("current_time", b"", length_from=lambda report: report.time_length),
            lambda report: bool(report.time_present),
        ),
        *_accesses(),
        *_data(),
    ]


class _Results(Packet):
    """Responses, name by name."""

    def mysummary(self) -> str:
        """Return the service and its results."""
        return f"{type(self).__name__.removeprefix('Dlms')} {_words(self.results)}"


class DlmsReadResponse(_Results):
    """Answers a ReadRequest: values, errors, or a block of a long answer."""

    name = "DLMS ReadResponse"
    fields_desc = [
        XByteField("tag", 0x0C),
        AxdrLengthField("count", count_of="results"),
        _list("results", read_result, "count"),
    ]


class DlmsWriteResponse(_Results):
    """Answers a WriteRequest."""

    name = "DLMS WriteResponse"
    fields_desc = [
        XByteField("tag", 0x0D),
        AxdrLengthField("count", count_of="results"),
        _list("results", write_result, "count"),
    ]


class DlmsServiceError(Packet):
    """The meter refuses a whole request."""

    name = "DLMS ConfirmedServiceError"
    fields_desc = [
        XByteField("tag", 0x0E),
        ByteField("service", 5),
        ByteField("group", 0),
        ByteField("value", 0),
    ]

    def mysummary(self) -> str:
        """Return the three codes."""
        return f"ConfirmedServiceError {self.service} {self.group} {self.value}"


class DlmsOther(Packet):
    """An APDU of which only the tag is read; its octets are the payload."""

    name = "DLMS APDU"
    fields_desc = [ByteEnumField("tag", 0x01, _TAG_NAMES)]

    def mysummary(self) -> str:
        """Return what the tag means."""
        return _TAG_NAMES.get(self.tag, f"APDU {self.tag:02X}")


_LAYERS: Final[dict[int, type[Packet]]] = {
    0x05: DlmsReadRequest,
    0x06: DlmsWriteRequest,
    0x0C: DlmsReadResponse,
    0x0D: DlmsWriteResponse,
    0x0E: DlmsServiceError,
    0x16: DlmsUnconfirmedWriteRequest,
    0x18: DlmsInformationReport,
    **dict.fromkeys((0x60, 0x61, 0x62, 0x63), DlmsAssociation),
    **dict.fromkeys(_TAG_NAMES, DlmsOther),
}


def apdu_layer(octets: bytes) -> type[Packet]:
    """Return the layer that octets begin with; Raw for an unknown tag."""
    return _LAYERS.get(octets[0], Raw) if octets else Raw


def _words(parts: list[Packet]) -> str:
    return ", ".join(
        part.load.hex().upper() if isinstance(part, Raw) else str(part.mysummary())
        for part in parts
    )
