"""Random APDUs of the short-name services, as hypothesis makes them."""

from hypothesis import strategies as st

from drivers.dlms.apdu_sn import (
    BlockNumber,
    ConfirmedServiceError,
    DataAccessError,
    DataBlock,
    InformationReport,
    ReadRequest,
    ReadResponse,
    SnApdu,
    UnconfirmedWriteRequest,
    WriteRequest,
    WriteResponse,
)
from drivers.dlms.association import (
    LOW_LEVEL_SECURITY,
    Aare,
    Aarq,
    AcseApdu,
    Password,
    Rlre,
    Rlrq,
)
from drivers.dlms.axdr import Data
from drivers.dlms.axdr_primitives import with_length
from drivers.dlms.data_types import BitString, DataTag
from drivers.dlms.initiate import Conformance, InitiateRequest, InitiateResponse
from drivers.dlms.variable_access import (
    BlockNumberAccess,
    ParameterizedName,
    VariableName,
    WriteDataBlockAccess,
)

octets = st.integers(0, 0xFF)
words = st.integers(0, 0xFFFF)
raw = st.binary(max_size=40)

_fixed = {
    DataTag.NULL: 0,
    DataTag.BCD: 1,
    DataTag.INTEGER: 1,
    DataTag.LONG: 2,
    DataTag.DOUBLE_LONG: 4,
    DataTag.LONG64: 8,
    DataTag.UNSIGNED: 1,
    DataTag.LONG_UNSIGNED: 2,
    DataTag.DOUBLE_LONG_UNSIGNED: 4,
    DataTag.LONG64_UNSIGNED: 8,
    DataTag.ENUM: 1,
    DataTag.FLOAT32: 4,
    DataTag.DATE_TIME: 12,
    DataTag.DATE: 5,
    DataTag.TIME: 4,
    DataTag.DONT_CARE: 0,
}


def _of_fixed_size(tag: DataTag) -> st.SearchStrategy[Data]:
    size = _fixed[tag]
    return st.binary(min_size=size, max_size=size).map(
        lambda value: Data.from_octets(bytes([tag]) + value)
    )


def _bits(value: bytes) -> Data:
    return Data(DataTag.BIT_STRING, BitString(octets=value, bit_count=8 * len(value)))


leaves = st.one_of(
    *map(_of_fixed_size, _fixed),
    st.booleans().map(Data.boolean),
    st.binary(max_size=300).map(Data.octet_string),
    st.text("abcXYZ 019", max_size=20).map(Data.visible_string),
    raw.map(_bits),
    raw.map(lambda value: Data.from_octets(b"\x13\x11" + with_length(value))),
)
data = st.recursive(
    leaves,
    lambda inner: st.builds(
        Data,
        st.sampled_from([DataTag.ARRAY, DataTag.STRUCTURE]),
        st.lists(inner, max_size=4).map(tuple),
    ),
    max_leaves=6,
)
blocks = st.builds(DataBlock, last_block=st.booleans(), block_number=words, raw_data=raw)
accesses = st.lists(
    st.one_of(
        st.builds(VariableName, name=words),
        st.builds(ParameterizedName, name=words, selector=octets, parameter=data),
        st.builds(BlockNumberAccess, block_number=words),
        st.builds(WriteDataBlockAccess, last_block=st.booleans(), block_number=words),
        blocks,
    ),
    max_size=4,
).map(tuple)
values = st.lists(data, max_size=4).map(tuple)
numbers = st.builds(BlockNumber, block_number=words)
errors = st.integers(1, 0xFF)
read_results = st.lists(st.one_of(data, blocks, numbers, errors), max_size=4).map(tuple)
write_results = st.lists(
    st.one_of(st.just(DataAccessError.SUCCESS), errors, numbers), max_size=4
).map(tuple)

apdus: st.SearchStrategy[SnApdu] = st.one_of(
    st.builds(ReadRequest, accesses=accesses),
    st.builds(WriteRequest, accesses=accesses, data=values),
    st.builds(UnconfirmedWriteRequest, accesses=accesses, data=values),
    st.builds(
        InformationReport,
        accesses=accesses,
        data=values,
        current_time=st.none() | st.text("0123456789Z.", max_size=20),
    ),
    st.builds(ReadResponse, results=read_results),
    st.builds(WriteResponse, results=write_results),
    st.builds(ConfirmedServiceError, service=octets, group=octets, value=octets),
)

conformances = st.integers(0, 0xFFFFFF).map(Conformance)
passwords = st.binary(min_size=1, max_size=20).map(Password)
acse: st.SearchStrategy[AcseApdu] = st.one_of(
    st.builds(
        Aarq,
        initiate=st.builds(InitiateRequest, conformance=conformances, client_pdu_octets_max=words),
        mechanism=st.none() | st.just(LOW_LEVEL_SECURITY),
        password=st.none() | passwords,
    ),
    st.builds(
        Aare,
        result=octets,
        diagnostic=octets,
        from_provider=st.booleans(),
        initiate=st.none()
        | st.builds(InitiateResponse, conformance=conformances, server_pdu_octets_max=words),
    ),
    st.builds(Rlrq, reason=st.none() | octets),
    st.builds(Rlre, reason=st.none() | octets),
)
