"""Small networks with a known answer, and a station that says what it hears."""

from dataclasses import dataclass, field

from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import ALL_PHYSICAL, INITIATOR, MacFrame, Packing
from drivers.plc.node import Reply
from hil.air import AirEvent, Heard
from hil.lv_network.air_log import AirFrame
from hil.lv_network.channel import Channel
from hil.lv_network.modem_place import ModemPlace
from hil.lv_network.network import LvNetwork
from hil.lv_network.station import RepeaterMode
from hil.lv_network.topology import Cable, Physics, Place, Topology
from hil.rig_clock import RigClock
from tests.hil.line_helpers import JumpingTimer

TIMING = LineTiming(bit_rate_bps=2400)
SLOT_S = 0.15
HOP_M = 800.0
"""One hop: 40 dB of cable leave 14 dB above the noise, which no frame is lost by; two do not."""

QUIET = Physics(impulse_share=0.0)


def chain(*hops: float, physics: Physics = QUIET, substations: int = 1) -> Topology:
    """Return a network with a meter at each distance, in hops from the busbar of the first."""
    names = tuple("AB"[:substations])
    return Topology(
        name="chain",
        substations=names,
        cables=(Cable(name="c", substation="A", length_m=10 * HOP_M),),
        places=tuple(Place(cable="c", at_m=hop * HOP_M, service_m=0.0) for hop in hops),
        physics=physics,
    )


@dataclass
class Parrot:
    """A station that answers with its own address after a chosen number of slots."""

    mac: int
    powered: bool = True
    answers: bool = True
    after_slots: int = 0
    answer_octets: int = 11
    repeats: bool = True
    repeater_mode: RepeaterMode = RepeaterMode.DYNAMIC
    has_alarm: bool = False
    initiator_mac: int = INITIATOR
    rows_given: int = 0
    is_searching: bool = False
    heard: list[tuple[int, float, float]] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    overheard: list[int] = field(default_factory=list)

    @property
    def usn(self) -> str:
        return f"U{self.mac:03X}"

    def hear(
        self, copy: MacFrame, heard_at: float, delay_s: float, level_dbuv: float
    ) -> Reply | None:
        self.heard.append((copy.current_credit, round(heard_at, 6), round(delay_s, 6)))
        self.levels.append(level_dbuv)
        if not self.answers:
            return None
        frame = MacFrame(
            initial_credit=copy.initial_credit,
            current_credit=copy.initial_credit,
            delta_credit=0,
            source=self.mac,
            destination=copy.source,
            m_sdu=b"\x90" * self.answer_octets,
        )
        return Reply(frame=frame, after_slots=self.after_slots)

    def overhear(self, initiator_mac: int, heard_at: float, level_dbuv: float) -> None:
        del heard_at, level_dbuv
        self.overheard.append(initiator_mac)

    def become_repeater(self, *, repeats: bool) -> None:
        self.repeats = repeats


class Line:
    """A network in jumping time, with a modem and what it was told."""

    def __init__(self, topology: Topology, *stations: Parrot, seed: int = 1) -> None:
        self.timer = JumpingTimer()
        self.told: list[tuple[float, AirEvent]] = []
        self.log: list[AirFrame] = []
        self.channel = Channel(topology, seed)
        self.channel.advance(0.0)
        self.network = LvNetwork(
            timer=self.timer,
            clock=RigClock(0.0),
            timing=TIMING,
            channel=self.channel,
            seed=seed,
            log=self,
        )
        self.modem: ModemPlace = self.network.connect_modem(self._tell)
        for place, station in enumerate(stations):
            self.network.connect(place, station)

    def note(self, frame: AirFrame) -> None:
        self.log.append(frame)

    def transmit(
        self,
        destination: int,
        credit: int,
        octets: int = 11,
        modem: ModemPlace | None = None,
        source: int = INITIATOR,
        m_sdu: bytes | None = None,
    ) -> None:
        frame = MacFrame(
            initial_credit=credit,
            current_credit=credit,
            delta_credit=0,
            source=source,
            destination=destination,
            m_sdu=bytes(octets) if m_sdu is None else m_sdu,
        )
        self.network.transmit(modem or self.modem, frame.encode(Packing.MODEL_A))

    def broadcast(self, m_sdu: bytes, credit: int = 7) -> None:
        self.transmit(ALL_PHYSICAL, credit, m_sdu=m_sdu)

    def heard(self) -> list[tuple[float, int, int]]:
        """Return moment, source and hop distance of what the modem decoded."""
        frames = [
            (at, MacFrame.decode(event.octets, Packing.MODEL_A))
            for at, event in self.told
            if isinstance(event, Heard)
        ]
        return [(at, frame.source, frame.hop_distance) for at, frame in frames]

    def times_of(self, kind: type[AirEvent]) -> list[float]:
        return [at for at, event in self.told if isinstance(event, kind)]

    def _tell(self, event: AirEvent) -> None:
        self.told.append((round(self.timer.time(), 6), event))
