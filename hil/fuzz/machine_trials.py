"""Our machines as trials: whatever they hear, they never raise and never grow."""

from typing import Any, Final

from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.ciase import Discover
from drivers.plc.discovery import DiscoverRound, PingExchange
from drivers.plc.llc import L_SDU_OCTETS_MAX, LlcPdu
from drivers.plc.mac_deframer import MacDeframer
from drivers.plc.mac_frame import (
    ALL_CONFIGURED,
    ALL_PHYSICAL,
    NEW,
    SUBFRAMES_MAX,
    MacFrame,
    Packing,
)
from drivers.plc.psdu import P_SDU_OCTETS
from drivers.plc.subframe_joiner import SubframeJoiner
from drivers.plc.unicast import UnicastRequest
from hal.plc_modem.host_deframer import HostDeframer, Role
from hal.plc_modem.host_frame import LENGTH_MAX
from hil.fuzz.cast import CLIENT_LSAP, INITIATOR, METER, METER_LSAP, METER_TITLE
from hil.fuzz.station import Station
from hil.fuzz.trial import Trial, frames_in, machine, must_not_hold

_TIMING: Final = LineTiming(bit_rate_bps=2400)
_LONGEST_SERIAL_FRAME: Final = LENGTH_MAX + 2
_NOW_S: Final = 1.0
_MUCH_LATER_S: Final = 1e9
_IDLE_EVERY: Final = 3  # a stream goes idle after every frame whose length this divides


class Machines:
    """Deframers, a meter, and the exchanges of a client; they live through a whole campaign."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._deframers = [MacDeframer(packing) for packing in Packing]
        self._joiners = [SubframeJoiner(packing) for packing in Packing]
        self._serial_deframers = [HostDeframer(role) for role in Role]

    def hearing_the_line(self) -> list[Trial]:
        """Return what takes octets of the line."""
        return [
            machine("MacDeframer", self._deframe),
            machine("SubframeJoiner", self._join),
            machine("PlcNode and SnServer", self._hear_line),
            machine("exchanges of a client", lambda octets: _exchanges_hear(octets[2:-3])),
        ]

    def hearing_ciase(self) -> list[Trial]:
        """Return what takes a CIASE PDU, in a frame that is right."""
        return [
            machine("PlcNode", lambda o: self._hear(o, llc.CIASE, llc.INITIATOR)),
            machine("exchanges of a client", _exchanges_hear_ciase),
        ]

    def hearing_dlms(self) -> list[Trial]:
        """Return what takes an APDU, bare or in a frame that is right."""
        return [
            machine("SnServer", self._serve),
            machine("PlcNode and SnServer", lambda o: self._hear(o, METER_LSAP, CLIENT_LSAP)),
        ]

    def hearing_the_modem(self) -> list[Trial]:
        """Return what takes octets of the modem's serial line."""
        return [machine("HostDeframer", self._deframe_serial)]

    def _deframe(self, octets: bytes) -> bool:
        found = 0
        for deframer in self._deframers:
            found += len(deframer.receive(octets))
            must_not_hold(deframer.held_octets, deframer.held_octets_max)
            if len(octets) % _IDLE_EVERY == 0:
                found += len(deframer.line_went_idle())
                must_not_hold(deframer.held_octets, 0)
        return found > 0

    def _join(self, octets: bytes) -> bool:
        good = False
        for joiner in self._joiners:
            for at in range(0, len(octets), P_SDU_OCTETS):
                frames = joiner.receive(octets[at : at + P_SDU_OCTETS])
                good = good or any(frame.reason is None for frame in frames)
                must_not_hold(joiner.held, SUBFRAMES_MAX - 1)
        return good

    def _hear_line(self, octets: bytes) -> bool:
        frames = frames_in(octets)
        for frame in frames:
            self._station.hear(frame)
        return bool(frames)

    def _hear(self, l_sdu: bytes, lsap: int, from_lsap: int) -> bool:
        m_sdu = _m_sdu(l_sdu, lsap, from_lsap)
        for destination in (METER, NEW, ALL_CONFIGURED, ALL_PHYSICAL):
            self._station.hear(
                MacFrame(
                    initial_credit=2,
                    current_credit=1,
                    delta_credit=0,
                    source=INITIATOR,
                    destination=destination,
                    m_sdu=m_sdu,
                )
            )
        return True

    def _serve(self, octets: bytes) -> bool:
        for client_lsap in (CLIENT_LSAP, CLIENT_LSAP + 1):  # the second has no association
            self._station.serve(octets, client_lsap)
        return True

    def _deframe_serial(self, octets: bytes) -> bool:
        found = 0
        for deframer in self._serial_deframers:
            found += len(deframer.receive(octets))
            must_not_hold(deframer.held_octets, _LONGEST_SERIAL_FRAME)
            if len(octets) % _IDLE_EVERY == 0:
                found += len(deframer.line_went_idle())
                must_not_hold(deframer.held_octets, 0)
        return found > 0


def _m_sdu(l_sdu: bytes, lsap: int, from_lsap: int) -> bytes:
    l_sdu = l_sdu[:L_SDU_OCTETS_MAX]
    return LlcPdu(destination_lsap=lsap, source_lsap=from_lsap, l_sdu=l_sdu).encode()


def _exchanges_hear_ciase(octets: bytes) -> bool:
    accepted = False
    for source, lsap in ((NEW, llc.REPORT), (METER, llc.REPORT), (METER, llc.INITIATOR)):
        record = MacFrame(
            initial_credit=2,
            current_credit=1,
            delta_credit=3,
            source=source,
            destination=INITIATOR,
            m_sdu=_m_sdu(octets, lsap, llc.CIASE),
        )
        accepted = _exchanges_hear(record.to_host()) or accepted
    return accepted


def _exchanges_hear(record: bytes) -> bool:
    accepted = False
    for exchange in _exchanges():
        exchange.start(0.0)
        exchange.receive(record, _NOW_S)
        accepted = accepted or exchange.ignored_count == 0
        exchange.tick(_MUCH_LATER_S)
    return accepted


def _exchanges() -> list[Any]:
    discover = Discover(response_probability=100, allowed_time_slots=10, report_initial_credit=0)
    return [
        UnicastRequest(
            initiator=INITIATOR,
            node=METER,
            destination_lsap=METER_LSAP,
            source_lsap=CLIENT_LSAP,
            apdu=b"\x05\x00",
            initial_credit=1,
            timing=_TIMING,
        ),
        PingExchange(
            initiator=INITIATOR,
            node=METER,
            system_title=METER_TITLE,
            initial_credit=1,
            timing=_TIMING,
        ),
        DiscoverRound(initiator=INITIATOR, discover=discover, initial_credit=1, timing=_TIMING),
    ]
