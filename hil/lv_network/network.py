"""The network at work: flights, who hears them, and what is answered.

The line keeps its own slot clock; everything that happens on it happens at a planned moment, and
a process that is late plans nothing anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from drivers.errors import MalformedFrame
from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.ciase import DEFAULT_RECEPTION_THRESHOLD_DBUV, RepeaterCall, decode_ciase
from drivers.plc.mac_frame import FIMA, MacFrame, subframe_count
from hil.air import AirEvent, AlarmHeard, FirstCopySent, Heard, HeardBad, RepeatersCalled
from hil.lv_network.air_log import AirFrame, AirLog
from hil.lv_network.alarm_pause import alarm_reaches
from hil.lv_network.flight import NEVER, Flight
from hil.lv_network.frame_purpose import purpose_of
from hil.lv_network.line_timer import LineCounters, Timer
from hil.lv_network.modem_place import ModemPlace
from hil.lv_network.purpose import Purpose
from hil.lv_network.repeater_call import call_slots, elect
from hil.lv_network.station import ALARM_PATTERN, Station
from hil.lv_network.station_board import StationBoard
from hil.rig_clock import RigClock

if TYPE_CHECKING:
    from hil.lv_network.channel import Channel
    from hil.lv_network.line_tap import LineTap

_NOTICED_SNR = 4.0
"""A damaged frame this much above the noise (6 dB) is noticed: its preamble was recognised."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Passage:
    """A flight, and what the line knows of it besides."""

    flight: Flight
    line: str
    purpose: Purpose
    usn: str
    rows: int
    modem: ModemPlace | None  # its sender, when a modem sent it
    addressees: list[int]

    def hop(self) -> int | None:
        """Return the copy that the one addressee decoded."""
        if len(self.addressees) != 1 or self.flight.frame.destination > 0xDFF:
            return None
        hop = int(self.flight.decoded_in[self.addressees[0]])
        return None if hop == NEVER else hop


class LvNetwork:
    """The line between the modems and the meters of one or more substations.

    Attributes:
        counters: what happened so far.
        board: who is connected where.
        tap: hears what stands on the line; None: nobody does.
    """

    def __init__(
        self,
        *,
        timer: Timer,
        clock: RigClock,
        timing: LineTiming,
        channel: "Channel",
        seed: int,
        log: AirLog,
    ) -> None:
        """Prepare an empty network; nothing happens before a modem sends."""
        self.counters = LineCounters()
        self.channel = channel
        self.board = StationBoard(channel)
        self.tap: LineTap | None = None
        self._timer = timer
        self._clock = clock
        self._timing = timing
        self._dice = np.random.Generator(np.random.PCG64(seed))
        self._log = log
        self._modems: list[ModemPlace] = []
        self._passages: list[_Passage] = []

    def connect_modem(self, tell: Callable[[AirEvent], object]) -> ModemPlace:
        """Connect the modem of the next substation; `tell` is told what it hears."""
        number = len(self._modems)
        modem = ModemPlace(
            number,
            self.channel.topology.substations[number],
            timer=self._timer,
            slot_s=self._timing.slot_s,
            tell=tell,
            send=self._send,
        )
        self._modems.append(modem)
        self.board.powered[number] = True
        return modem

    def modem_macs(self) -> list[int]:
        """Return the address that each modem last used; 0 before its first frame."""
        return [modem.mac for modem in self._modems]

    def connect(self, place: int, station: Station) -> None:
        """Connect a station at a place of the topology."""
        self.board.put(self.channel.modems + place, station)

    def disconnect(self, place: int) -> None:
        """Take away what is connected at a place."""
        self.board.put(self.channel.modems + place, None)

    def refresh(self, place: int) -> None:
        """Take note that power, alarm or registration of a station may have changed."""
        self.board.refresh(self.channel.modems + place)

    def transmit(self, modem: ModemPlace, octets: bytes) -> None:
        """Take a frame from a modem, NS..FCS; it goes out in the next free slot."""
        try:
            frame = MacFrame.decode(octets, self._timing.packing)
        except MalformedFrame:
            self.counters.frames_malformed += 1
            return
        modem.put(frame)

    def foreign_transmits(self, octets: bytes) -> None:
        """Let modems and stations hear whatever a station that is none of ours sends, at once."""
        for modem in self._modems:
            modem.tell(Heard(octets))
        try:
            frame = MacFrame.decode(octets, self._timing.packing)
        except MalformedFrame:
            self.counters.frames_malformed += 1
            return
        now = self._timer.time()
        for number in self.board.addressees(frame.source, frame.destination):
            station = self.board[number]
            if station is not None and (
                reply := station.hear(frame, now, 0.0, self.channel.topology.physics.transmit_dbuv)
            ):
                start = now + reply.after_slots * self._timing.slot_s
                self._answer(number, reply.frame, start, purpose_of(frame.m_sdu), 0)

    def call_repeaters(self, modem: ModemPlace) -> None:
        """Let all who heard the last RepeaterCall of this modem take their places (ISA)."""
        call = modem.heard_call
        slots = 1 if call is None else call_slots(call[0].max_mac, call[0].new_slots)
        modem.free_at = modem.next_slot() + slots * self._timing.slot_s
        self._timer.call_at(modem.free_at, self._elect_repeaters, modem)

    # -- flights ----------------------------------------------------------------------------

    def _send(self, modem: ModemPlace, frame: MacFrame, start: float) -> None:
        addressees = self.board.addressees(frame.source, frame.destination)
        asked = self.board[addressees[0]] if addressees and frame.destination < FIMA else None
        self.counters.frames_from_modem += 1
        flight = self._flight(frame, modem.number, start, frame.source)
        modem.free_at = flight.end
        self._begin(
            _Passage(
                flight=flight,
                line=modem.name,
                purpose=purpose_of(frame.m_sdu),
                usn="" if asked is None else asked.usn,
                rows=0,
                modem=modem,
                addressees=addressees,
            )
        )

    def _flight(self, frame: MacFrame, source: int, start: float, initiator: int) -> Flight:
        subframes = subframe_count(len(frame.m_sdu), self._timing.packing)
        return Flight(
            frame,
            source,
            start=start,
            copy_s=subframes * self._timing.slot_s,
            subframes=subframes,
            gains=self.channel.gains,
            repeaters=self.board.repeaters(initiator),
        )

    def _begin(self, passage: _Passage) -> None:
        flight = passage.flight
        # One that ends in this very moment is kept: its last copy is still to be looked at.
        before_s = flight.start - self._timing.slot_s / 2
        self._passages = [other for other in self._passages if other.flight.end > before_s]
        if self._is_on_air(flight.start):
            self.counters.collisions += 1
        self._passages.append(passage)
        self.counters.busy_s += flight.end - flight.start
        self._timer.call_at(flight.copy_end(0), self._copy_is_over, passage, 0)

    def _copy_is_over(self, passage: _Passage, number: int) -> None:
        flight = passage.flight
        noise, listening = self.channel.noise, self.board.powered
        is_alone = True
        for other in self._passages:
            if other is passage:
                continue
            on_air = other.flight.on_air(flight.copy_end(number - 1), flight.copy_end(number))
            if on_air is not None:
                is_alone = False
                noise, listening = noise + on_air[0], listening & ~on_air[1]
        found = flight.fly(
            number,
            self._dice,
            noise=noise,
            impulse_share=self.channel.impulse_share,
            listening=listening,
        )
        new = [int(station) for station in found]
        is_heard = passage.modem is not None or flight.decoded_in[0] != NEVER
        if self.tap is not None and (is_heard or not is_alone):
            self.tap.copy_is_over(flight, number, is_alone=is_alone)
        if passage.modem is None:
            self._deliver_to_modems(passage, number, new)
        else:
            if number == 0:
                passage.modem.tell(FirstCopySent())
            self._deliver_to_stations(passage, number, new)
        if number == flight.frame.initial_credit:
            self._is_over(passage)
        elif self._is_settled(passage):
            if self.tap is not None:
                self.tap.others_follow(flight, number)
            self._timer.call_at(flight.end, self._is_over, passage)
        else:
            number += 1
            self._timer.call_at(flight.copy_end(number), self._copy_is_over, passage, number)

    def _is_settled(self, passage: _Passage) -> bool:
        """Tell whether further copies concern nobody: all addressees have it, nobody else sends."""
        if len(self._modems) > 1 or self._is_on_air(self._timer.time(), besides=passage):
            return False  # its power may yet disturb another
        decoded = passage.flight.decoded_in
        return all(decoded[number] != NEVER for number in passage.addressees)

    def _is_over(self, passage: _Passage) -> None:
        flight = passage.flight
        hop = passage.hop()
        if hop is None and flight.frame.destination <= 0xDFF:
            self.counters.lost_on_the_way += 1
        self._log.note(
            AirFrame(
                t=self._clock.utc_s(flight.start),
                line=passage.line,
                source=flight.frame.source,
                destination=flight.frame.destination,
                credit=flight.frame.initial_credit,
                subframes=flight.subframes,
                purpose=passage.purpose,
                hop=hop,
                usn=passage.usn,
                rows=passage.rows,
            )
        )
        if passage.modem is None:
            self._notice_damage(passage)
        else:
            self._note_repeater_call(passage, passage.modem)
            self._tell_alarms(passage, passage.modem)
        for modem in self._modems:
            modem.plan_start()

    # -- meters -----------------------------------------------------------------------------

    def _deliver_to_stations(self, passage: _Passage, number: int, new: list[int]) -> None:
        flight = passage.flight
        frame = flight.frame
        copy = replace(frame, current_credit=frame.initial_credit - number)
        heard_at = flight.copy_end(number)
        for found in new:
            station = self.board[found]
            if station is None:
                continue
            level_dbuv = flight.level_dbuv(found)
            if frame.destination < FIMA and station.mac != frame.destination:
                if station.is_searching:
                    station.overhear(frame.source, heard_at, level_dbuv)
                continue
            reply = station.hear(copy, heard_at, number * flight.copy_s, level_dbuv)
            self.board.refresh(found)
            if reply is not None:
                rows = station.rows_given
                is_poll = passage.purpose is Purpose.COLLECT and not rows
                purpose = Purpose.POLL if is_poll else passage.purpose
                start = flight.end + reply.after_slots * self._timing.slot_s
                self._timer.call_at(start, self._answer, found, reply.frame, start, purpose, rows)

    def _answer(
        self, number: int, frame: MacFrame, start: float, purpose: Purpose, rows: int
    ) -> None:
        station = self.board[number]
        if station is None or not station.powered or self._is_sending(number, start):
            self.counters.answers_not_sent += 1
            return
        modem = next((each for each in self._modems if each.mac == frame.destination), None)
        self.counters.answers += 1
        self._begin(
            _Passage(
                flight=self._flight(frame, number, start, frame.destination),
                line="" if modem is None else modem.name,
                purpose=purpose,
                usn=station.usn,
                rows=rows,
                modem=None,
                addressees=[] if modem is None else [modem.number],
            )
        )

    def _is_on_air(self, at: float, besides: _Passage | None = None) -> bool:
        until = at + self._timing.slot_s / 2
        return any(
            other is not besides and other.flight.on_air(at, until) is not None
            for other in self._passages
        )

    def _is_sending(self, number: int, at: float) -> bool:
        until = at + self._timing.slot_s / 2
        airs = (other.flight.on_air(at, until) for other in self._passages)
        return any(on_air is not None and on_air[1][number] for on_air in airs)

    def _deliver_to_modems(self, passage: _Passage, number: int, new: list[int]) -> None:
        flight = passage.flight
        frame = flight.frame
        for modem in self._modems:
            if modem.number in new:
                modem.free_at = max(modem.free_at, flight.end)
                self.counters.heard_by_modem += 1
                copy = replace(frame, current_credit=frame.initial_credit - number)
                modem.tell(Heard(copy.encode(self._timing.packing)))

    def _notice_damage(self, passage: _Passage) -> None:
        """Let modems count a window in which something was sent and nothing was decoded."""
        flight = passage.flight
        for modem in self._modems:
            if flight.decoded_in[modem.number] != NEVER:
                modem.noticed_until = max(modem.noticed_until, flight.end)
            elif flight.end > modem.noticed_until + self._timing.slot_s / 2:
                noise = self.channel.noise[modem.number]
                if flight.power_at(modem.number) > _NOTICED_SNR * noise:
                    modem.noticed_until = flight.end
                    self.counters.heard_bad_by_modem += 1
                    modem.tell(HeardBad(self._damaged(flight.frame)))

    def _damaged(self, frame: MacFrame) -> bytes:
        octets = bytearray(frame.encode(self._timing.packing))
        place = int(self._dice.integers(2, len(octets)))  # the sub-frame code was understood
        octets[place] ^= int(self._dice.integers(1, 256))
        return bytes(octets)

    # -- alarms and repeaters ---------------------------------------------------------------

    def _tell_alarms(self, passage: _Passage, modem: ModemPlace) -> None:
        alarmed = self.board.alarmed & self.board.powered
        if not alarmed.any():
            return
        frame = passage.flight.frame
        if alarm_reaches(
            modem.number,
            alarmed=alarmed & self.board.locked_on(frame.source),
            relays=self.board.repeaters(frame.source),
            pauses=passage.flight.subframes * (1 + frame.initial_credit),
            gains=self.channel.gains,
            noise=self.channel.noise,
        ):
            modem.tell(AlarmHeard(ALARM_PATTERN))

    def _note_repeater_call(self, passage: _Passage, modem: ModemPlace) -> None:
        if passage.purpose is not Purpose.REPEATERS:
            return
        call = decode_ciase(llc.LlcPdu.decode(passage.flight.frame.m_sdu).l_sdu)
        assert isinstance(call, RepeaterCall)
        modem.heard_call = (call, passage.flight.decoded_in != NEVER)

    def _elect_repeaters(self, modem: ModemPlace) -> None:
        heard, modem.heard_call = modem.heard_call, None
        if heard is not None:
            call, decoded = heard
            elected = elect(
                modem.number,
                self.board.candidates(decoded, self._dice),
                threshold_dbuv=(call.reception_threshold_dbuv or DEFAULT_RECEPTION_THRESHOLD_DBUV),
                gains=self.channel.gains,
            )
            for number, repeats in elected.items():
                station = self.board[number]
                if station is not None:
                    station.become_repeater(repeats=repeats)
                    self.board.refresh(number)
        modem.tell(RepeatersCalled())
        modem.plan_start()
