"""Opening and closing an association: the ACSE APDUs of the short-name context."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from drivers.dlms.axdr_primitives import encode_length, read_octets, with_length
from drivers.dlms.initiate import OUR_SERVICES, Conformance, InitiateRequest, InitiateResponse
from drivers.dlms.password import Password
from drivers.dlms.service_error import ConfirmedServiceError, known_or_plain
from drivers.errors import MalformedFrame, ServiceRefused
from drivers.octets import OctetReader

__all__ = [
    "LOW_LEVEL_SECURITY",
    "SHORT_NAMES",
    "Aare",
    "Aarq",
    "AcseApdu",
    "AssociationRejected",
    "AssociationRequest",
    "AssociationResult",
    "AssociationTerms",
    "Conformance",
    "Diagnostic",
    "Password",
    "Rlre",
    "Rlrq",
    "decode_acse",
]

SHORT_NAMES = bytes.fromhex("60857405080102")  # 2.16.756.5.8.1.2, without ciphering
LOW_LEVEL_SECURITY = bytes.fromhex("60857405080201")

_CONTEXT_NAME = 0xA1
_RESULT = 0xA2
_DIAGNOSTIC = 0xA3
_ACSE_REQUIREMENTS = 0x8A
_MECHANISM = 0x8B
_CALLING_AUTHENTICATION = 0xAC
_USER_INFORMATION = 0xBE
_REASON = 0x80
_OBJECT_IDENTIFIER = 0x06
_INTEGER = 0x02
_OCTET_STRING = 0x04
_DIAGNOSTIC_OF_USER = 0xA1
_DIAGNOSTIC_OF_PROVIDER = 0xA2
_CHARACTERS = 0x80


class AssociationResult(IntEnum):
    """How a server answers an AARQ."""

    ACCEPTED = 0
    REJECTED_PERMANENT = 1
    REJECTED_TRANSIENT = 2


class Diagnostic(IntEnum):
    """Why, as the acse-service-user says it."""

    NONE = 0
    NO_REASON_GIVEN = 1
    CONTEXT_NAME_NOT_SUPPORTED = 2
    AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED = 11
    AUTHENTICATION_MECHANISM_NAME_REQUIRED = 12
    AUTHENTICATION_FAILURE = 13
    AUTHENTICATION_REQUIRED = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRequest:
    """The terms on which we ask for an association.

    Attributes:
        password: for low-level security; None asks for the lowest level.
        pdu_octets_max: longest APDU that we take.
        conformance: the services that we want; the meter may grant fewer.
    """

    password: Password | None
    pdu_octets_max: int
    conformance: Conformance = OUR_SERVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationTerms:
    """What the meter granted.

    Attributes:
        server_pdu_octets_max: longest APDU that the meter takes; 0 is no limit.
    """

    conformance: Conformance
    server_pdu_octets_max: int


class AssociationRejected(ServiceRefused):
    """The meter refused an association.

    Attributes:
        result: permanent or transient.
        diagnostic: why; 13 is a wrong password.
    """

    def __init__(self, result: AssociationResult | int, diagnostic: Diagnostic | int) -> None:
        super().__init__(f"association rejected: result {result:d}, diagnostic {diagnostic:d}")
        self.result = result
        self.diagnostic = diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class Aarq:
    """Asks for an association.

    Attributes:
        mechanism: object identifier of the authentication mechanism; None for the lowest level.
    """

    TAG = 0x60

    initiate: InitiateRequest
    context: bytes = SHORT_NAMES
    mechanism: bytes | None = None
    password: Password | None = None

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        body = _field(_CONTEXT_NAME, _field(_OBJECT_IDENTIFIER, self.context))
        if self.mechanism is not None:
            body += _field(_ACSE_REQUIREMENTS, b"\x07\x80")
            body += _field(_MECHANISM, self.mechanism)
        if self.password is not None:
            body += _field(_CALLING_AUTHENTICATION, _field(_CHARACTERS, self.password.octets))
        body += _user_information(self.initiate.encode())
        return _field(self.TAG, body)

    @classmethod
    def decode_body(cls, octets: bytes) -> "Aarq":
        """Read what follows tag and length."""
        fields = dict(_fields(octets))
        password = None
        if _CALLING_AUTHENTICATION in fields:
            password = Password(_inner(fields[_CALLING_AUTHENTICATION], _CHARACTERS))
        return cls(
            context=_inner(_needed(fields, _CONTEXT_NAME), _OBJECT_IDENTIFIER),
            mechanism=fields.get(_MECHANISM),
            password=password,
            initiate=InitiateRequest.decode(
                _inner(_needed(fields, _USER_INFORMATION), _OCTET_STRING)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Aare:
    """Answers an AARQ.

    Attributes:
        initiate: what is granted, or why not; None when the server does not say.
        from_provider: the diagnostic is the acse-service-provider's.
    """

    TAG = 0x61

    result: AssociationResult | int
    diagnostic: Diagnostic | int
    initiate: InitiateResponse | ConfirmedServiceError | None
    context: bytes = SHORT_NAMES
    from_provider: bool = False

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        source = _DIAGNOSTIC_OF_PROVIDER if self.from_provider else _DIAGNOSTIC_OF_USER
        body = _field(_CONTEXT_NAME, _field(_OBJECT_IDENTIFIER, self.context))
        body += _field(_RESULT, _field(_INTEGER, bytes([self.result])))
        diagnostic = _field(_INTEGER, bytes([self.diagnostic]))
        body += _field(_DIAGNOSTIC, _field(source, diagnostic))
        if self.initiate is not None:
            body += _user_information(self.initiate.encode())
        return _field(self.TAG, body)

    @classmethod
    def decode_body(cls, octets: bytes) -> "Aare":
        """Read what follows tag and length."""
        fields = dict(_fields(octets))
        result = _small_number(_inner(_needed(fields, _RESULT), _INTEGER))
        sources = dict(_fields(_needed(fields, _DIAGNOSTIC)))
        from_provider = _DIAGNOSTIC_OF_PROVIDER in sources
        source = _DIAGNOSTIC_OF_PROVIDER if from_provider else _DIAGNOSTIC_OF_USER
        diagnostic = _small_number(_inner(_needed(sources, source), _INTEGER))
        initiate = None
        if _USER_INFORMATION in fields:
            initiate = _initiate_answer(_inner(fields[_USER_INFORMATION], _OCTET_STRING))
        return cls(
            context=_inner(_needed(fields, _CONTEXT_NAME), _OBJECT_IDENTIFIER),
            result=known_or_plain(AssociationResult, result),
            diagnostic=known_or_plain(Diagnostic, diagnostic),
            from_provider=from_provider,
            initiate=initiate,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rlrq:
    """Asks to end an association; reason 0 is the normal one."""

    TAG = 0x62

    reason: int | None = 0

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        return _field(self.TAG, _reason(self.reason))

    @classmethod
    def decode_body(cls, octets: bytes) -> "Rlrq":
        """Read what follows tag and length."""
        return cls(reason=_read_reason(octets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rlre:
    """Answers an RLRQ."""

    TAG = 0x63

    reason: int | None = 0

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        return _field(self.TAG, _reason(self.reason))

    @classmethod
    def decode_body(cls, octets: bytes) -> "Rlre":
        """Read what follows tag and length."""
        return cls(reason=_read_reason(octets))


AcseApdu: TypeAlias = Aarq | Aare | Rlrq | Rlre

_BODIES: dict[int, Callable[[bytes], AcseApdu]] = {
    Aarq.TAG: Aarq.decode_body,
    Aare.TAG: Aare.decode_body,
    Rlrq.TAG: Rlrq.decode_body,
    Rlre.TAG: Rlre.decode_body,
}


def decode_acse(octets: bytes) -> AcseApdu:
    """Read one APDU that opens or closes an association.

    Raises:
        MalformedFrame: it is none, or damaged.

    Source: IEC 62056-53; docs/plc.md 6.3.
    """
    reader = OctetReader(octets)
    tag = reader.u8()
    body = _BODIES.get(tag)
    if body is None:
        raise MalformedFrame(f"no association APDU has the tag {tag:02X}", octets)
    # A server is known whose RLRE announces too few octets (docs/plc.md 6.7), so this one may.
    length = read_octets(reader) if tag != Rlre.TAG else _lenient(reader)
    apdu = body(length)
    reader.end()
    return apdu


def _lenient(reader: OctetReader) -> bytes:
    reader.u8()
    return reader.rest()


def _field(tag: int, contents: bytes) -> bytes:
    return bytes([tag]) + encode_length(len(contents)) + contents


def _user_information(octets: bytes) -> bytes:
    return bytes([_USER_INFORMATION]) + with_length(_field(_OCTET_STRING, octets))


def _fields(octets: bytes) -> Iterator[tuple[int, bytes]]:
    reader = OctetReader(octets)
    while reader.left():
        yield reader.u8(), read_octets(reader)


def _needed(fields: dict[int, bytes], tag: int) -> bytes:
    if tag not in fields:
        raise MalformedFrame(f"the field {tag:02X} is missing")
    return fields[tag]


def _inner(octets: bytes, tag: int) -> bytes:
    return _needed(dict(_fields(octets)), tag)


def _small_number(octets: bytes) -> int:
    if len(octets) != 1:
        raise MalformedFrame("a result that is not one octet long", octets)
    return octets[0]


def _initiate_answer(octets: bytes) -> InitiateResponse | ConfirmedServiceError:
    if octets[:1] != bytes([ConfirmedServiceError.TAG]):
        return InitiateResponse.decode(octets)
    reader = OctetReader(octets, 1)
    error = ConfirmedServiceError.decode_body(reader)
    reader.end()
    return error


def _reason(reason: int | None) -> bytes:
    return b"" if reason is None else _field(_REASON, bytes([reason]))


def _read_reason(octets: bytes) -> int | None:
    fields = dict(_fields(octets))
    return _small_number(fields[_REASON]) if _REASON in fields else None
