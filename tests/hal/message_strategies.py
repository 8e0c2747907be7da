"""Random messages of the modem's serial line, as hypothesis makes them."""

from hypothesis import strategies as st

from hal.plc_modem.access_db import DbRecord, Ident, decode_record
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.mac_record import MacRecord
from hal.plc_modem.messages import (
    AccessDbConfirm,
    AccessDbError,
    AccessDbRequest,
    DataConfirm,
    DataIndication,
    DataIndicationBadCrc,
    DataRequest,
    DesynchroRequest,
    IsaConfirm,
    IsaRequest,
    Message,
    ResetRequest,
    SpyAlarmFound,
    SpyData,
    SpyNoAlarmFound,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
    SynchroConfirmed,
    SynchroFound,
    SynchroLost,
    WriteConfigConfirm,
    WriteConfigError,
    WriteConfigRequest,
)

octets = st.integers(0, 0xFF)
words = st.integers(0, 0xFFFF)
addresses = st.integers(0, 0xFFF)
patterns = st.binary(min_size=2, max_size=2)


def _request(ident: Ident, value: bytes) -> DbRecord:
    return decode_record(ident.to_bytes(2, "little") + value, confirm=False)


def _confirm(ident: Ident) -> st.SearchStrategy[DbRecord]:
    def record(value: bytes) -> DbRecord:
        return decode_record(ident.to_bytes(2, "little") + value, confirm=True)

    size = _CONFIRM_OCTETS[ident]
    return st.binary(min_size=size, max_size=size).map(record)


_CONFIRM_OCTETS = {
    Ident.INITIATOR_RANGE: 4,
    Ident.ADDRESSES: 4,
    Ident.SYNCHRO_CONFIRM_S: 2,
    Ident.FRAME_NOT_OK_S: 2,
    Ident.NOT_ADDRESSED_MIN: 2,
    Ident.GROUP_ADDRESSES: 10,
    Ident.INVALID_FRAME_COUNTER: 1,
    Ident.MIN_DELTA_CREDIT: 1,
    Ident.MAX_TRANSMITTING_GAIN: 1,
    Ident.SYNCHRO: 1,
    Ident.MAX_RECEIVING_GAIN: 1,
    Ident.REPEATER: 1,
    Ident.FREQUENCIES: 4,
    Ident.COUNTERS: 24,
    Ident.PHY_ALARM: 1,
    Ident.STATISTICS: 30,
    Ident.SEARCH_INITIATOR_S: 2,
    Ident.READ_CONFIG: 36,
    Ident.SOFTWARE_VERSION: 1,
    Ident.MIN_RECEIVING_GAIN: 1,
    Ident.SEARCH_INITIATOR_GAIN: 1,
}


@st.composite
def mac_records(draw: st.DrawFn) -> MacRecord:
    initial_credit = draw(st.integers(0, 7))
    return MacRecord(
        initial_credit=initial_credit,
        current_credit=draw(st.integers(0, initial_credit)),
        delta_credit=draw(st.integers(0, 3)),
        source=draw(addresses),
        destination=draw(addresses),
        pad_length=draw(octets),
        m_sdu=draw(st.binary(max_size=242)),
    )


spies = st.builds(
    SpyData,
    signal_space=words,
    noise_space=words,
    signal_mark=words,
    noise_mark=words,
    threshold=words,
    method=octets,
    bit_and_gain=octets,
)
configs = st.binary(min_size=36, max_size=36).map(ModemConfig.decode)
requests = st.builds(_request, st.sampled_from(Ident), st.binary(min_size=12, max_size=36))
statistics = st.sampled_from([30, 31, 36]).map(
    lambda size: decode_record(b"\x10\0" + bytes(range(size)), confirm=True)
)
confirms = st.one_of(statistics, *map(_confirm, Ident))
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(SynchroFound, spies),
    st.builds(SynchroConfirmed, source=words, destination=words),
    st.builds(SynchroLost, cause=octets, first_mac=words, second_mac=words),
    st.just(DesynchroRequest()),
    st.just(ResetRequest()),
    st.builds(AccessDbRequest, requests),
    st.builds(AccessDbConfirm, confirms),
    st.builds(AccessDbError, octets),
    st.builds(DataIndication, mac_records()),
    st.builds(DataIndicationBadCrc, mac_records()),
    st.builds(DataRequest, mac_records()),
    st.builds(DataConfirm, octets),
    st.builds(IsaRequest, level=words, transmission_position=words),
    st.builds(IsaConfirm, st.binary(max_size=20)),
    st.builds(WriteConfigRequest, configs),
    st.builds(WriteConfigConfirm, configs),
    st.builds(WriteConfigError, octets),
    st.builds(SpyNoSubframe, spies),
    st.builds(SpySubframe, spies, st.binary(min_size=38, max_size=38)),
    st.just(SpySearchSynchro()),
    st.builds(SpySynchroFound, spies),
    st.builds(SpyNoAlarmFound, spies, patterns),
    st.builds(SpyAlarmFound, spies, patterns),
)
