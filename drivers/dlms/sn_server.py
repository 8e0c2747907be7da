"""A meter's side of DLMS with short names: associations, reads, writes, long answers."""

from collections.abc import Iterable
from dataclasses import dataclass

from drivers.dlms.apdu_sn import (
    ErrorCode,
    ReadRequest,
    ReadResponse,
    ReadResult,
    UnconfirmedWriteRequest,
    WriteRequest,
    WriteResponse,
    WriteResult,
    decode_apdu,
    encode_read_results,
)
from drivers.dlms.association import (
    LOW_LEVEL_SECURITY,
    SHORT_NAMES,
    Aare,
    Aarq,
    AssociationResult,
    Diagnostic,
    Rlre,
    Rlrq,
    decode_acse,
)
from drivers.dlms.axdr import Data
from drivers.dlms.initiate import DLMS_VERSION, Conformance, InitiateResponse
from drivers.dlms.long_answer import LongAnswer, RawDataShape, in_blocks
from drivers.dlms.password import Password
from drivers.dlms.service_error import (
    AccessRefused,
    ConfirmedServiceError,
    DataAccessError,
    ErrorGroup,
    InitiateError,
    Service,
    ServiceError,
    VdeStateError,
)
from drivers.dlms.sn_objects import NameSpace, SnObject
from drivers.dlms.variable_access import (
    BlockNumberAccess,
    ParameterizedName,
    VariableAccess,
    VariableName,
)
from drivers.errors import MalformedFrame

__all__ = ["AccessRefused", "RawDataShape", "SnObject", "SnServer"]

PDU_OCTETS_MIN = 12  # below this not even the head of a block fits

_SHORT_NAME_REQUESTS = {ReadRequest.TAG: Service.READ, WriteRequest.TAG: Service.WRITE}
_ACSE_REQUESTS = {Aarq.TAG, Rlrq.TAG}


@dataclass(slots=True, kw_only=True)
class _Association:
    """What was agreed with one client, and the long answer that it is fetching."""

    conformance: Conformance
    pdu_octets_max: int
    long_answer: LongAnswer | None = None


class SnServer:
    """Answers APDUs; each client access point has an association of its own.

    Unconfirmed writes need no association: broadcasts come without one (docs/plc.md 6.3, M).
    """

    def __init__(
        self,
        objects: Iterable[SnObject],
        *,
        pdu_octets_max: int,
        password: Password | None,
        conformance: Conformance,
        raw_data_shape: RawDataShape = RawDataShape.RESULTS,
    ) -> None:
        """Serve these objects; an object list at FA00 is added.

        Args:
            objects: what the meter holds.
            pdu_octets_max: longest APDU, in either direction.
            password: which clients must give; None lets everybody in.
            conformance: the services that the meter offers.
            raw_data_shape: which of the two forms its long answers have.
        """
        self._names = NameSpace(objects)
        self._pdu_octets_max = pdu_octets_max
        self._password = password
        self._conformance = conformance
        self._raw_data_shape = raw_data_shape
        self._associations: dict[int, _Association] = {}

    def receive(self, apdu: bytes, client_lsap: int) -> bytes | None:
        """Return the answer to what a client sent; None when there is none to give."""
        tag = apdu[0] if apdu else None
        try:
            if tag in _ACSE_REQUESTS:
                return self._acse(apdu, client_lsap)
            if tag == UnconfirmedWriteRequest.TAG:
                self._unconfirmed_write(apdu)
            if tag in _SHORT_NAME_REQUESTS:
                return self._confirmed(apdu, client_lsap)
        except MalformedFrame:
            if tag in _SHORT_NAME_REQUESTS:
                return _refusal(_SHORT_NAME_REQUESTS[tag], ErrorGroup.SERVICE, ServiceError.OTHER)
        return None

    def is_associated(self, client_lsap: int) -> bool:
        """Whether that client has an association."""
        return client_lsap in self._associations

    def drop_associations(self) -> None:
        """Forget all clients, as after a power failure or a fall back to NEW."""
        self._associations.clear()

    def _acse(self, apdu: bytes, client_lsap: int) -> bytes | None:
        request = decode_acse(apdu)
        if isinstance(request, Aarq):
            return self._associate(request, client_lsap).encode()
        if isinstance(request, Rlrq) and self._associations.pop(client_lsap, None) is not None:
            return Rlre(reason=request.reason).encode()
        return None

    def _associate(self, request: Aarq, client_lsap: int) -> Aare:
        self._associations.pop(client_lsap, None)
        objection = self._objection(request)
        if objection is not None:
            return _rejection(objection)
        if request.initiate.dlms_version < DLMS_VERSION:
            return _rejection(Diagnostic.NO_REASON_GIVEN, InitiateError.DLMS_VERSION_TOO_LOW)
        client_octets_max = request.initiate.client_pdu_octets_max or self._pdu_octets_max
        if client_octets_max < PDU_OCTETS_MIN:
            return _rejection(Diagnostic.NO_REASON_GIVEN, InitiateError.PDU_SIZE_TOO_SHORT)
        conformance = request.initiate.conformance & self._conformance
        self._associations[client_lsap] = _Association(
            conformance=conformance,
            pdu_octets_max=min(client_octets_max, self._pdu_octets_max),
        )
        return Aare(
            result=AssociationResult.ACCEPTED,
            diagnostic=Diagnostic.NONE,
            initiate=InitiateResponse(
                conformance=conformance, server_pdu_octets_max=self._pdu_octets_max
            ),
        )

    def _objection(self, request: Aarq) -> Diagnostic | None:
        if request.context != SHORT_NAMES:
            return Diagnostic.CONTEXT_NAME_NOT_SUPPORTED
        if self._password is None:
            return None
        if request.mechanism is None or request.password is None:
            return Diagnostic.AUTHENTICATION_REQUIRED
        if request.mechanism != LOW_LEVEL_SECURITY:
            return Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
        return None if request.password == self._password else Diagnostic.AUTHENTICATION_FAILURE

    def _confirmed(self, apdu: bytes, client_lsap: int) -> bytes:
        service = _SHORT_NAME_REQUESTS[apdu[0]]
        association = self._associations.get(client_lsap)
        if association is None:
            return _refusal(service, ErrorGroup.VDE_STATE, VdeStateError.NO_DLMS_CONTEXT)
        if len(apdu) > self._pdu_octets_max:
            return _refusal(service, ErrorGroup.SERVICE, ServiceError.PDU_SIZE)
        request = decode_apdu(apdu)
        if isinstance(request, ReadRequest | WriteRequest) and _granted(request, association):
            if isinstance(request, ReadRequest):
                return self._read(request, association)
            if len(request.accesses) == len(request.data):
                return WriteResponse(results=self._write(request)).encode()
        return _refusal(service, ErrorGroup.SERVICE, ServiceError.UNSUPPORTED)

    def _read(self, request: ReadRequest, association: _Association) -> bytes:
        if len(request.accesses) == 1 and isinstance(request.accesses[0], BlockNumberAccess):
            return _next_block(request.accesses[0].block_number, association)
        association.long_answer = None
        results = tuple([self._read_one(access) for access in request.accesses])
        whole = _answer(*results)
        if len(whole) <= association.pdu_octets_max:
            return whole
        if not association.conformance & Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ:
            return _refusal(Service.READ, ErrorGroup.SERVICE, ServiceError.PDU_SIZE)
        association.long_answer = in_blocks(self._raw_data(results), association.pdu_octets_max)
        return _answer(association.long_answer.block(1))

    def _raw_data(self, results: tuple[ReadResult, ...]) -> bytes:
        values = [result for result in results if isinstance(result, Data)]
        if self._raw_data_shape is RawDataShape.BARE_DATA and len(values) == len(results):
            return b"".join([value.encode() for value in values])
        return encode_read_results(results)

    def _read_one(self, access: VariableAccess) -> ReadResult:
        try:
            match access:
                case VariableName():
                    return self._names.read(access.name, None, None)
                case ParameterizedName():
                    return self._names.read(access.name, access.selector, access.parameter)
                case _:
                    return DataAccessError.DATA_BLOCK_UNAVAILABLE
        except AccessRefused as refused:
            return refused.error
        except MalformedFrame:  # the object's word for a parameter of the wrong type
            return DataAccessError.TYPE_UNMATCHED

    def _write(self, request: WriteRequest | UnconfirmedWriteRequest) -> tuple[WriteResult, ...]:
        pairs = zip(request.accesses, request.data, strict=True)
        return tuple([self._write_one(access, data) for access, data in pairs])

    def _write_one(self, access: VariableAccess, data: Data) -> ErrorCode:
        if not isinstance(access, VariableName):
            return DataAccessError.SCOPE_OF_ACCESS_VIOLATED
        try:
            self._names.write(access.name, data)
        except AccessRefused as refused:
            return refused.error
        except MalformedFrame:
            return DataAccessError.TYPE_UNMATCHED
        return DataAccessError.SUCCESS

    def _unconfirmed_write(self, apdu: bytes) -> None:
        request = decode_apdu(apdu)
        assert isinstance(request, UnconfirmedWriteRequest)
        if len(request.accesses) == len(request.data):
            self._write(request)


def _granted(request: ReadRequest | WriteRequest, association: _Association) -> bool:
    needed = Conformance.READ if isinstance(request, ReadRequest) else Conformance.WRITE
    if len(request.accesses) > 1:
        needed |= Conformance.MULTIPLE_REFERENCES
    if any(isinstance(access, ParameterizedName) for access in request.accesses):
        needed |= Conformance.PARAMETERIZED_ACCESS
    return association.conformance & needed == needed


def _next_block(taken: int, association: _Association) -> bytes:
    # A client that missed a block names the one before it again, so any block may be asked for.
    long_answer = association.long_answer
    if long_answer is None:
        return _answer(DataAccessError.NO_LONG_GET_IN_PROGRESS)
    if not 1 <= taken < long_answer.block_count:
        association.long_answer = None
        return _answer(DataAccessError.DATA_BLOCK_NUMBER_INVALID)
    return _answer(long_answer.block(taken + 1))


def _answer(*results: ReadResult) -> bytes:
    return ReadResponse(results=results).encode()


def _refusal(service: Service, group: ErrorGroup, value: int) -> bytes:
    return ConfirmedServiceError(service=service, group=group, value=value).encode()


def _rejection(diagnostic: Diagnostic, error: InitiateError = InitiateError.REFUSED) -> Aare:
    return Aare(
        result=AssociationResult.REJECTED_PERMANENT,
        diagnostic=diagnostic,
        initiate=ConfirmedServiceError(
            service=Service.INITIATE, group=ErrorGroup.INITIATE, value=error
        ),
    )
