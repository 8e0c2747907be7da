"""Keep the meters' clocks, and know how wrong they are [TIM-1, TIM-2, TIM-3]."""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from drivers.dlms.axdr import Data
from drivers.dlms.conversations import read_clock, unconfirmed_write_apdu, write
from drivers.dlms.date_time import CosemDateTime
from drivers.errors import PeerError
from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.broadcast import Broadcast
from drivers.plc.mac_frame import ALL_CONFIGURED, CREDIT_MAX
from gateway.core.clock import Clock
from gateway.meters.meter_kind import MeterKind
from gateway.meters.meter_state import MeterState
from gateway.meters.plc_segment import PlcSegment, Priority

if TYPE_CHECKING:
    from gateway.meters.meter_access import Answered, MeterAccess

_LOG = logging.getLogger(__name__)

SHIFT_NOTICED_S: Final = 2.0
"""A deviation may differ from the one before by this much, and the samples' own uncertainty."""

NOTED_EVERY_S: Final = 86_400.0
"""So old may the sample on disk be: from there on is read again what a clock that was set back
while the daemon was down may have captured twice."""

_CLOCK_NAMES_SPAN: Final = 0x68  # a clock object's attributes and first methods, in short names


class ClockBook(Protocol):
    """Where deviations are written down, and readings are doubted."""

    async def note_deviation(self, usn: str, deviation_s: float, contact_at_s: float) -> None:
        """Return once the sample is on disk."""

    async def doubt_after(self, stream_ids: Sequence[int], from_s: int) -> None:
        """Return once it is on disk that rows from `from_s` on must be read again."""


class Timekeeper:
    """Samples, sets and broadcasts."""

    def __init__(
        self,
        *,
        access: "MeterAccess",
        segment: PlcSegment,
        book: ClockBook,
        clock: Clock,
        timing: LineTiming,
        initiator: int,
        set_above_s: float,
        time: Callable[[], float],
    ) -> None:
        self._access = access
        self._segment = segment
        self._book = book
        self._clock = clock
        self._timing = timing
        self._initiator = initiator
        self._set_above_s = set_above_s
        self._time = time

    async def sample(
        self, meter: MeterState, shown: CosemDateTime, answered: "Answered[Any]"
    ) -> float | None:
        """Take a meter's time as it came with an answer; return its deviation in seconds.

        When the clock went back since the last sample, some instants were captured twice: what
        was read of them is doubted, and read again.

        Returns:
            The meter's clock less ours; None when the meter shows no time.
        """
        shown_s = shown.utc_s()
        if shown_s is None:
            # What it showed before is kept: rows may repeat when it has a time again.
            if self.should_set(None) and meter.clock_to_set_at_s is None:
                meter.clock_to_set_at_s = self._clock.now_s()
            return None
        stamped_s = self._clock.now_s() - (self._time() - answered.stamped_at_s)
        deviation_s = shown_s - stamped_s
        before_s, contact_at_s = meter.deviation_s, meter.contact_at_s
        if before_s is not None and contact_at_s is not None:
            noticed_s = SHIFT_NOTICED_S + answered.uncertainty_s
            if deviation_s < before_s - noticed_s:
                await self._went_back(meter, contact_at_s, before_s, deviation_s)
        if (
            before_s is None
            or meter.noted_at_s is None
            or abs(deviation_s - before_s) > SHIFT_NOTICED_S / 2
            or not 0 <= stamped_s - meter.noted_at_s < NOTED_EVERY_S
        ):
            await self._note(meter, deviation_s, stamped_s)
        meter.deviation_s, meter.contact_at_s = deviation_s, stamped_s
        return deviation_s

    async def keep(self, meter: MeterState) -> None:
        """Read a meter's clock and set it when it is too far off.

        Raises:
            PeerError: the meter was silent or refused.
            HalError: the modem failed.
        """
        deviation_s = await self._look(meter)
        if not self.should_set(deviation_s):
            return
        if deviation_s is not None and meter.contact_at_s is not None:
            # On disk before the clock moves: whoever comes after a crash must know it was ahead.
            await self._note(meter, deviation_s, meter.contact_at_s)
        name = _clock_name(meter.kind)
        await self._access.converse_once(
            meter.link, lambda: write(name, self._time_to_send()), Priority.CLOCK
        )
        after_s = await self._look(meter)
        _LOG.info(
            "meter clock set",
            extra={
                "METER": meter.usn,
                "DEVIATION_S": _rounded(deviation_s),
                "AFTER_S": _rounded(after_s),
            },
        )

    def should_set(self, deviation_s: float | None) -> bool:
        """Return whether a meter with this deviation is to be set, None being no time at all."""
        if not self._clock.is_trusted():
            return False
        return deviation_s is None or abs(deviation_s) > self._set_above_s

    async def broadcast(self, kinds: Iterable[MeterKind], credit: int = CREDIT_MAX) -> bool:
        """Give the time to all registered meters at once; return whether that was allowed.

        `credit` is what reaches every one of them.

        Raises:
            HalError: the modem failed.
        """
        if not self._clock.is_trusted():
            _LOG.warning("time not broadcast: the clock is not trusted")
            return False
        for name in sorted(_names_safe_for_all(list(kinds))):
            await self._segment.exchange(partial(self._frame, name, credit), Priority.CLOCK)
        return True

    def _frame(self, name: int, credit: int) -> Broadcast:
        return Broadcast(
            initiator=self._initiator,
            destination=ALL_CONFIGURED,
            destination_lsap=llc.ALL_STATIONS,
            source_lsap=llc.PUBLIC_CLIENT,
            l_sdu=unconfirmed_write_apdu(name, self._time_to_send()),
            initial_credit=credit,
            timing=self._timing,
        )

    def _time_to_send(self) -> Data:
        # Stamped for the end of the first transmission; a node corrects for the repetitions it
        # needed (docs/plc.md 9, inferred). Both services make a PDU of 23 octets, one sub-frame.
        lead_s = self._timing.first_copy_s(llc.HEADER_OCTETS + 20) + self._timing.slot_s
        at_s = self._clock.now_s() + lead_s
        return Data.clock_string(CosemDateTime.from_utc(at_s))

    async def _look(self, meter: MeterState) -> float | None:
        name = _clock_name(meter.kind)
        answered = await self._access.converse(meter.link, lambda: read_clock(name), Priority.CLOCK)
        return await self.sample(meter, answered.result, answered)

    async def _note(self, meter: MeterState, deviation_s: float, contact_at_s: float) -> None:
        await self._book.note_deviation(meter.usn, deviation_s, contact_at_s)
        meter.noted_at_s = contact_at_s

    async def _went_back(
        self, meter: MeterState, contact_at_s: float, before_s: float, deviation_s: float
    ) -> None:
        from_s = math.floor(contact_at_s + deviation_s) - 1
        await self._book.doubt_after([stream.stream_id for stream in meter.streams], from_s)
        for stream in meter.streams:
            stream.reads_again(from_s, math.floor(self._clock.now_s()))
        _LOG.info(
            "meter clock went back, reading again",
            extra={"METER": meter.usn, "BY_S": _rounded(before_s - deviation_s)},
        )


def _clock_name(kind: MeterKind) -> int:
    name = kind.clock_time_name()
    if name is None:
        raise PeerError(f"meters of kind {kind.config_id} have no clock")
    return name


def _names_safe_for_all(kinds: list[MeterKind]) -> set[int]:
    """Return the short names under which a kind has its clock and no other kind anything else."""
    names = {name for kind in kinds if (name := kind.clock_time_name()) is not None}
    return {
        name
        for name in names
        if all(kind.clock_time_name() == name or not _uses(kind, name) for kind in kinds)
    }


def _uses(kind: MeterKind, name: int) -> bool:
    return any(
        entry.base_name <= name < entry.base_name + _CLOCK_NAMES_SPAN for entry in kind.objects
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
