"""One meter that is odd, and a daemon that lives, tells it, and goes on reading all others."""

import asyncio
import random
from pathlib import Path

import pytest

from drivers.dlms.companion import DAILY_PROFILE, PERIODIC_PROFILE, BaseName, Entity
from drivers.dlms.cosem_objects import attribute_name
from gateway.core.clock import ClockTrust
from hil.dlms_meter import ApduServer
from hil.meter.module import MeterModule, MeterSettings
from hil.meter.moment import Moment
from hil.meter_server import server_for
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.odd_meters import Change, Unwritable, asks_for, named, number, odd
from tests.gateway.meters.virtual_rig import CONFIG, START_S, VirtualRig

pytestmark = pytest.mark.rig  # whole lines in virtual time

YEAR_S = 365 * 86_400.0
SERVICE_REFUSED = bytes.fromhex("0e060203")  # confirmed service error: read, other


def _stored(rig: VirtualRig, usn: str, entity: str) -> int:
    return sum(row[:2] == (usn, entity) for row in rig.stored())


def _asked(rig: VirtualRig, usn: str) -> int:
    mac = rig.bench.plugged[usn].mac
    return sum(to == mac for to, _ in rig.modem.requests)


@jumping
async def test_a_broken_profile_does_not_keep_the_meters_other_rows_out(tmp_path: Path) -> None:
    """ACQ-1: periodic rows are nonsense; the daily billing values come home all the same."""

    def broken(module: MeterModule) -> Change:
        is_periodic = asks_for(module, PERIODIC_PROFILE)
        by_entry = b"\x02\x02\x04\x06"  # the first row, as it is asked to identify

        def change(apdu: bytes, answer: bytes | None) -> bytes | None:
            return (
                b"\x0c\x01\x00\x01\x01\x00"
                if is_periodic(apdu) and by_entry not in apdu
                else answer
            )

        return change

    async with VirtualRig(tmp_path, meters=3, make_server=odd(number(1), broken)) as rig:
        await rig.until(lambda: _stored(rig, number(1), "daily") == 3, 60)
        await rig.until(lambda: _stored(rig, number(1), "standard_events") > 0, 60)
        assert _stored(rig, number(1), "periodic") == 0
        before = _asked(rig, number(1))
        await rig.until(lambda: rig.loop.time() > 600, 660)
        assert _asked(rig, number(1)) - before < 60, "it is asked less and less"
        assert _stored(rig, number(0), "periodic") > 100


@jumping
async def test_a_meter_that_always_refuses_costs_little_airtime(tmp_path: Path) -> None:
    """PLC-7: it answers each request, so only what it answers tells that it is of no use."""

    def refusing(module: MeterModule) -> Change:
        del module
        return lambda apdu, answer: SERVICE_REFUSED if apdu[0] == 0x05 else answer

    async with VirtualRig(tmp_path, meters=3, make_server=odd(number(1), refusing)) as rig:
        await rig.until(lambda: number(0) in rig.daemon_usns(), 60)
        await rig.until(lambda: rig.loop.time() > 600, 660)
        assert _asked(rig, number(1)) < 60
        assert number(1) not in rig.daemon_usns()


@jumping
async def test_a_meter_whose_clock_cannot_be_set_is_read_all_the_same(tmp_path: Path) -> None:
    """TIM-1, ACQ-1: it refuses each write, and is told the time less and less often."""
    unwritable: list[Unwritable] = []

    def make(module: MeterModule, moment: Moment) -> ApduServer:
        server = server_for(module, moment)
        if module.identity.usn != number(2):  # it is 90 s ahead
            return server
        unwritable.append(Unwritable(server))
        return unwritable[-1]

    async with VirtualRig(tmp_path, meters=4, make_server=make) as rig:
        await rig.until(lambda: number(2) in rig.daemon_usns(), 60)
        for _ in range(3):
            await asyncio.sleep(200)
            newest_s = max(row[2] for row in rig.stored() if row[:2] == (number(2), "periodic"))
            assert newest_s > rig.now_s()
        assert 4 <= len(unwritable[0].refused) <= 8


@jumping
async def test_a_known_meter_that_no_longer_says_who_it_is_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-8, ACQ-1: it is asked again by and by; its rows do not wait for that."""
    monkeypatch.setattr("gateway.meters.meter_book.IDENTIFY_PERIOD_S", 60.0)
    monkeypatch.setattr("gateway.meters.line_work.IDENTIFY_RETRY_S", 60.0)
    names = b"\x05\x02\x02" + attribute_name(BaseName.CONFIG_ID, 2).to_bytes(2, "big")
    asked: list[float] = []

    def secretive(module: MeterModule) -> Change:
        del module

        def change(apdu: bytes, answer: bytes | None) -> bytes | None:
            now = asyncio.get_running_loop().time()
            if not apdu.startswith(names) or now < 30:
                return answer
            asked.append(now)
            return SERVICE_REFUSED

        return change

    async with VirtualRig(tmp_path, meters=3, make_server=odd(number(1), secretive)) as rig:
        await rig.until(lambda: number(1) in rig.daemon_usns(), 30)
        for _ in range(2):
            await asyncio.sleep(300)
            newest_s = max(row[2] for row in rig.stored() if row[:2] == (number(1), "periodic"))
            assert newest_s > rig.now_s() - 30
        assert len(asked) > 6


@jumping
async def test_a_meter_that_answers_anything_ends_nothing(tmp_path: Path) -> None:
    """ACQ-1: octets damaged at random, cut short or doubled; the daemon runs, others are read."""
    rng = random.Random(5)

    def wild(module: MeterModule) -> Change:
        del module

        def change(apdu: bytes, answer: bytes | None) -> bytes | None:
            del apdu
            if not answer or rng.random() < 0.6:
                return answer
            octets = bytearray(answer)
            octets[rng.randrange(len(octets))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            return bytes(
                octets[: rng.randrange(1, len(octets) + 1)] if rng.random() < 0.2 else octets
            )

        return change

    async with VirtualRig(tmp_path, meters=3, make_server=odd(number(1), wild)) as rig:
        await rig.until(lambda: rig.loop.time() > 900, 960)
        assert _stored(rig, number(0), "periodic") > 120


@jumping
async def test_a_meter_without_a_number_is_no_meter(tmp_path: Path) -> None:
    """INV-3: readings are kept under a serial number, and an empty one is none."""
    async with VirtualRig(tmp_path, meters=3, make_server=named({number(1): ""})) as rig:
        await rig.until(lambda: number(0) in rig.daemon_usns(), 60)
        await rig.until(lambda: rig.loop.time() > 100, 160)
        assert rig.daemon_usns() == {number(0)}


@jumping
async def test_two_nodes_with_one_number_never_mix(tmp_path: Path) -> None:
    """INV-3: the first keeps the number, the other is told of, once, and not read."""
    async with VirtualRig(tmp_path, meters=3, make_server=named({number(1): "TWIN"})) as rig:
        await rig.until(lambda: "TWIN" in rig.daemon_usns(), 60)
        late = rig.bench.waiting[number(2)]
        rig._make_server = rig.bench._make_server = named({number(2): "TWIN"})
        rig.bench.plug_in(late.usn)
        await rig.until(lambda: rig.loop.time() > 120, 180)
        assert sum(usn == "TWIN" for usn in rig.nodes().values()) == 1
        (told,) = rig.journal("notice")
        assert told["usn"] == "TWIN"
        assert len(told["system_titles"]) == 2
        times = [row[2] for row in rig.stored() if row[:2] == ("TWIN", "periodic")]
        assert len(set(times)) == len(times), "rows of both would have the same times"


@jumping
async def test_an_exchanged_module_is_followed_by_the_new_one(tmp_path: Path) -> None:
    """INV-3: the old node falls silent, and the new one speaks for the same meter."""
    async with VirtualRig(tmp_path, meters=3, make_server=named({number(1): "TWIN"})) as rig:
        await rig.until(lambda: "TWIN" in rig.daemon_usns(), 60)
        old = rig.bench.plugged[number(1)].module.identity.system_title
        rig.bench.power_off(number(1))
        rig._make_server = rig.bench._make_server = named({number(2): "TWIN"})
        rig.bench.plug_in(number(2))
        new = rig.bench.plugged[number(2)].module.identity.system_title
        await rig.until(lambda: rig.nodes().get(new) == "TWIN", 120)
        assert rig.nodes()[old] is None


@jumping
async def test_a_clock_set_back_by_somebody_else_loses_no_row(tmp_path: Path) -> None:
    """ADR 9: half an hour is captured twice, then the daemon sets the clock right."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        await asyncio.sleep(35)
        module = rig.bench.plugged[number(1)].module
        module.set_clock(rig.now_s() - 1800, rig.now_s())
        await asyncio.sleep(200)
        assert max(rig.clock_offsets_s()) < 1.0
        rig.bench.stop_capture()
        await rig.until(rig.all_is_stored, 200)


@jumping
async def test_a_clock_years_ahead_does_not_stop_its_meter_or_others(tmp_path: Path) -> None:
    """ADR 9: its ring is full of rows from the future; what it captures when set right is read."""

    def ahead(module: MeterModule) -> Change:
        module.clock.offset_s = 7_973 * YEAR_S  # the year 9999 is near
        for ring in module.rings.values():
            ring._rows.clear()
        module.begin(START_S)
        return lambda _, answer: answer

    config = CONFIG.replace("[collection]", "[collection]\nhistory_days = 1")
    make = odd(number(1), ahead)
    async with VirtualRig(tmp_path, meters=3, make_server=make, config=config) as rig:
        await rig.until(lambda: max(rig.clock_offsets_s()) < 1.0, 120)
        await rig.until(lambda: rig.loop.time() > 300, 360)
        rig.bench.stop_capture()

        rings = rig.bench.plugged[number(1)].module.rings
        present = {
            (entity.value, row.captured_at_s)
            for entity in (Entity.PERIODIC, Entity.STANDARD_EVENTS)
            for row in rings[entity]
            if row.captured_at_s < START_S + YEAR_S
        }
        assert len(present) > 25

        def stored() -> set[object]:
            return {row[1:3] for row in rig.stored() if row[0] == number(1)}

        await rig.until(lambda: present <= stored(), 60)


@jumping
async def test_an_empty_ring_is_not_asked_over_and_over(tmp_path: Path) -> None:
    """PLC-7: a meter that was mounted today holds no daily row yet."""
    asked = []

    def counting(module: MeterModule) -> Change:
        is_daily = asks_for(module, DAILY_PROFILE)

        def change(apdu: bytes, answer: bytes | None) -> bytes | None:
            if is_daily(apdu):
                asked.append(apdu)
            return answer

        return change

    fresh = MeterSettings(periodic_period_s=10, slave_period_s=60, daily_history_rows=0)
    make = odd(number(1), counting)
    async with VirtualRig(tmp_path, meters=3, make_server=make, meter=fresh) as rig:
        await rig.until(lambda: rig.loop.time() > 300, 360)
        assert 2 <= len(asked) < 12


@jumping
async def test_the_daemons_clock_may_step(tmp_path: Path) -> None:
    """TIM-3: an untrusted clock steps by a year; neither looking nor collecting rests for it."""
    async with VirtualRig(tmp_path, meters=3, trust=ClockTrust.NONE) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        for step_s in (-YEAR_S, YEAR_S):
            await asyncio.sleep(20)
            rig.wall_s += step_s
            rows, requests = len(rig.stored()), len(rig.modem.requests)
            await asyncio.sleep(40)
            assert len(rig.stored()) > rows
            assert len(rig.modem.requests) - requests < 60, "nothing is read a second time"
        rig.bench.plug_in(number(2))
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        rig.bench.stop_capture()
        await rig.until(rig.all_is_stored, 120)


@jumping
async def test_a_step_of_a_trusted_clock_is_told_to_all(tmp_path: Path) -> None:
    """TIM-1: two hours back, then right again: the meters follow, and no row is lost."""
    async with VirtualRig(tmp_path, meters=2) as rig:
        await rig.until(lambda: _stored(rig, number(0), "periodic") > 60, 60)
        for step_s in (-7200, 7200):
            rig.wall_s += step_s
            requests = len(rig.modem.requests)
            await asyncio.sleep(90)
            apdus = [apdu for _, apdu in rig.modem.requests[requests:]]
            assert any(apdu[0] == 0x16 for apdu in apdus), "broadcast at once"
        assert max(rig.clock_offsets_s()) < 1.0
        rig.bench.stop_capture()
        await rig.until(rig.all_is_stored, 200)


@jumping
async def test_what_a_meter_never_captured_is_told_once(tmp_path: Path) -> None:
    """ACQ-3: two minutes without mains are a definite gap of the rows between."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: _stored(rig, number(1), "periodic") > 62, 90)
        rig.bench.power_off(number(1))
        await asyncio.sleep(120)
        rig.bench.power_on(number(1))
        await rig.until(lambda: bool(rig.journal("definite_gap")), 300)
        await asyncio.sleep(60)
        told = rig.journal("definite_gap")
        assert {gap["usn"] for gap in told} == {number(1), "S0010000020"}
        (gap,) = [gap for gap in told if gap["stream"] == "periodic"]
        assert gap["to_s"] - gap["from_s"] == 10 * (gap["rows"] - 1)
        assert gap["rows"] in (11, 12)
        times = {row[2] for row in rig.held() if row[:2] == (number(1), "periodic")}
        missing = set(range(gap["from_s"], gap["to_s"] + 1, 10))
        assert not missing & times
        assert {gap["from_s"] - 10, gap["to_s"] + 10} <= times


@jumping
async def test_what_a_ring_has_overwritten_is_told(tmp_path: Path) -> None:
    """ACQ-3: the daemon was away for longer than the ring reaches back; the rest is fetched."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: _stored(rig, number(1), "periodic") > 62, 90)
        rig.bench.power_off(number(0))
        ring = rig.bench.plugged[number(1)].module.rings[Entity.PERIODIC]
        await rig.kill()
        ring.depth = len(ring)
        await asyncio.sleep(900)
        await rig.start_again()
        await rig.until(lambda: bool(rig.journal("definite_gap")), 60)
        rig.bench.stop_capture()
        held = {row for row in rig.held() if row[:2] == (number(1), "periodic")}
        await rig.until(lambda: held <= set(rig.stored()), 120)
        (gap,) = [g for g in rig.journal("definite_gap") if g["usn"] == number(1)]
        assert gap["to_s"] + 10 == min(row[2] for row in held)
        assert gap["rows"] > 10


@jumping
async def test_an_exchanged_slave_is_found_within_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-8: its readings stand under its own number, not under its predecessor's."""
    monkeypatch.setattr("gateway.meters.meter_book.IDENTIFY_PERIOD_S", 120.0)
    async with VirtualRig(tmp_path, meters=2) as rig:
        rig.bench.plug_in(*rig.bench.waiting)
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 90)
        meter = rig.bench.plugged[number(1)]
        module = meter.module
        (channel,) = module.slaves
        old = module.slaves[channel].usn
        await rig.until(lambda: _stored(rig, old, "slave") >= 10, 60)
        module.slaves[channel].usn = module.slave_rings[channel].usn = "S-NEW"
        meter._server = server_for(module, meter._moment)
        await rig.until(lambda: _stored(rig, "S-NEW", "slave") >= 10, 200)
        assert [change["channel"] for change in rig.journal("meter_changed")] == [
            {"before": channel, "now": None}
        ]
