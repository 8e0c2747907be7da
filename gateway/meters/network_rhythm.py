"""When what concerns all nodes is due: looks, the time, repeater calls."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from drivers.plc.mac_frame import CREDIT_MAX
from gateway.meters.airtime_price import AirtimePrice
from gateway.meters.look_rhythm import LookOutcome, LookRhythm
from gateway.meters.turn import Task, Turn

SETTLES_S: Final = 120.0
"""After a change of the network the repeater call waits for others: they come in company."""

LOOK_WORTH: Final = 4.0
"""A look for nobody in particular: who may be there is worth this on average."""

FOUND_WORTH: Final = 48.0
"""A look when somebody is expected: two days of a meter's rows."""

TIME_WORTH: Final = 20.0
CALL_WORTH: Final = 4.0
_SHORT_OCTETS: Final = 24  # M_sdu of a Discover, the time, a repeater call: one sub-frame


@dataclass(frozen=True, slots=True, kw_only=True)
class RhythmSettings:
    """Periods, in seconds.

    Attributes:
        look_period_s: between two looks for new meters.
        look_again_s: the same, while somebody is expected.
        broadcast_period_s: between two broadcasts of the time.
        repeater_call_period_s: between two repeater calls, at least; 0: none is made.
    """

    look_period_s: float
    look_again_s: float
    broadcast_period_s: float
    repeater_call_period_s: float


class NetworkRhythm:
    """Keeps the times; all are UTC seconds.

    Attributes:
        look_at_s: of the next look for new meters.
        broadcast_at_s: of the next broadcast of the time.
        call_at_s: of the next repeater call; None while the network is as it was at the last.
    """

    def __init__(self, settings: RhythmSettings, price: AirtimePrice, now_s: float) -> None:
        self._settings = settings
        self._price = price
        self._called_at_s = now_s - settings.repeater_call_period_s
        self._alarm_look_at_s = now_s
        self._alarm_looks = 0  # in a row, without an hour of rest
        self._looks = LookRhythm(quick_s=settings.look_again_s, period_s=settings.look_period_s)
        self._somebody_is_expected = True
        self.look_at_s = now_s
        self.broadcast_at_s = now_s
        self.call_at_s: float | None = None

    def turns(self, *, has_meters: bool) -> Iterator[Turn]:
        """Yield the turns, due now or later."""
        price_s = 2 * self._price.broadcast_s(_SHORT_OCTETS)
        worth = FOUND_WORTH if self._somebody_is_expected else LOOK_WORTH
        yield Turn(task=Task.LOOK_FOR_METERS, due_at_s=self.look_at_s, worth=worth, price_s=price_s)
        if not has_meters:
            return
        price_s = self._price.broadcast_s(_SHORT_OCTETS, CREDIT_MAX)
        yield Turn(
            task=Task.BROADCAST_TIME,
            due_at_s=self.broadcast_at_s,
            worth=TIME_WORTH,
            price_s=price_s,
        )
        if self.call_at_s is not None:
            yield Turn(
                task=Task.CALL_REPEATERS,
                due_at_s=self.call_at_s,
                worth=CALL_WORTH,
                price_s=2 * price_s,
            )

    def looks(self, now_s: float) -> None:
        """Note that a look begins; if it fails, the next comes soon."""
        self.look_at_s = now_s + self._settings.look_again_s

    def looked(self, outcome: LookOutcome) -> None:
        """Note what a look has brought."""
        self._somebody_is_expected = outcome.likely_more
        self.look_at_s = self._looks.next_look_at_s(outcome)

    def look_now(self, now_s: float) -> None:
        """Have a look soon: somebody has something to report.

        An alarm that nobody ever reports, or that noise makes, is looked for half as often each
        time: it must not take the line.
        """
        period_s = self._settings.look_period_s
        if now_s - self._alarm_look_at_s >= period_s:
            self._alarm_looks = 0
        due_s = now_s
        if self._alarm_looks:
            rest_s = math.ldexp(self._settings.look_again_s, min(self._alarm_looks, 30) - 1)
            due_s = max(now_s, self._alarm_look_at_s + min(rest_s, period_s))
        if due_s < self.look_at_s:
            self._somebody_is_expected = True
            self.look_at_s = self._alarm_look_at_s = due_s
            self._alarm_looks += 1

    def told_the_time(self, now_s: float) -> None:
        """Note a broadcast of the time."""
        self.broadcast_at_s = now_s + self._settings.broadcast_period_s

    def network_changed(self, now_s: float) -> None:
        """Note that nodes came, went or moved: other repeaters may be needed."""
        period_s = self._settings.repeater_call_period_s
        if period_s <= 0.0 or self.call_at_s is not None:
            return
        self.call_at_s = max(now_s + SETTLES_S, self._called_at_s + period_s)

    def called(self, now_s: float) -> None:
        """Note a repeater call."""
        self._called_at_s = now_s
        self.call_at_s = None

    def wall_clock_stepped(self, now_s: float) -> None:
        """Begin anew after somebody has set the clock."""
        self.look_at_s = self.broadcast_at_s = now_s
        self._called_at_s = min(self._called_at_s, now_s)
        self._alarm_look_at_s = min(self._alarm_look_at_s, now_s)
        if self.call_at_s is not None:
            self.call_at_s = now_s + SETTLES_S
