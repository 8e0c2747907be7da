"""The daemon on a line it has never seen: finds, identifies, collects, and recovers."""

import asyncio
from collections import Counter
from pathlib import Path

from drivers.dlms.password import Password
from gateway.core.clock import ClockTrust
from gateway.store.journal import JournalKind
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.virtual_rig import CONFIG, VirtualRig


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
