"""Nodes, meters and slaves as the line knows them, and as the store does."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from drivers.dlms.companion import Entity
from drivers.errors import PeerError
from gateway.meters.meter_resume import IDENTIFY_PERIOD_S
from gateway.store.inventory import NodeState
from gateway.store.journal import JournalKind
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.meter_lab import Lab, LabMeter, open_lab, stream_of


async def _notices(lab: Lab) -> list[dict[str, object]]:
    entries = await lab.journal.newest(100)
    return [entry.body for entry in entries if entry.kind == JournalKind.NOTICE]


@jumping
async def test_a_restart_takes_up_what_is_known(tmp_path: Path) -> None:
    """INV-3: node, meter, kind, streams and slaves, without asking the meter."""
    meter = LabMeter()
    async with open_lab(tmp_path, meter) as lab:
        before = await lab.identify()
        await lab.book.note_deviation(before.usn, 1.25, meter.now_s)
    async with open_lab(tmp_path, meter) as lab:
        (after,) = lab.book.meters.values()
        assert (after.usn, after.kind) == (before.usn, before.kind)
        assert [(s.usn, s.entity) for s in after.streams] == [
            (s.usn, s.entity) for s in before.streams
        ]
        assert after.link.is_confirmed
        assert (after.deviation_s, after.noted_at_s) == (1.25, meter.now_s)
        assert meter.now_s < after.identify_at_s <= meter.now_s + IDENTIFY_PERIOD_S


@jumping
async def test_a_node_that_was_told_its_address_is_asked_there_after_a_restart(
    tmp_path: Path,
) -> None:
    """INV-5: it may have heard its Register."""
    async with open_lab(tmp_path) as lab:
        link = await lab.book.give_address(b"NODE01")
    async with open_lab(tmp_path) as lab:
        (again,) = lab.book.links()
        assert (again.mac, again.is_confirmed) == (link.mac, False)


@jumping
async def test_a_node_keeps_its_address_and_is_asked_again_who_it_is(tmp_path: Path) -> None:
    """INV-3: NEW again means that somebody may have worked on it; a LOST one is found so too."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        await lab.book.lost(meter.link)
        link = await lab.book.give_address(meter.link.system_title)
        assert link.mac == meter.link.mac
        assert not link.is_lost
        assert lab.book.meters == {}
        assert lab.registry.nodes[link.system_title].state is NodeState.NEW


@jumping
async def test_a_lost_node_is_found_again_by_the_next_daemon_too(tmp_path: Path) -> None:
    """INV-4: it is taken up as silent, for only who is silent is found again."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        meter.link.answered(lab.meter.now_s)
        await lab.book.lost(meter.link)
    async with open_lab(tmp_path) as lab:
        (link,) = lab.book.links()
        was_lost = link.is_lost
        assert link.silent_since_s == link.heard_at_s == lab.meter.now_s
        assert link.retry_at_s == lab.meter.now_s
        await lab.book.found_again(link)
        assert (was_lost, link.is_lost) == (True, False)
        assert lab.registry.nodes[link.system_title].state is NodeState.REGISTERED


@jumping
async def test_a_doubted_node_has_no_meter_until_it_is_known_to_be_the_same(
    tmp_path: Path,
) -> None:
    """INV-3, INV-5: who it is must be read before anything of it is stored; all else is kept."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        meter.deviation_s = 3.5
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream)
        link = meter.link
        await lab.book.doubt(link)
        assert lab.book.meters == {}
        assert not link.is_confirmed
        assert lab.book.put_aside(link) is meter
        node = lab.registry.nodes[link.system_title]
        assert (node.state, node.usn, node.mac) == (NodeState.NEW, None, link.mac)
        await lab.book.registered(link)
        await lab.book.confirmed(link, meter)
        assert lab.book.meters == {link.system_title: meter}
        assert lab.book.put_aside(link) is None
        node = lab.registry.nodes[link.system_title]
        assert (node.state, node.usn) == (NodeState.REGISTERED, meter.usn)
        assert (meter.deviation_s, stream_of(meter, Entity.PERIODIC)) == (3.5, stream)
        assert await _notices(lab) == []


@jumping
async def test_a_daemon_that_dies_in_doubt_leaves_the_next_one_in_doubt(tmp_path: Path) -> None:
    """INV-3: whatever was exchanged meanwhile."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        await lab.book.doubt(meter.link)
    async with open_lab(tmp_path) as lab:
        (link,) = lab.book.links()
        assert (link.mac, link.is_confirmed) == (meter.link.mac, False)
        assert lab.book.meters == {}


@jumping
async def test_a_node_that_was_new_is_known_again_by_its_number(tmp_path: Path) -> None:
    """INV-3: given its address again by a Discover, its meter waits aside with its new link."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        link = await lab.book.give_address(meter.link.system_title)
        assert link is not meter.link
        assert lab.registry.nodes[link.system_title].usn is None
        assert lab.book.put_aside(link) is meter
        await lab.book.registered(link)
        await lab.book.confirmed(link, meter)
        assert meter.link is link


@pytest.mark.parametrize("was_silent", [True, False])
@jumping
async def test_another_meter_behind_the_same_node_is_told(
    tmp_path: Path, *, was_silent: bool
) -> None:
    """INV-5: the head-end is told that it was exchanged, and who was there before; once.

    Also when that was so quick that only the daily reading of its number tells.
    """
    async with open_lab(tmp_path) as lab:
        before = await lab.identify()
        if was_silent:
            await lab.book.doubt(before.link)
        after = await lab.book.identified(before.link, lab.identity(usn="OTHER", slaves=()))
        (told,) = await _notices(lab)
        assert told == {
            "notice": "another meter behind the same node",
            "system_title": before.link.system_title.hex(),
            "before": before.usn,
        }
        assert lab.book.meters == {before.link.system_title: after}
        assert stream_of(after, Entity.PERIODIC).stream_id != before.streams[0].stream_id
        await lab.book.identified(before.link, lab.identity(usn="OTHER", slaves=()))
        assert len(await _notices(lab)) == 1


@jumping
async def test_the_same_meter_read_in_full_again_is_no_exchange(tmp_path: Path) -> None:
    """INV-5: its number was nonsense three times, so all was read again."""
    async with open_lab(tmp_path) as lab:
        before = await lab.identify()
        await lab.book.doubt(before.link)
        after = await lab.book.identified(before.link, lab.identity())
        assert await _notices(lab) == []
        assert after.streams[0].stream_id == before.streams[0].stream_id


@jumping
async def test_whoever_has_a_meter_meanwhile_keeps_it(tmp_path: Path) -> None:
    """INV-3: the module was exchanged while the old one was silent, and now that is back."""
    async with open_lab(tmp_path) as lab:
        old = await lab.identify(b"NODE01")
        await lab.book.doubt(old.link)
        new = await lab.identify(b"NODE02")
        with pytest.raises(PeerError, match="same number"):
            await lab.book.confirmed(old.link, old)
        assert list(lab.book.meters.values()) == [new]


@jumping
async def test_a_slave_that_moved_while_its_master_was_silent_is_not_read_there(
    tmp_path: Path,
) -> None:
    """INV-8: its old master is back, and was put aside when the slave moved."""
    async with open_lab(tmp_path) as lab:
        old = await lab.identify(b"NODE01")
        slave = stream_of(old, Entity.SLAVE)
        await lab.book.doubt(old.link)
        link = await lab.book.give_address(b"NODE02")
        await lab.book.identified(link, lab.identity(usn="OTHER"))
        await lab.book.registered(old.link)
        await lab.book.confirmed(old.link, old)
        readers = [
            meter.usn
            for meter in lab.book.meters.values()
            if slave.stream_id in {stream.stream_id for stream in meter.streams}
        ]
        assert readers == ["OTHER"]


@jumping
async def test_being_told_in_vain_is_counted(tmp_path: Path) -> None:
    """PLC-7: who never answers at its address is no reason to look every minute."""
    async with open_lab(tmp_path) as lab:
        counts = [(await lab.book.give_address(b"NODE01")).told_in_vain for _ in range(3)]
        assert counts == [0, 1, 2]
        link = lab.book.link_of(b"NODE01")
        assert link is not None
        await lab.book.registered(link)
        assert (await lab.book.give_address(b"NODE01")).told_in_vain == 0


@jumping
async def test_an_alarm_is_told_once(tmp_path: Path) -> None:
    """PLC-6: it is reported in each look; another one is news."""
    async with open_lab(tmp_path) as lab:
        for descriptor in (4, 4, 4, 5):
            await lab.book.alarm(b"NODE01", descriptor)
        assert [body["descriptor"] for body in await _notices(lab)] == [4, 5]


@jumping
async def test_two_that_answer_cannot_have_one_number(tmp_path: Path) -> None:
    """INV-3: the first keeps it; after it fell silent the second one has it."""
    async with open_lab(tmp_path) as lab:
        first = await lab.identify(b"NODE01")
        for _ in range(2):
            with pytest.raises(PeerError, match="same number"):
                await lab.identify(b"NODE02")
        (told,) = await _notices(lab)
        assert told["system_titles"] == [b"NODE01".hex(), b"NODE02".hex()]
        first.link.was_silent(lab.meter.now_s)
        second = await lab.identify(b"NODE02")
        assert list(lab.book.meters.values()) == [second]
        assert lab.registry.nodes[b"NODE01"].usn is None
        assert second.streams[0].stream_id == first.streams[0].stream_id


@jumping
async def test_a_slave_that_is_gone_is_not_read_after_a_restart(tmp_path: Path) -> None:
    """INV-8: nor is another one in its place taken for it."""
    meter = LabMeter()
    async with open_lab(tmp_path, meter) as lab:
        found = await lab.identify()
        slave = stream_of(found, Entity.SLAVE).usn
        link = lab.book.link_of(b"LGZ001")
        assert link is not None
        again = await lab.book.identified(link, lab.identity(slaves=()))
        assert Entity.SLAVE not in {stream.entity for stream in again.streams}
    async with open_lab(tmp_path, meter) as lab:
        (resumed,) = lab.book.meters.values()
        assert Entity.SLAVE not in {stream.entity for stream in resumed.streams}
        assert lab.registry.meters[slave].channel is None


@jumping
async def test_a_slave_that_moved_is_read_by_its_new_master_only(tmp_path: Path) -> None:
    """INV-8."""
    async with open_lab(tmp_path) as lab:
        old = await lab.identify(b"NODE01")
        slave = stream_of(old, Entity.SLAVE)
        link = await lab.book.give_address(b"NODE02")
        new = await lab.book.identified(link, lab.identity(usn="OTHER"))
        assert Entity.SLAVE not in {stream.entity for stream in old.streams}
        assert stream_of(new, Entity.SLAVE).stream_id == slave.stream_id
        assert lab.registry.meters[slave.usn].parent_usn == "OTHER"


@jumping
async def test_a_masters_number_is_no_slaves(tmp_path: Path) -> None:
    """INV-8: the master's record would be overwritten."""
    async with open_lab(tmp_path) as lab:
        master = await lab.identify(b"NODE01")
        identity = lab.identity(usn="OTHER")
        slave = dataclasses.replace(identity.slaves[0], usn=master.usn)
        link = await lab.book.give_address(b"NODE02")
        meter = await lab.book.identified(link, dataclasses.replace(identity, slaves=(slave,)))
        assert {stream.usn for stream in meter.streams} == {"OTHER"}
        assert lab.registry.meters[master.usn].parent_usn is None


@jumping
async def test_rows_on_their_way_to_the_disk_are_known(tmp_path: Path) -> None:
    """ACQ-3: asked again who it is, a meter has no gap where rows wait for their commit."""
    async with open_lab(tmp_path) as lab:
        await asyncio.sleep(60)  # no row is so fresh that it is left for later
        meter = await lab.identify()
        meter.deviation_s = 0.0
        stream = stream_of(meter, Entity.PERIODIC)
        while stream.progressing:
            await lab.ask(meter, stream)
        assert lab.buffer.rows_waiting()
        again = stream_of(await lab.identify(), Entity.PERIODIC)
        assert again.known_to_s is not None
        assert stream.known_to_s is not None
        assert again.known_to_s >= stream.known_to_s
