"""Where everything hangs: substations, cables as a tree, and the places of meters on them."""

from dataclasses import dataclass, field

THREE_PHASES = 0
"""The phase of a station that is connected to all three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """One cable; it begins on a busbar or on another cable.

    Attributes:
        name: unique in the network.
        substation: whose busbar it hangs on in the end.
        parent: the cable it branches from; None for a feeder, which begins on the busbar.
        at_m: where on the parent.
        length_m: of its own.
    """

    name: str
    substation: str
    parent: str | None = None
    at_m: float = 0.0
    length_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shunt:
    """An appliance at a customer's outlet that swallows the signal there while it is on.

    Attributes:
        loss_db: what it costs in both directions; inf: nothing passes.
        on_share: share of the time in which it is on, 0 to 1.
        changes_per_day: how often it goes on or off.
    """

    loss_db: float = 60.0
    on_share: float
    changes_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interferer:
    """A narrow-band transmitter at a customer's outlet; its neighbours hear it, too.

    Attributes:
        level_dbuv: at the outlet, in the receivers' band.
        on_share, changes_per_day: as with a shunt.
    """

    level_dbuv: float
    on_share: float
    changes_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a meter hangs.

    Attributes:
        cable: on which one.
        at_m: how far from the cable's beginning.
        service_m: length of the service line.
        outlet_db: what the signal loses at this outlet, always and in both directions.
        phase: 1, 2 or 3; THREE_PHASES for a polyphase meter.
        noise_db: background noise here, above the network's floor.
        evening_share: how much of the evening's rise of noise is felt here.
        shunt, interferer: what stands at this customer's, if anything.
    """

    cable: str
    at_m: float
    service_m: float = 10.0
    phase: int = THREE_PHASES
    outlet_db: float = 0.0
    noise_db: float = 0.0
    evening_share: float = 1.0
    shunt: Shunt | None = None
    interferer: Interferer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """Levels and losses; chosen in the ranges that are usual for 60 to 75 kHz on such cables.

    Attributes:
        transmit_dbuv: what a modem puts on the line.
        noise_dbuv: background noise in a receiver's band, at night.
        cable_db_per_m: attenuation of a cable.
        junction_db: of each branching that a signal passes into or out of a cable.
        service_db: of a service line's connection, besides its length.
        phase_db: from one phase to another.
        busbar_db: from one feeder to another over the busbar.
        tie_db: between two substations' busbars, over whatever couples them.
        impulse_share: share of sub-frames that an impulse destroys at a receiver.
        evening_rise_db: greatest rise of background noise over the day.
        day_shape: 24 numbers from 0 to 1, by hour of local time: how much of the rise is there.
        flicker_db: the noise at each place wanders by about this.
    """

    transmit_dbuv: float = 120.0
    noise_dbuv: float = 60.0
    cable_db_per_m: float = 0.05
    junction_db: float = 3.0
    service_db: float = 2.0
    phase_db: float = 8.0
    busbar_db: float = 4.0
    tie_db: float = 60.0
    impulse_share: float = 0.002
    evening_rise_db: float = 0.0
    day_shape: tuple[float, ...] = (0.0,) * 24
    flicker_db: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A network as data.

    Attributes:
        weather_step_s: noise and shunts change at multiples of this.
        local_offset_s: local time less UTC, for the shape of the day.
        told_percent: availability of each meter of the network that this one is to be like, in
            percent; empty when it is like none.
        told_by_hour: how many meters were available there, by hour of local time.
    """

    name: str
    substations: tuple[str, ...]
    cables: tuple[Cable, ...]
    places: tuple[Place, ...]
    physics: Physics = field(default_factory=Physics)
    weather_step_s: float = 60.0
    local_offset_s: float = 3600.0
    told_percent: tuple[float, ...] = ()
    told_by_hour: tuple[float, ...] = ()
