"""What stands in the lists of short-name APDUs: ways to name a value, and results."""

from typing import Final

from scapy.fields import ByteEnumField, ByteField, ShortField, XShortField, XStrLenField
from scapy.packet import Packet, Raw

from drivers.plc.scapy_layers.axdr import AxdrLengthField, data_fields, value_text

_ERROR_NAMES: Final = {
    0: "success",
    1: "hardware fault",
    2: "temporary failure",
    3: "read-write denied",
    4: "object undefined",
    9: "object class inconsistent",
    11: "object unavailable",
    12: "type unmatched",
    13: "scope of access violated",
    14: "data block unavailable",
    15: "long get aborted",
    16: "no long get in progress",
    17: "long set aborted",
    18: "no long set in progress",
    19: "data block number invalid",
    250: "other reason",
}


class _Part(Packet):
    """One item of a list: what follows belongs to the next."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Leave what follows to the next item."""
        return b"", s


class DlmsVariableName(_Part):
    """An attribute or method by its short name alone."""

    name = "DLMS variable-name"
    fields_desc = [ByteField("choice", 2), XShortField("short_name", 0)]

    def mysummary(self) -> str:
        """Return the short name."""
        return f"{self.short_name:04X}"


class DlmsParameterizedName(_Part):
    """An attribute of which a part is selected."""

    name = "DLMS parameterized-access"
    fields_desc = [
        ByteField("choice", 4),
        XShortField("short_name", 0),
        ByteField("selector", 1),
        *data_fields(),
    ]

    def mysummary(self) -> str:
        """Return the short name and the selector."""
        return f"{self.short_name:04X} by selector {self.selector}"


class DlmsBlockNumberAccess(_Part):
    """Asks for the block behind the one named."""

    name = "DLMS block-number-access"
    fields_desc = [ByteField("choice", 5), ShortField("block_number", 1)]

    def mysummary(self) -> str:
        """Return the number."""
        return f"block after {self.block_number}"


class DlmsDataBlock(_Part):
    """One block of a long answer (choice 2 in a response, 6 in a request)."""

    name = "DLMS data block"
    fields_desc = [
        ByteField("choice", 2),
        ByteField("last_block", 0),
        ShortField("block_number", 1),
        AxdrLengthField("length", octets_of="raw_data"),
        XStrLenField("raw_data", b"", length_from=lambda block: block.length),
    ]

    def mysummary(self) -> str:
        """Return number and length."""
        last = ", the last" if self.last_block else ""
        return f"block {self.block_number} of {len(self.raw_data)} octets{last}"


class DlmsWriteDataBlock(_Part):
    """Announces one block of a long write."""

    name = "DLMS write-data-block-access"
    fields_desc = [
        ByteField("choice", 7),
        ByteField("last_block", 0),
        ShortField("block_number", 1),
    ]

    def mysummary(self) -> str:
        """Return the number."""
        return f"write block {self.block_number}"


class DlmsValue(_Part):
    """A result that is a value."""

    name = "DLMS result value"
    fields_desc = [ByteField("choice", 0), *data_fields()]

    def mysummary(self) -> str:
        """Return type and value."""
        return value_text(self.type, self.content)


class DlmsSuccess(_Part):
    """A result of a write that was done."""

    name = "DLMS result success"
    fields_desc = [ByteField("choice", 0)]

    def mysummary(self) -> str:
        """Return the word."""
        return "success"


class DlmsError(_Part):
    """A result that is the reason why there is none."""

    name = "DLMS result error"
    fields_desc = [ByteField("choice", 1), ByteEnumField("error", 4, _ERROR_NAMES)]

    def mysummary(self) -> str:
        """Return the reason."""
        return f"error {self.error} {_ERROR_NAMES.get(self.error, '')}".rstrip()


class DlmsBlockNumber(_Part):
    """A result that names a block (choice 3 of a read, 2 of a write)."""

    name = "DLMS result block-number"
    fields_desc = [ByteField("choice", 3), ShortField("block_number", 1)]

    def mysummary(self) -> str:
        """Return the number."""
        return f"block number {self.block_number}"


_ACCESSES: Final[dict[int, type[Packet]]] = {
    2: DlmsVariableName,
    4: DlmsParameterizedName,
    5: DlmsBlockNumberAccess,
    6: DlmsDataBlock,
    7: DlmsWriteDataBlock,
}
_READ_RESULTS: Final[dict[int, type[Packet]]] = {
    0: DlmsValue,
    1: DlmsError,
    2: DlmsDataBlock,
    3: DlmsBlockNumber,
}
_WRITE_RESULTS: Final[dict[int, type[Packet]]] = {
    0: DlmsSuccess,
    1: DlmsError,
    2: DlmsBlockNumber,
}


def access_part(octets: bytes) -> Packet:
    """Return the way of naming a value that octets begin with; Raw for an unknown one."""
    return _ACCESSES.get(octets[0], Raw)(octets)


def read_result(octets: bytes) -> Packet:
    """Return the result of a read that octets begin with; Raw for an unknown one."""
    return _READ_RESULTS.get(octets[0], Raw)(octets)


def write_result(octets: bytes) -> Packet:
    """Return the result of a write that octets begin with; Raw for an unknown one."""
    return _WRITE_RESULTS.get(octets[0], Raw)(octets)
