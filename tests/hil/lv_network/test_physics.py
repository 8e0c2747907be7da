"""Losses, reception, weather, and the line's own numbers against its own dice."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from drivers.plc.mac_frame import INITIATOR
from hil.lv_network.channel import Channel
from hil.lv_network.path_loss import path_loss_db
from hil.lv_network.reach import NOT_REACHED
from hil.lv_network.reception import power, subframe_success
from hil.lv_network.topology import Cable, Interferer, Physics, Place, Shunt, Topology
from hil.lv_network.weather import Weather
from tests.hil.lv_network.lines import HOP_M, Line, Parrot, chain

PLAIN = Physics(
    cable_db_per_m=0.1, junction_db=3.0, service_db=2.0, phase_db=8.0, busbar_db=4.0, tie_db=60.0
)


def tree() -> Topology:
    return Topology(
        name="tree",
        substations=("A", "B"),
        cables=(
            Cable(name="a", substation="A", length_m=300),
            Cable(name="a1", substation="A", parent="a", at_m=100, length_m=50),
            Cable(name="a2", substation="A", parent="a", at_m=200, length_m=50),
            Cable(name="a11", substation="A", parent="a1", at_m=30, length_m=50),
            Cable(name="b", substation="A", length_m=300),
            Cable(name="c", substation="B", length_m=300),
        ),
        places=(
            Place(cable="a", at_m=50, service_m=0),
            Place(cable="a1", at_m=40, service_m=0, phase=1),
            Place(cable="a2", at_m=10, service_m=20, phase=2),
            Place(cable="a11", at_m=5, service_m=0, phase=1),
            Place(cable="b", at_m=70, service_m=0),
            Place(cable="c", at_m=10, service_m=0),
        ),
        physics=PLAIN,
    )


def test_a_signal_loses_what_it_passes() -> None:
    """HIL-1: metres, junctions, service lines, phases, busbar and tie, counted by hand."""
    loss = path_loss_db(tree())
    a, b, trunk, side, third, twig, other, far = range(8)
    by_hand = {
        (a, trunk): 2.0 + 5.0 + 2.0,
        (a, side): 2.0 + 10.0 + 3.0 + 4.0 + 2.0,
        (trunk, side): 2.0 + 5.0 + 3.0 + 4.0 + 2.0,
        (side, third): 2.0 + 4.0 + 3.0 + 10.0 + 3.0 + 1.0 + 2.0 + 2.0 + 8.0,
        (side, twig): 2.0 + 1.0 + 3.0 + 0.5 + 2.0,
        (twig, third): 2.0 + 0.5 + 3.0 + 3.0 + 3.0 + 10.0 + 3.0 + 1.0 + 2.0 + 2.0 + 8.0,
        (trunk, other): 2.0 + 5.0 + 4.0 + 7.0 + 2.0,
        (a, far): 2.0 + 1.0 + 60.0 + 2.0,
        (b, far): 2.0 + 1.0 + 2.0,
        (trunk, far): 2.0 + 5.0 + 4.0 + 60.0 + 1.0 + 2.0,
        (a, b): 60.0,
    }
    for (one, another), expected in by_hand.items():
        assert loss[one, another] == pytest.approx(expected), (one, another)
        assert loss[another, one] == pytest.approx(expected), (another, one)


def test_reception_falls_off_within_a_few_decibels() -> None:
    """PLC-2: nothing at 8 dB, nearly everything at 13 dB, impulses on top."""
    chance = subframe_success(power(np.array([-10.0, 8.0, 10.5, 13.0, 60.0])), 0.01)
    assert chance[0] < 1e-12
    assert chance[1] < 0.01
    assert 0.3 < chance[2] < 0.7
    assert chance[3] > 0.98
    assert chance[4] == pytest.approx(0.99)
    assert list(chance) == sorted(chance)


@pytest.mark.parametrize("hops", [(0.5,), (1.0, 1.1, 1.14), (1, 2, 3), (0.9, 1.05, 1.9, 2.1, 2.12)])
def test_the_lines_own_numbers_are_those_of_its_dice(hops: tuple[float, ...]) -> None:
    """HIL-3: the chance of an exchange by credit, computed, is the share that succeeds, thrown."""
    topology = chain(*hops, physics=Physics(impulse_share=0.05, noise_dbuv=61.0))
    channel = Channel(topology, 1)
    channel.advance(0.0)
    repeaters = np.array([False] + [True] * len(hops))
    computed = channel.success(0, repeaters)
    last = len(hops) - 1
    for credit in (0, 1, 2, 3, 7):
        line = Line(
            topology,
            *(Parrot(mac=mac + 1, answer_octets=50) for mac in range(len(hops))),
            seed=credit + 1,
        )
        tries = 250
        for _ in range(tries):
            line.transmit(last + 1, credit)
            line.timer.advance(20.0)
        thrown = len(line.heard()) / tries
        assert thrown == pytest.approx(computed[credit, last + 1], abs=0.12), (hops, credit)


def test_sufficient_credit_is_the_hop_distance_on_a_clean_line() -> None:
    """PLC-1: 0 for who hears the modem, one more for each hop, none for who is out of reach."""
    channel = Channel(chain(0.5, 1, 2, 3, 9), 1)
    channel.advance(0.0)
    repeaters = np.array([False] + [True] * 5)
    assert channel.sufficient_credit(0, repeaters)[1:] == [0, 0, 1, 2, NOT_REACHED]
    repeaters[2] = False  # the one that carries the others' frames
    assert channel.sufficient_credit(0, repeaters)[1:] == [0, 0, NOT_REACHED, NOT_REACHED, -1]


def test_noise_follows_the_hour() -> None:
    """HIL-3: the evening's rise is felt as much as a place feels it, and interpolated."""
    shape = tuple(1.0 if hour == 18 else 0.0 for hour in range(24))
    topology = chain(1, 1, physics=Physics(evening_rise_db=8.0, day_shape=shape))
    topology = replace(
        topology,
        places=(topology.places[0], replace(topology.places[1], evening_share=0.5, noise_db=3.0)),
        local_offset_s=0.0,
    )
    weather = Weather(topology, path_loss_db(topology), 1)
    weather.advance(12 * 3600.0)
    assert 10 * np.log10(weather.noise[1:]) == pytest.approx([60.0, 63.0])
    assert weather.advance(18.5 * 3600.0)
    assert 10 * np.log10(weather.noise[1:]) == pytest.approx([68.0, 67.0])
    assert weather.advance(18.0 * 3600.0 - 1)
    assert 10 * np.log10(weather.noise[1]) == pytest.approx(64.0, abs=0.3)
    assert not weather.advance(18.0 * 3600.0)


def test_what_comes_and_goes_is_on_as_long_as_it_should_be() -> None:
    """HIL-3: a shunt and an interferer, their share of the time and their changes a day."""
    topology = chain(1, 1)
    shunt = Shunt(loss_db=60.0, on_share=0.25, changes_per_day=20.0)
    interferer = Interferer(level_dbuv=90.0, on_share=0.5, changes_per_day=6.0)
    places = (
        replace(topology.places[0], shunt=shunt),
        replace(topology.places[1], interferer=interferer),
    )
    topology = replace(topology, places=places)
    channel = Channel(topology, 3)
    steps = 30 * 1440
    shunted = []
    loud = []
    for step in range(steps):
        channel.advance(step * 60.0)
        shunted.append(channel.gains[0, 1] < power(40.0))
        loud.append(bool(channel.noise[2] > power(80.0)))
    assert np.mean(shunted) == pytest.approx(0.25, abs=0.05)
    assert np.mean(loud) == pytest.approx(0.5, abs=0.1)
    changes = sum(one != another for one, another in itertools.pairwise(shunted))
    assert changes / 30 == pytest.approx(20.0, rel=0.2)
    quiet = Weather(chain(1, 1), path_loss_db(chain(1, 1)), 3)
    quiet.advance(0.0)
    assert not quiet.advance(86_400.0)


def test_an_interferer_is_heard_next_door_and_not_down_the_road() -> None:
    """HIL-3: its power is attenuated like any other."""
    places = chain(1.0, 1.05, 3.0).places
    always = Interferer(level_dbuv=100.0, on_share=1.0, changes_per_day=1.0)
    topology = replace(
        chain(1.0, 1.05, 3.0), places=(replace(places[0], interferer=always), *places[1:])
    )
    channel = Channel(topology, 1)
    channel.advance(0.0)
    own, near, far = 10 * np.log10(channel.noise[1:])
    assert own == pytest.approx(100.0, abs=0.1)
    assert near == pytest.approx(100.0 - 0.05 * HOP_M * 0.05 - 4.0, abs=0.1)
    assert far == pytest.approx(60.0, abs=0.1)


def test_the_same_seed_gives_the_same_line() -> None:
    """HIL-2: dice and weather; another seed gives another line."""

    def heard(seed: int) -> list[tuple[float, int, int]]:
        topology = chain(0.9, 1.8, physics=Physics(impulse_share=0.2))
        line = Line(topology, Parrot(mac=1), Parrot(mac=2), seed=seed)
        for _ in range(40):
            line.transmit(2, 2, source=INITIATOR)
            line.timer.advance(5.0)
        return line.heard()

    assert heard(1) == heard(1)
    assert heard(1) != heard(2)
