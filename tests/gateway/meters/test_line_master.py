"""The daemon on a line it has never seen: finds, identifies, collects, and recovers."""

import asyncio
import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from drivers.dlms.companion import Entity
from drivers.dlms.password import Password
from drivers.plc.ciase import ALARM_PENDING, CiaseTag
from drivers.plc.node import NodeState
from gateway.core.clock import ClockTrust
from gateway.meters.network_rhythm import SETTLES_S
from gateway.store.journal import JournalKind
from hal.errors import ModemReset
from hil.meter.module import MeterSettings
from hil.meter_server import server_for
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.virtual_rig import CONFIG, VirtualRig

pytestmark = pytest.mark.rig  # whole lines in virtual time

FORGETS_AFTER_S = 300.0
QUIET = CONFIG.replace("discover_period_s = 20.0", "discover_period_s = 3600.0")
"""Looks for meters come once an hour, so whatever is found before is found otherwise."""

SELDOM = MeterSettings(periodic_period_s=900, slave_period_s=3600)
IDLE = (
    QUIET.replace("node_silent_ping_s = 60.0", "node_silent_ping_s = 7200.0")
    .replace("node_lost_after_s = 120.0", "node_lost_after_s = 28800.0")
    .replace("events_period_s = 60.0", "events_period_s = 7200.0")
)
"""For hours in which nothing but looks and polls is of interest."""

FORGETFUL = QUIET.replace("[plc]", f"[plc]\nnode_forgets_after_s = {FORGETS_AFTER_S}")
FORGETFUL_METER = MeterSettings(
    periodic_period_s=10, slave_period_s=60, not_addressed_timeout_s=FORGETS_AFTER_S
)


def _ciase(rig: VirtualRig, tag: CiaseTag, since: int = 0) -> list[bytes]:
    """Return what all nodes were told of one sort, of the requests from a place on."""
    return [apdu for to, apdu in rig.modem.requests[since:] if to == 0xFFF and apdu[0] == tag]


def _periodic(rig: VirtualRig, usn: str) -> list[int]:
    return [row[2] for row in rig.stored() if row[:2] == (usn, Entity.PERIODIC.value)]


async def _everything_comes_home(rig: VirtualRig, within_s: float = 200) -> None:
    rig.bench.stop_capture()
    await rig.until(rig.all_is_stored, within_s)


@jumping
async def test_finds_all_and_loses_nothing(tmp_path: Path) -> None:
    """INV-1, INV-3, INV-8, ACQ-1, ACQ-3: an unknown line, history and rows that arise meanwhile."""
    async with VirtualRig(tmp_path, meters=12) as rig:
        rig.bench.plug_in(*rig.bench.waiting)
        await rig.until(lambda: len(rig.daemon_usns()) == 12, 90)
        rig.bench.stop_capture()
        await rig.until(rig.all_is_stored, 60)
        meters = (await rig.ask("meters"))["meters"]
        assert sum(meter["parent_usn"] is None for meter in meters) == 12
        assert sum(meter["parent_usn"] is not None for meter in meters) == 3
        assert all(meter["state"] == "REGISTERED" for meter in meters)
        first = meters[0]
        truth = rig.bench.plugged[first["usn"]].module.identity
        assert first["msn_module"] == truth.serial_module


@jumping
async def test_an_object_list_is_read_once_per_kind(tmp_path: Path) -> None:
    """Airtime is money: two kinds on the line, so two readings of FA08."""
    async with VirtualRig(tmp_path, meters=8) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 7, 90)
        asked = [apdu for _, apdu in rig.modem.requests if apdu == bytes.fromhex("050102fa08")]
        assert len(asked) == 2


@jumping
async def test_a_clock_that_was_ahead_loses_no_row(tmp_path: Path) -> None:
    """ADR 9: after it is set, instants are captured twice; both rows come home."""
    async with VirtualRig(tmp_path, meters=4) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)

        def captured_most_often() -> int:
            return max(Counter(row[:3] for row in rig.held() if row[1] == "periodic").values())

        await rig.until(lambda: captured_most_often() == 2, 60)
        await rig.until(lambda: rig.loop.time() > 150, 150)
        rig.bench.stop_capture()
        await rig.until(rig.all_is_stored, 60)
        assert max(rig.clock_offsets_s()) < 1.0


@jumping
async def test_a_killed_daemon_takes_up_where_its_disk_says(tmp_path: Path) -> None:
    """INV-3, ACQ-2: killed again and again, nothing is missing and nothing doubled."""
    async with VirtualRig(tmp_path, meters=4) as rig:
        for at_s in (3, 7, 11, 16, 22, 30, 45, 61):
            await asyncio.sleep(at_s - rig.loop.time())
            await rig.restart()
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        rig.bench.stop_capture()
        await rig.until(rig.all_is_stored, 120)


@jumping
async def test_a_meter_that_loses_its_mains_after_its_register_is_not_forgotten(
    tmp_path: Path,
) -> None:
    """INV-5: it believes that it is registered, so no Discover would find it for six hours."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        usn, meter = next(iter(rig.bench.plugged.items()))
        await rig.until(lambda: meter.node.mac != 0xFFE, 30)
        rig.bench.power_off(usn)
        await rig.until(lambda: rig.loop.time() > 60, 60)
        assert usn not in rig.daemon_usns()
        rig.bench.power_on(usn)
        await rig.until(lambda: usn in rig.daemon_usns(), 60)


@jumping
async def test_a_silent_node_is_lost_and_found_again(tmp_path: Path) -> None:
    """INV-4: lost after its time, found when it answers a ping; both are in the journal."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        usn = next(iter(rig.bench.plugged))
        rig.bench.power_off(usn)
        await rig.until(lambda: rig.states()[usn] == "LOST", 400)
        assert (await rig.ask("lost"))["lost"][0]["what"] == "node"
        rig.bench.power_on(usn)
        await rig.until(lambda: rig.states()[usn] == "REGISTERED", 200)
        await rig.until(lambda: rig.journal_states(usn)[-2:] == ["LOST", "REGISTERED"], 30)


@jumping
async def test_an_untrusted_time_is_never_given_to_a_meter(tmp_path: Path) -> None:
    """TIM-3: neither broadcast nor written."""
    async with VirtualRig(tmp_path, meters=4, trust=ClockTrust.NONE) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        writes = [apdu for _, apdu in rig.modem.requests if apdu[0] in (0x06, 0x16)]
        assert writes == []
        assert max(rig.clock_offsets_s()) > 80


@jumping
async def test_the_time_is_broadcast_after_start(tmp_path: Path) -> None:
    """TIM-1: to all at once, unconfirmed, once per short name of a clock."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        await rig.until(lambda: any(a[0] == 0x16 for _, a in rig.modem.requests), 30)
        to = {mac for mac, apdu in rig.modem.requests if apdu[0] == 0x16}
        assert to == {0xFFC}


@jumping
async def test_meters_that_want_a_password_get_their_own(tmp_path: Path) -> None:
    """SEC-2: a meter met for the first time is tried with what the credentials file has."""
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('[kinds]\n"ZMF120-AD3P-02/T07" = "poly"\n"ZCF110-AD1P-01/T04" = "geheim"\n')
    secrets.chmod(0o600)
    config = CONFIG + f'\n[dlms]\ncredentials_file = "{secrets}"\n'
    async with VirtualRig(tmp_path, meters=3, password=Password(b"geheim"), config=config) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) >= 1, 90)
        assert "geheim" not in str(await rig.ask("status"))


@jumping
async def test_without_the_password_nothing_is_read(tmp_path: Path) -> None:
    """SEC-2: refused, told, and tried again later; the daemon goes on."""
    async with VirtualRig(tmp_path, meters=2, password=Password(b"geheim")) as rig:
        await rig.until(lambda: rig.loop.time() > 60, 61)
        assert rig.stored() == []
        assert (await rig.ask("status"))["line"]["meters"] == 0


@jumping
async def test_changes_of_the_inventory_are_pushed(tmp_path: Path) -> None:
    """INV-4: the head-end is told of each change."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        found = JournalKind.METER_FOUND.value
        await rig.until(lambda: sum(e["kind"] == found for e in rig.pushed_journal()) >= 2, 30)


@jumping
async def test_lost_found_and_lost_again(tmp_path: Path) -> None:
    """INV-4: each change is told once, and its rows come home each time."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        *_, usn = rig.bench.plugged
        for _ in range(2):
            rig.bench.power_off(usn)
            await rig.until(lambda: rig.states()[usn] == "LOST", 400)
            rig.bench.power_on(usn)
            await rig.until(lambda: rig.states()[usn] == "REGISTERED", 120)
        states = rig.node_states(usn)
        assert states[-4:] == ["LOST", "REGISTERED"] * 2
        assert states.count("LOST") == 2
        await _everything_comes_home(rig)


@jumping
async def test_a_node_that_is_back_is_read_within_a_minute_or_two(tmp_path: Path) -> None:
    """INV-4, ACQ-3: it is asked again and again, and its rows do not wait for company."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        *_, usn = rig.bench.plugged
        await rig.until(lambda: len(_periodic(rig, usn)) > 62, 90)
        rig.bench.power_off(usn)
        await asyncio.sleep(1000)
        rig.bench.power_on(usn)
        back_s = rig.now_s()
        await rig.until(lambda: max(_periodic(rig, usn)) > back_s, 100)


@jumping
async def test_a_silent_node_is_asked_once_a_minute_and_not_more(tmp_path: Path) -> None:
    """PLC-7: briefly, and all others are read meanwhile."""
    async with VirtualRig(tmp_path, meters=3, config=IDLE, meter=SELDOM) as rig:
        first, usn = rig.bench.plugged
        await rig.until(lambda: len(_periodic(rig, usn)) >= 60, 90)
        rig.bench.power_off(usn)
        mac = rig.bench.plugged[usn].mac
        await asyncio.sleep(2000)
        since = len(rig.modem.requests)
        await asyncio.sleep(3600)
        asked = [apdu for to, apdu in rig.modem.requests[since:] if to == mac]
        assert 50 <= len(asked) <= 61
        assert {apdu[0] for apdu in asked} == {CiaseTag.PING_REQUEST}
        assert rig.now_s() - max(_periodic(rig, first)) < 1000


@jumping
async def test_silent_for_longer_than_nodes_remember_and_back(tmp_path: Path) -> None:
    """INV-3, INV-5: registered again without a Discover; who it is is read before any row."""
    async with VirtualRig(tmp_path, meters=3, config=FORGETFUL, meter=FORGETFUL_METER) as rig:
        *_, usn = rig.bench.plugged
        await rig.until(lambda: len(_periodic(rig, usn)) > 62, 90)
        rig.bench.power_off(usn)
        await asyncio.sleep(2 * FORGETS_AFTER_S)
        meter, since = rig.bench.plugged[usn], len(rig.modem.requests)
        rows, mac = len(_periodic(rig, usn)), meter.mac
        rig.bench.power_on(usn)
        meter.node.tick(rig.loop.time())
        assert meter.node.state is NodeState.NEW
        await rig.until(lambda: len(_periodic(rig, usn)) > rows, 120)
        assert meter.mac == mac, "it keeps its address"
        assert _ciase(rig, CiaseTag.DISCOVER, since) == []
        asked = [apdu for to, apdu in rig.modem.requests[since:] if to == mac]
        reads = [apdu for apdu in asked if apdu[0] == 0x05]
        assert reads[0][:3] == b"\x05\x01\x02", "one name alone: its number"
        assert all(apdu != bytes.fromhex("050102fa08") for apdu in reads), "no object list"
        assert rig.node_states(usn)[-4:] == ["LOST", "REGISTERED", "NEW", "REGISTERED"]
        assert rig.journal("notice") == []
        await _everything_comes_home(rig)


@jumping
async def test_a_whole_street_without_mains_is_back_within_minutes(tmp_path: Path) -> None:
    """INV-5: all of it NEW at once: told its addresses in few frames, and read again."""
    async with VirtualRig(tmp_path, meters=6, config=FORGETFUL, meter=FORGETFUL_METER) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 5, 120)
        usns = list(rig.bench.plugged)
        for usn in usns:
            rig.bench.power_off(usn)
        await asyncio.sleep(3 * FORGETS_AFTER_S)
        since = len(rig.modem.requests)
        for usn in usns:
            rig.bench.power_on(usn)
        back_s = rig.now_s()
        await rig.until(
            lambda: all(max(_periodic(rig, usn), default=0) > back_s for usn in usns), 400
        )
        assert len(_ciase(rig, CiaseTag.REGISTER, since)) <= 5
        await _everything_comes_home(rig)


@jumping
async def test_a_meter_that_was_exchanged_while_it_was_silent_is_told(tmp_path: Path) -> None:
    """INV-3, INV-5: the module speaks for another meter: nothing of that goes under the old."""
    async with VirtualRig(tmp_path, meters=3, config=FORGETFUL, meter=FORGETFUL_METER) as rig:
        *_, usn = rig.bench.plugged
        await rig.until(lambda: len(_periodic(rig, usn)) > 62, 90)
        rig.bench.power_off(usn)
        await asyncio.sleep(2 * FORGETS_AFTER_S)
        meter = rig.bench.plugged[usn]
        exchanged_s = rig.now_s()
        meter.module.identity = dataclasses.replace(meter.module.identity, usn="OTHER")
        meter._server = server_for(meter.module, meter._moment)
        for ring in meter.module.rings.values():
            ring.usn = "OTHER"
            ring._rows.clear()
        rig.bench.power_on(usn)
        await rig.until(lambda: len(_periodic(rig, "OTHER")) > 5, 200)
        assert max(_periodic(rig, usn)) < exchanged_s <= min(_periodic(rig, "OTHER"))
        (told,) = [body for body in rig.journal("notice") if "another" in body["notice"]]
        assert (told["usn"], told["before"]) == ("OTHER", usn)
        assert rig.nodes()[meter.node.system_title] == "OTHER"


@jumping
async def test_a_lost_node_that_is_back_before_the_daemon_is_found_again(tmp_path: Path) -> None:
    """INV-4: the disk says that it is lost, and its rows that it is not."""
    async with VirtualRig(tmp_path, meters=3) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        *_, usn = rig.bench.plugged
        rig.bench.power_off(usn)
        await rig.until(lambda: rig.states()[usn] == "LOST", 400)
        await rig.kill()
        rig.bench.power_on(usn)
        await rig.start_again()
        await rig.until(lambda: rig.states().get(usn) == "REGISTERED", 60)
        assert (await rig.ask("lost"))["lost"] == []
        await _everything_comes_home(rig)


@jumping
async def test_an_alarm_in_the_pause_leads_to_a_look_a_notice_and_its_end(tmp_path: Path) -> None:
    """PLC-6: within seconds, though the next look is an hour away."""
    async with VirtualRig(tmp_path, meters=3, config=QUIET) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        await asyncio.sleep(60)
        *_, usn = rig.bench.plugged
        meter, since = rig.bench.plugged[usn], len(rig.modem.requests)
        meter.node.alarm_descriptor = ALARM_PENDING
        rig.bench.network.refresh(rig.bench.place_of(usn))
        await rig.until(lambda: meter.node.alarm_descriptor is None, 60)
        assert len(_ciase(rig, CiaseTag.DISCOVER, since)) <= 3
        assert _ciase(rig, CiaseTag.CLEAR_ALARM, since)
        (told,) = rig.journal("notice")
        assert (told["notice"], told["descriptor"]) == ("alarm", ALARM_PENDING)
        assert told["system_title"] == meter.node.system_title.hex()
        assert rig.nodes()[meter.node.system_title] == usn, "it keeps its address and its meter"
        looks = len(_ciase(rig, CiaseTag.DISCOVER))
        await asyncio.sleep(600)
        assert len(_ciase(rig, CiaseTag.DISCOVER)) == looks


@jumping
async def test_an_alarm_that_is_never_cleared_does_not_take_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLC-6, PLC-7: a node that does not understand ClearAlarm is looked for less and less."""
    async with VirtualRig(tmp_path, meters=3, config=IDLE, meter=SELDOM) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        *_, usn = rig.bench.plugged
        meter = rig.bench.plugged[usn]
        monkeypatch.setattr(meter.node, "_clear_alarm", lambda _: None)
        meter.node.alarm_descriptor = ALARM_PENDING
        rig.bench.network.refresh(rig.bench.place_of(usn))
        since = len(rig.modem.requests)
        await asyncio.sleep(3600)
        assert 1 <= len(_ciase(rig, CiaseTag.DISCOVER, since)) <= 20
        assert len(rig.journal("notice")) == 1
        assert rig.now_s() - max(_periodic(rig, usn)) < 1000


@jumping
async def test_repeaters_are_called_once_the_street_has_come_in(tmp_path: Path) -> None:
    """Docs/plc.md 3.1: once all have settled; not again while nothing changes."""
    config = IDLE.replace("[plc]", "[plc]\nrepeater_call_period_s = 600").replace(
        "discover_period_s = 3600.0", "discover_period_s = 300.0"
    )
    async with VirtualRig(tmp_path, meters=4, config=config, meter=SELDOM) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 90)
        found_s = rig.loop.time()
        await rig.until(lambda: bool(rig.modem.calls), SETTLES_S + 60)
        assert SETTLES_S <= rig.modem.calls[0] <= found_s + SETTLES_S + 60
        assert len(_ciase(rig, CiaseTag.REPEATER_CALL)) == 1
        await asyncio.sleep(1800)
        assert len(rig.modem.calls) == 1
        late = next(iter(rig.bench.waiting))
        rig.bench.plug_in(late)
        await rig.until(lambda: late in rig.daemon_usns(), 3600)
        found_s = rig.loop.time()
        await rig.until(lambda: len(rig.modem.calls) == 2, SETTLES_S + 60)
        assert rig.modem.calls[1] > found_s


@jumping
async def test_where_repeaters_are_set_by_hand_nobody_calls_them(tmp_path: Path) -> None:
    config = IDLE.replace("[plc]", "[plc]\nrepeater_call_period_s = 0")
    async with VirtualRig(tmp_path, meters=3, config=config, meter=SELDOM) as rig:
        await rig.until(lambda: rig.loop.time() > 1000, 1010)
        assert len(rig.daemon_usns()) == 2
        assert rig.modem.calls == []


@jumping
async def test_when_many_fall_silent_at_once_a_repeater_may_be_dead(tmp_path: Path) -> None:
    """PLC-5: long before any of them is told as lost the others settle anew who repeats."""
    config = QUIET.replace("[plc]", "[plc]\nrepeater_call_period_s = 200").replace(
        "node_lost_after_s = 120.0", "node_lost_after_s = 80000.0"
    )
    async with VirtualRig(tmp_path, meters=8, config=config, meter=SELDOM) as rig:
        await rig.until(lambda: len(rig.daemon_usns()) == 7, 90)
        await rig.until(lambda: bool(rig.modem.calls), SETTLES_S + 60)
        await asyncio.sleep(400)
        assert len(rig.modem.calls) == 1
        usns = list(rig.bench.plugged)
        rig.bench.power_off(usns[-1])
        await asyncio.sleep(400)
        assert len(rig.modem.calls) == 1, "one alone is no sign of it"
        for usn in usns[-4:-1]:
            rig.bench.power_off(usn)
        await rig.until(lambda: len(rig.modem.calls) == 2, 400)
        await asyncio.sleep(1000)
        assert len(rig.modem.calls) == 2, "nor is the same silence one again"


@jumping
async def test_a_modem_that_fails_now_and_then_loses_nothing(tmp_path: Path) -> None:
    """REL-1: in whatever turn; what was asked then is asked again."""
    async with VirtualRig(tmp_path, meters=4) as rig:
        for second in range(5, 120, 6):
            await rig.until(lambda at=second: rig.loop.time() >= at, 60)  # type: ignore[misc]
            rig.modem.error = ModemReset("the modem went down")
            await asyncio.sleep(0.7)
            rig.modem.error = None
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        await _everything_comes_home(rig)
