"""A topology as a document: cables by rule, meters along them, weather; read from TOML.

    name = "two streets"
    [[feeder]]
    name = "north"
    length_m = 400
    meters = 20
    branches = 2
    branch_length_m = 80

A feeder's meters are spread over it and its branches by length, at even distances with some
chance; `layout_seed` decides it, so a topology is the same in every run.
"""

import random
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.lv_network.calibration import with_availabilities, with_hours
from hil.lv_network.topology import Cable, Interferer, Physics, Place, Shunt, Topology

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0, le=2000)]
Metres = Annotated[float, Field(ge=0.0, le=20_000.0)]
Decibels = Annotated[float, Field(ge=0.0, le=200.0)]
Percent = Annotated[float, Field(ge=0.0, le=100.0)]
ChangesPerDay = Annotated[float, Field(ge=0.0, le=2000.0)]


class TopologyFault(ValueError):  # noqa: N818  (reads as what it is in an except clause)
    """A topology cannot be read; the text says where and what to do."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeederRule(_Document):
    """One feeder with its branches and meters."""

    name: str
    substation: str = "A"
    length_m: Metres
    first_m: Metres = 20.0
    meters: Count
    branches: Count = 0
    branch_length_m: Metres = 0.0
    service_m: Metres = 10.0


class PhysicsRule(_Document):
    """See hil.lv_network.topology.Physics."""

    transmit_dbuv: float = 120.0
    noise_dbuv: float = 60.0
    cable_db_per_m: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    junction_db: Decibels = 3.0
    service_db: Decibels = 2.0
    phase_db: Decibels = 8.0
    busbar_db: Decibels = 4.0
    tie_db: Decibels = 60.0
    impulse_share: Share = 0.002
    evening_rise_db: Decibels = 0.0
    day_shape: Annotated[tuple[Share, ...], Field(min_length=24, max_length=24)] = (0.0,) * 24
    flicker_db: Decibels = 0.0


class SpreadRule(_Document):
    """How meters differ: background noise, and how much of the evening they feel.

    Attributes:
        noise_db: each place has from nothing to this above the floor.
        evening_share: from the first to the second; a small part of the places feels most.
    """

    noise_db: Decibels = 0.0
    evening_share: tuple[Share, Share] = (0.0, 1.0)


class ShuntRule(_Document):
    """A share of the meters has a shunt."""

    of_meters: Share
    loss_db: float = 60.0
    on_share: Share
    changes_per_day: Annotated[float, Field(gt=0.0, le=2000.0)]


class InterfererRule(_Document):
    """A share of the meters has an interferer."""

    of_meters: Share
    level_dbuv: float
    on_share: Share
    changes_per_day: Annotated[float, Field(gt=0.0, le=2000.0)]


class TopologyDocument(_Document):
    """The whole document.

    Attributes:
        meters: of an inventory: name, availability in percent, changes of state a day; they are
            dealt to the places, each with a shunt that makes it so.
        hours_available: 24 shares of all meters that are available, by hour of local time: the
            evening's noise is set so that as many drop out.
    """

    name: str
    about: str = ""
    substations: tuple[str, ...] = ("A",)
    layout_seed: int = 1
    weather_step_s: Annotated[float, Field(ge=1.0, le=3600.0)] = 60.0
    physics: PhysicsRule = PhysicsRule()
    spread: SpreadRule = SpreadRule()
    feeder: tuple[FeederRule, ...] = Field(min_length=1)
    shunt: tuple[ShuntRule, ...] = ()
    interferer: tuple[InterfererRule, ...] = ()
    meters: tuple[tuple[str, Percent, ChangesPerDay], ...] = ()
    hours_available: Annotated[tuple[Share, ...], Field(max_length=24)] = ()


def topology_names() -> list[str]:
    """Return the names of the topologies that come with the rig."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in _folder().iterdir()
        if entry.name.endswith(".toml")
    )


def load_topology(name: str | Path) -> Topology:
    """Return a topology by name, or from a file.

    Raises:
        TopologyFault: there is none, or it makes no sense.
    """
    if isinstance(name, str) and name in topology_names():
        return topology_of(tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8")), name)
    try:
        text = Path(name).read_text(encoding="utf-8")
        return topology_of(tomllib.loads(text), str(name))
    except OSError as error:
        known = ", ".join(topology_names())
        raise TopologyFault(f"no topology {name}: give a file, or one of {known}") from error
    except tomllib.TOMLDecodeError as error:
        raise TopologyFault(f"{name} is no TOML: {error}") from error


def topology_of(document: dict[str, Any], where: str) -> Topology:
    """Return the topology that a document describes.

    Raises:
        TopologyFault: it makes no sense.
    """
    try:
        rules = TopologyDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TopologyFault(f"{where}: {place}: {first['msg']}") from error
    strange = {feeder.substation for feeder in rules.feeder} - set(rules.substations)
    if len(rules.meters) > sum(feeder.meters for feeder in rules.feeder):
        raise TopologyFault(f"{where}: meters: more than the feeders have places for")
    if strange:
        raise TopologyFault(f"{where}: feeder.substation: no substation {min(strange)!r}")
    return lay_out(rules)


def lay_out(rules: TopologyDocument) -> Topology:
    """Return the cables and places that the rules make."""
    chance = random.Random(f"layout/{rules.name}/{rules.layout_seed}")  # noqa: S311  (dice)
    cables: list[Cable] = []
    places: list[Place] = []
    for feeder in rules.feeder:
        mine = list(_cables(feeder))
        cables += mine
        places += _places(feeder, mine, rules.spread, chance)
    places = _with_appliances(places, rules, chance)
    places = with_availabilities(places, rules.meters, chance)
    topology = Topology(
        name=rules.name,
        substations=rules.substations,
        cables=tuple(cables),
        places=tuple(places),
        physics=Physics(**rules.physics.model_dump()),
        weather_step_s=rules.weather_step_s,
        told_percent=tuple(percent for _, percent, _ in rules.meters),
        told_by_hour=tuple(share * len(places) for share in rules.hours_available),
    )
    if rules.hours_available:
        return with_hours(topology, rules.hours_available, chance)
    return topology


def _cables(feeder: FeederRule) -> Iterator[Cable]:
    trunk = Cable(name=feeder.name, substation=feeder.substation, length_m=feeder.length_m)
    yield trunk
    for number in range(feeder.branches):
        yield Cable(
            name=f"{feeder.name}-{number + 1}",
            substation=feeder.substation,
            parent=feeder.name,
            at_m=feeder.length_m * (number + 1) / feeder.branches,
            length_m=feeder.branch_length_m,
        )


def _places(
    feeder: FeederRule, cables: list[Cable], spread: SpreadRule, chance: random.Random
) -> Iterator[Place]:
    total_m = sum(cable.length_m for cable in cables) - feeder.first_m
    for number in range(feeder.meters):
        along_m = feeder.first_m + total_m * (number + chance.uniform(0.1, 0.9)) / feeder.meters
        cable = cables[0]
        for cable in cables:
            if along_m <= cable.length_m:
                break
            along_m -= cable.length_m
        low, high = spread.evening_share
        yield Place(
            cable=cable.name,
            at_m=min(along_m, cable.length_m),
            service_m=feeder.service_m * chance.uniform(0.5, 1.5),
            phase=chance.randint(1, 3),
            noise_db=spread.noise_db * chance.random(),
            evening_share=low + (high - low) * chance.random() ** 3,
        )


def _with_appliances(
    places: list[Place], rules: TopologyDocument, chance: random.Random
) -> list[Place]:
    """Return the places with shunts and interferers at some of them, at most one of each."""
    shunts: dict[int, Shunt] = {}
    interferers: dict[int, Interferer] = {}
    for rule in rules.shunt:
        free = [number for number in range(len(places)) if number not in shunts]
        for number in chance.sample(free, min(len(free), round(rule.of_meters * len(places)))):
            shunts[number] = Shunt(
                loss_db=rule.loss_db,
                on_share=rule.on_share,
                changes_per_day=rule.changes_per_day,
            )
    for kind in rules.interferer:
        free = [number for number in range(len(places)) if number not in interferers]
        for number in chance.sample(free, min(len(free), round(kind.of_meters * len(places)))):
            interferers[number] = Interferer(
                level_dbuv=kind.level_dbuv,
                on_share=kind.on_share,
                changes_per_day=kind.changes_per_day,
            )
    return [
        replace(place, shunt=shunts.get(number), interferer=interferers.get(number))
        for number, place in enumerate(places)
    ]


def _folder() -> Any:  # noqa: ANN401  (importlib's Traversable)
    return resources.files("hil.lv_network") / "topologies"
