"""The two ways in which a meter says no: for one name, or for the whole request."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from drivers.errors import PeerError, ServiceRefused
from drivers.octets import OctetReader

Code = TypeVar("Code", bound=IntEnum)


class DataAccessError(IntEnum):
    """Why one name was not read or written. Source: docs/plc.md 6.6."""

    SUCCESS = 0
    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_GET_ABORTED = 15
    NO_LONG_GET_IN_PROGRESS = 16
    LONG_SET_ABORTED = 17
    NO_LONG_SET_IN_PROGRESS = 18
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250


class Service(IntEnum):
    """Which service a ConfirmedServiceError answers."""

    INITIATE = 1
    READ = 5
    WRITE = 6


class ErrorGroup(IntEnum):
    """Group of a service error; from 8 on the sources differ (docs/plc.md 6.6), none is named."""

    APPLICATION_REFERENCE = 0
    HARDWARE_RESOURCE = 1
    VDE_STATE = 2
    SERVICE = 3
    DEFINITION = 4
    ACCESS = 5
    INITIATE = 6
    LOAD_DATA_SET = 7


class VdeStateError(IntEnum):
    """Values of the group VDE_STATE that are acted upon."""

    NO_DLMS_CONTEXT = 1


class ServiceError(IntEnum):
    """Values of the group SERVICE."""

    OTHER = 0
    PDU_SIZE = 1
    UNSUPPORTED = 2


class InitiateError(IntEnum):
    """Values of the group INITIATE."""

    OTHER = 0
    DLMS_VERSION_TOO_LOW = 1
    INCOMPATIBLE_CONFORMANCE = 2
    PDU_SIZE_TOO_SHORT = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedServiceError:
    """The meter refuses a whole request; codes that we do not know stay plain numbers."""

    TAG = 0x0E

    service: Service | int
    group: ErrorGroup | int
    value: int

    def encode(self) -> bytes:
        """Return the four octets of the APDU."""
        return bytes([self.TAG, self.service, self.group, self.value])

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "ConfirmedServiceError":
        """Read what follows the tag."""
        service, group, value = reader.take(3)
        return cls(
            service=known_or_plain(Service, service),
            group=known_or_plain(ErrorGroup, group),
            value=value,
        )


class ServiceErrorReply(ServiceRefused):
    """A ConfirmedServiceError came in place of the answer.

    Attributes:
        service: which service failed.
        group: group of the error.
        value: the error within its group.
        association_is_missing: the meter knows of no association with us; a new one may help.
    """

    def __init__(self, error: ConfirmedServiceError) -> None:
        super().__init__(f"service error {error.service:d} {error.group:d} {error.value:d}")
        self.service = error.service
        self.group = error.group
        self.value = error.value
        self.association_is_missing = (
            error.group == ErrorGroup.VDE_STATE and error.value == VdeStateError.NO_DLMS_CONTEXT
        )


def known_or_plain(codes: type[Code], number: int) -> Code | int:
    """Return the named code, or the number itself when we have no name for it."""
    try:
        return codes(number)
    except ValueError:
        return number


class AccessRefused(PeerError):  # noqa: N818  (reads as what it is in an except clause)
    """An object does not allow what a client asked.

    Attributes:
        error: the reason that the client is told.
    """

    def __init__(self, error: DataAccessError) -> None:
        super().__init__(error.name)
        self.error = error
