"""An electricity meter on the power line: its node, its DLMS server and the life behind them."""

import random
from collections.abc import Callable
from typing import Protocol

from drivers.dlms.companion import Lsap
from drivers.plc import llc
from drivers.plc.mac_frame import MacFrame
from drivers.plc.node import Delivered, PlcNode, Reply
from hil.lv_network.station import RepeaterMode
from hil.meter.module import MeterModule
from hil.meter.moment import Moment
from hil.rig_clock import RigClock

_TURN_ROUND_SLOTS = 1  # the module needs a moment before it answers (inferred)
_SERVED_LSAPS = frozenset({int(Lsap.MANAGEMENT_LD), llc.FIRST_APPLICATION_LD})


class ApduServer(Protocol):
    """The application behind a node; drivers.dlms.sn_server.SnServer is one."""

    def receive(self, apdu: bytes, client_lsap: int) -> bytes | None:
        """Return the answer to what a client sent; None when there is none to give."""

    def drop_associations(self) -> None:
        """Forget all clients."""


class DlmsMeter:
    """A station of the line (hil.lv_network.station.Station).

    Attributes:
        module: the meter itself.
        node: its life on the power line.
        repeats: it sends on what it decodes.
        repeater_mode: who decides that.
    """

    def __init__(
        self,
        module: MeterModule,
        *,
        clock: RigClock,
        now: float,
        rng: random.Random,
        make_server: Callable[[MeterModule, Moment], ApduServer],
        schedule_changed: Callable[[MeterModule], None] = lambda _module: None,
    ) -> None:
        """Put a meter on the line.

        Args:
            module: the meter.
            clock: turns line time into true time.
            now: line time, in the loop's seconds.
            rng: the node's dice.
            make_server: makes what answers APDUs on behalf of the module (hil.meter_server).
            schedule_changed: called when the next capture may have moved.
        """
        self.module = module
        self.repeats = True
        self.repeater_mode = RepeaterMode.DYNAMIC
        self.node = PlcNode(
            system_title=module.identity.system_title,
            now=now,
            not_addressed_timeout_s=module.settings.not_addressed_timeout_s,
            search_initiator_s=module.settings.search_initiator_s,
        )
        self._clock = clock
        self._rng = rng
        self._schedule_changed = schedule_changed
        self._moment = Moment()
        self._associations_of = 0
        self._server = make_server(module, self._moment)

    @property
    def usn(self) -> str:
        """Return the meter's utility serial number."""
        return self.module.identity.usn

    @property
    def mac(self) -> int:
        """Return the node's address."""
        return self.node.mac

    @property
    def initiator_mac(self) -> int:
        """Return the client that the node is locked on; 0 while unlocked."""
        return self.node.initiator_mac

    @property
    def has_alarm(self) -> bool:
        """Tell whether the node sends the alarm pattern."""
        return self.node.alarm_descriptor is not None

    @property
    def rows_given(self) -> int:
        """Return how many rows the last answer carried."""
        return self._moment.rows_given

    @property
    def is_searching(self) -> bool:
        """Tell whether the node compares initiators."""
        return self.node.search.is_open

    @property
    def powered(self) -> bool:
        """Tell whether the module has mains."""
        return self.module.powered

    def hear(
        self, copy: MacFrame, heard_at: float, delay_s: float, level_dbuv: float
    ) -> Reply | None:
        """Take one decoded copy; return what to answer, if anything."""
        self._moment.rows_given = 0
        self.node.tick(heard_at)
        received = self.node.receive(copy, heard_at, self._rng, level_dbuv)
        if self.node.times_become_new != self._associations_of:
            self._associations_of = self.node.times_become_new
            self._server.drop_associations()
        if isinstance(received, Delivered):
            return self._serve(received, heard_at, delay_s)
        return received

    def overhear(self, initiator_mac: int, heard_at: float, level_dbuv: float) -> None:
        """Note that an initiator speaks to somebody else."""
        self.node.search.heard(initiator_mac, level_dbuv, heard_at)

    def become_repeater(self, *, repeats: bool) -> None:
        """Take the outcome of a repeater call."""
        self.repeats = repeats

    def power_off(self, true_s: float) -> None:
        """Lose the mains, and with it every association."""
        self.module.power_off(true_s)
        self._server.drop_associations()
        self._schedule_changed(self.module)

    def power_on(self, true_s: float) -> None:
        """Get the mains back."""
        self.module.power_on(true_s)
        self._schedule_changed(self.module)

    def describe(self) -> dict[str, object]:
        """Return what an onlooker wants to know, as JSON-ready values."""
        module = self.module
        return {
            "usn": module.identity.usn,
            "kind": module.kind.name,
            "mac": self.mac,
            "state": str(self.node.state),
            "repeats": self.repeats,
            "powered": module.powered,
            "clock_offset_s": round(module.clock.offset_s, 3),
            "slaves": [slave.usn for slave in module.slaves.values()],
            "rows": sum(len(ring) for ring in module.all_rings()),
        }

    def _serve(self, request: Delivered, heard_at: float, delay_s: float) -> Reply | None:
        wanted = request.pdu.destination_lsap
        if wanted not in _SERVED_LSAPS and not (
            wanted == llc.ALL_STATIONS and not request.answerable
        ):
            return None
        self._moment.true_s = self._clock.utc_s(heard_at)
        self._moment.delay_s = delay_s
        self.module.run_due(self._moment.true_s)
        due_s = self.module.next_due_s()
        answer = self._server.receive(request.pdu.l_sdu, request.pdu.source_lsap)
        if self.module.next_due_s() != due_s:
            self._schedule_changed(self.module)
        if answer is None or not request.answerable:
            return None
        return Reply(frame=self.node.answer(answer, request), after_slots=_TURN_ROUND_SLOTS)
