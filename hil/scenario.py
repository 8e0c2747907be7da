"""A scenario as a document: a network, its meters, what befalls them, and what must hold.

    name = "a week of rain"
    topology = "field_117"          # by name, or a file beside this one
    days = 7
    [meters]
    history_days = 1
    [daemon.collection]             # what differs from the shipped defaults
    row_age_max_s = 21600.0
    [[fault]]
    at = "1d 06:00"                 # since the start
    kind = "power_off"
    meters = [3, 4]                 # by place in the topology, from 0
    for = "7h"
    [demand]
    rows_obtainable_missing = 0

`docs/scenarios.md` lists every key and every fault.
"""

import re
import tomllib
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

_UNIT_S = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_CLOCK = re.compile(r"(?:(\d+)d )?(\d+):(\d\d)")
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d)")


class ScenarioFault(ValueError):  # noqa: N818  (reads as what it is in an except clause)
    """A scenario cannot be read; the text says where and what to do."""


def _seconds(value: object) -> object:
    """Return the seconds of "90s", "15 min", "7h", "2d" or "1d 06:00"; numbers as they are."""
    if not isinstance(value, str):
        return value
    if clock := _CLOCK.fullmatch(value):
        days, hours, minutes = (int(part or 0) for part in clock.groups())
        return days * 86_400.0 + hours * 3600.0 + minutes * 60.0
    if span := _SPAN.fullmatch(value):
        return float(span[1]) * _UNIT_S[span[2]]
    raise ValueError(f"{value!r} is no time: give seconds, or such as '15 min', '7h', '1d 06:00'")


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0.0, le=400 * 86_400.0)]
SignedSeconds = Annotated[float, BeforeValidator(_seconds)]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FaultKind(StrEnum):
    """What may befall a network and its concentrators [HIL-3]."""

    POWER_OFF = "power_off"
    EXCHANGE = "exchange"
    UNPLUG = "unplug"
    PLUG_IN = "plug_in"
    METER_CLOCK = "meter_clock"
    ALARM = "alarm"
    NOISE = "noise"
    ATTENUATION = "attenuation"
    FEEDER_SWITCH = "feeder_switch"
    DC_POWER_CUT = "dc_power_cut"
    DC_EXCHANGE = "dc_exchange"
    DC_TAKEOVER = "dc_takeover"
    DC_CLOCK = "dc_clock"
    DISK_FULL = "disk_full"
    MODEM_RESET = "modem_reset"
    MODEM_SILENT = "modem_silent"
    SERIAL_NOISE = "serial_noise"
    WAN_CUT = "wan_cut"
    BROKER_RESTART = "broker_restart"
    AD_HOC_READ = "ad_hoc_read"


NEEDS_METERS = frozenset(
    {
        FaultKind.POWER_OFF,
        FaultKind.EXCHANGE,
        FaultKind.UNPLUG,
        FaultKind.PLUG_IN,
        FaultKind.METER_CLOCK,
        FaultKind.ALARM,
        FaultKind.ATTENUATION,
        FaultKind.AD_HOC_READ,
    }
)
NEEDS_DURATION = frozenset(
    {
        FaultKind.POWER_OFF,
        FaultKind.NOISE,
        FaultKind.ATTENUATION,
        FaultKind.DC_POWER_CUT,
        FaultKind.DISK_FULL,
        FaultKind.MODEM_SILENT,
        FaultKind.SERIAL_NOISE,
        FaultKind.WAN_CUT,
    }
)


class FaultRule(_Document):
    """One thing that happens.

    Attributes:
        at_s: since the start; `at` in the document.
        for_s: how long it lasts; `for` in the document.
        every_s, times: it happens so often, so far apart.
        meters: places in the topology, from 0; whom it befalls.
        feeder: all meters of this feeder and its branches; or the feeder that is switched.
        line: the concentrator's substation; the first, unless told.
        to_line: where a feeder is switched to.
        amount: decibels of noise or attenuation, seconds of a clock, share of octets, by kind.
        registers: what is read ad hoc.
    """

    at_s: Seconds = Field(alias="at")
    kind: FaultKind
    for_s: Seconds = Field(default=0.0, alias="for")
    every_s: Seconds = Field(default=0.0, alias="every")
    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    meters: tuple[Count, ...] = ()
    feeder: str = ""
    line: str = ""
    to_line: str = ""
    amount: SignedSeconds = 0.0
    registers: tuple[str, ...] = ("1-0:1.8.0.255",)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind in NEEDS_METERS and not (self.meters or self.feeder):
            raise ValueError(f"{self.kind} needs `meters` or `feeder`")
        if self.kind in NEEDS_DURATION and self.for_s <= 0.0:
            raise ValueError(f"{self.kind} needs `for`")
        if self.kind is FaultKind.FEEDER_SWITCH and not (self.feeder and self.to_line):
            raise ValueError("feeder_switch needs `feeder` and `to_line`")
        if self.times > 1 and self.every_s <= 0.0:
            raise ValueError("`times` needs `every`")
        return self


class MeterRules(_Document):
    """How the meters are, and which of them are there from the start.

    Attributes:
        history_days: rows that stand in the meters at the start.
        polyphase_every: each so many-th meter has three phases and four registers an hour.
        slaves: three of a dozen have a slave.
        wrong_clocks: two meters have a wrong clock.
        waiting: places whose meters are plugged in later, by a fault.
        search_initiator_s: a node without an address compares initiators for so long.
        never_repeat: share of meters that never repeat; always_repeat: that always do.
    """

    periodic_period_s: Annotated[int, Field(ge=1, le=86_400)] = 3600
    slave_period_s: Annotated[int, Field(ge=1, le=86_400)] = 3600
    history_days: Annotated[float, Field(ge=0.0, le=90.0)] = 1.0
    polyphase_every: Annotated[int, Field(ge=1, le=10_000)] = 6
    slaves: bool = True
    wrong_clocks: bool = True
    waiting: tuple[Count, ...] = ()
    not_addressed_timeout_s: Seconds = 21_600.0
    search_initiator_s: Seconds = 0.0
    never_repeat: Share = 0.0
    always_repeat: Share = 0.0


class ListDemand(_Document):
    """Which meters a concentrator must have in which list at the end, by place.

    Attributes:
        line: the concentrator's substation.
        registered, lost: exactly these; None: not demanded.
        all_registered_but: all but these.
        found: told to the head-end as newly detected at some time, exactly these.
        found_again: the same, after having been registered there before.
        told_lost: told to the head-end as lost at some time, exactly these.
        notices: notices that were told, each at least once.
    """

    line: str = "A"
    registered: tuple[Count, ...] | None = None
    all_registered_but: tuple[Count, ...] | None = None
    lost: tuple[Count, ...] | None = None
    found: tuple[Count, ...] | None = None
    found_again: tuple[Count, ...] | None = None
    told_lost: tuple[Count, ...] | None = None
    notices: tuple[str, ...] = ()


class Demands(_Document):
    """What must hold; None: not demanded."""

    rows_obtainable_missing: Count | None = 0
    rows_crossed: Count | None = 0
    rows_doubled: Count | None = 0
    rows_altered: Count | None = 0
    rows_unexplained: Count | None = 0
    airtime_ratio_max: float | None = None
    overhead_share_max: Share | None = None
    row_age_p95_max_s: Seconds | None = None
    ad_hoc_wait_max_s: Seconds | None = None
    lists: tuple[ListDemand, ...] = Field(default=(), alias="list")


class Scenario(_Document):
    """The whole document.

    Attributes:
        settle_s: the meters stop capturing after `days`; so much longer the run goes on.
        start_s: UTC second at which it begins, 2026-11-21 00:00 UTC unless told.
        daemon: sections and keys of the daemon's configuration.
        own_daemon: the same for single concentrators, by substation.
    """

    name: str
    about: str = ""
    topology: str
    days: Annotated[float, Field(gt=0.0, le=400.0)] = 1.0
    settle_s: Seconds = Field(default=26 * 3600.0, alias="settle")
    start_s: float = 1_795_219_200.0
    bit_rate_bps: Annotated[int, Field(ge=300, le=1_000_000)] = 2400
    meters: MeterRules = MeterRules()
    daemon: dict[str, dict[str, Any]] = {}
    own_daemon: dict[str, dict[str, dict[str, Any]]] = {}
    faults: tuple[FaultRule, ...] = Field(default=(), alias="fault")
    demand: Demands = Demands()


def scenario_names() -> list[str]:
    """Return the names of the scenarios that come with the rig."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in _folder().iterdir()
        if entry.name.endswith(".toml")
    )


def load_scenario(name: str | Path) -> Scenario:
    """Return a scenario by name, or from a file.

    Raises:
        ScenarioFault: there is none, or it makes no sense.
    """
    if isinstance(name, str) and name in scenario_names():
        return scenario_of(tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8")), name)
    path = Path(name)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(scenario_names())
        raise ScenarioFault(f"no scenario {name}: give a file, or one of {known}") from error
    except tomllib.TOMLDecodeError as error:
        raise ScenarioFault(f"{name} is no TOML: {error}") from error
    topology = document.get("topology")
    beside = path.parent / str(topology)
    if isinstance(topology, str) and beside.is_file():
        document["topology"] = str(beside)
    return scenario_of(document, str(name))


def scenario_of(document: dict[str, Any], where: str) -> Scenario:
    """Return the scenario that a document describes.

    Raises:
        ScenarioFault: it makes no sense.
    """
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise ScenarioFault(f"{where}: {place}: {first['msg']}") from error


def _folder() -> Any:  # noqa: ANN401  (importlib's Traversable)
    return resources.files("hil") / "scenarios"
