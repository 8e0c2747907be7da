"""One box goes on for another on the same line, and the head-end has every row once."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from drivers.plc.ciase import CiaseTag
from gateway.core.config import load_config, read_sections
from gateway.core.taken_settings import told_settings
from gateway.head_end.link import PublishOutcome
from gateway.store.database import Database, schema_version
from gateway.store.journal import JournalKind
from gateway.store.settings import StorageSettings
from gateway.store.store_reader import open_to_read
from gateway.store.takeover_document import TakeoverContent, from_octets, to_octets
from gateway.store.takeover_export import Origin, leave
from gateway.store.takeover_import import NOTICE, take_over
from hil.meter.module import MeterSettings
from hil.virtual_loop import InlineExecutor
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.virtual_rig import (
    CONFIG,
    METER,
    AckingLink,
    Row,
    VirtualRig,
)

pytestmark = pytest.mark.rig  # whole lines in virtual time

OTHER_DIRECTORY = CONFIG.replace('"data"', '"other"')
OTHER_TITLE = OTHER_DIRECTORY.replace("[board]", 'system_title = "474701000002"\n[board]').replace(
    "[plc]", "[plc]\ninitiator_mac = 0xC01"
)


def _always(batch: int) -> bool:
    return batch > 0


def _never(batch: int) -> bool:
    return batch < 0


class HeadEnd(AckingLink):
    """Commits what comes, while it listens; what it does not acknowledge, it does not have.

    Attributes:
        listens: whether it does.
        committed: batches that it has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.listens: Callable[[int], bool] = _always
        self.committed: list[dict[str, Any]] = []

    async def publish(self, topic: str, payload: bytes) -> PublishOutcome:
        batch = json.loads(payload)
        if not self.listens(batch["batch"]):
            self.batches[batch["batch"]] = batch
            return PublishOutcome.ACCEPTED
        if batch not in self.committed:
            self.committed.append(batch)
        return await super().publish(topic, payload)

    def rows(self) -> "Counter[Row]":
        """Return what it has, as the meters' truth is written."""
        return Counter(
            (part["usn"], part["stream"], row[1], row[3], *_four(row[6:]))
            for batch in self.committed
            for part in batch["streams"]
            for row in part["rows"]
        )

    def journal(self) -> list[dict[str, Any]]:
        return [entry for batch in self.committed for entry in batch["journal"]]


def _four(values: list[int | None]) -> list[int | None]:
    return [*values, *[None] * (4 - len(values))]


class TwoBoxes:
    """A line whose box is exchanged.

    Attributes:
        first, second: what the head-end has from each of them.
    """

    def __init__(self, rig: VirtualRig, folder: Path) -> None:
        self.rig = rig
        self._folder = folder
        assert isinstance(rig.link, HeadEnd)
        self.first = rig.link
        self.second = HeadEnd()
        self.left: TakeoverContent

    def store(self) -> Path:
        return self.rig.config.concentrator.data_directory / "gridgate.db"

    def export(self) -> TakeoverContent:
        told = told_settings(read_sections(self._folder / "gridgate.toml"))
        origin = Origin(made_at_s=int(self.rig.now_s()), made_by="test", settings=told)
        with open_to_read(self.store(), schema_version()) as connection:
            return from_octets(to_octets(leave(connection, origin)))

    async def exchange(self, config: str = OTHER_DIRECTORY) -> None:
        """Kill the first box, and let the second go on from what it left."""
        await self.rig.kill()
        self.left = self.export()
        await self.go_on(self.left, config)

    async def go_on(self, left: TakeoverContent, config: str = OTHER_DIRECTORY) -> None:
        (self._folder / "other.toml").write_text(config)
        self.rig.config = load_config(self._folder / "other.toml")
        database = Database(self.store(), InlineExecutor(), StorageSettings())
        async with database:
            await database.run(lambda file: take_over(file.conn, left, int(self.rig.now_s())))
        self.rig.link = self.second
        self.rig.modem.requests.clear()
        await self.rig._start()

    async def pass_until(self, at_s: float) -> None:
        """Let time pass up to a second of the loop."""
        await self.rig.until(lambda: self.rig.loop.time() >= at_s, at_s + 1)

    def told(self) -> "Counter[Row]":
        return self.first.rows() + self.second.rows()

    def all_is_told(self) -> bool:
        return not Counter(self.rig.held()) - self.told()

    def registers_sent(self) -> int:
        return sum(apdu[0] == CiaseTag.REGISTER for _, apdu in self.rig.modem.requests)


@asynccontextmanager
async def two_boxes(
    folder: Path, *, meters: int, meter: MeterSettings = METER
) -> AsyncIterator[TwoBoxes]:
    rig = VirtualRig(folder, meters=meters, meter=meter)
    rig.link = HeadEnd()
    async with rig:
        yield TwoBoxes(rig, folder)


@pytest.mark.parametrize(("at_s", "silent_s"), [(33, 0), (80, 25)])
def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path, at_s: int, silent_s: int) -> None:
    """INV-6: each row is at the head-end once, whenever the box died and whatever it still had.

    The two clocks that were wrong are set in the meantime, so some instants were captured twice.
    """

    @jumping
    async def live() -> None:
        async with two_boxes(tmp_path, meters=6) as boxes:
            rig = boxes.rig
            await boxes.pass_until(at_s - silent_s)
            boxes.first.listens = _never
            await boxes.pass_until(at_s)
            known = rig.daemon_usns()
            await boxes.exchange()
            await rig.until(lambda: rig.daemon_usns() >= known, 60)
            assert not boxes.registers_sent() or not known
            rig.bench.stop_capture()
            await rig.until(boxes.all_is_told, 120)
            assert not boxes.told() - Counter(rig.held())

    live()


@jumping
async def test_a_dozen_meters_are_read_within_minutes(tmp_path: Path) -> None:
    """INV-6, INV-3: no new Register, no object list; each is asked who it is before it is read."""
    async with two_boxes(tmp_path, meters=12) as boxes:
        rig = boxes.rig
        rig.bench.plug_in(*rig.bench.waiting)
        await rig.until(lambda: len(rig.daemon_usns()) == 12, 90)
        await boxes.pass_until(100)
        rows_before = sum(boxes.first.rows().values())
        await boxes.exchange()
        assert {node.usn for node in boxes.left.nodes} == set(rig.bench.plugged)
        assert rig.daemon_usns() == set()
        await rig.until(lambda: len(rig.daemon_usns()) == 12, 60)
        assert boxes.registers_sent() == 0
        assert bytes.fromhex("050102fa08") not in {apdu for _, apdu in rig.modem.requests}
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 60)
        assert boxes.told() == Counter(rig.held())
        assert sum(boxes.second.rows().values()) < rows_before / 4
        assert (await rig.ask("lost"))["lost"] == []
        assert all(meter["missing"] == 0 for meter in (await rig.ask("meters"))["meters"])


@jumping
async def test_batches_that_were_committed_out_of_order(tmp_path: Path) -> None:
    """INV-6: what is committed beyond a hole is not told again, the hole is."""
    async with two_boxes(tmp_path, meters=6) as boxes:
        rig = boxes.rig
        await boxes.pass_until(40)
        held_back = max(boxes.first.batches) + 2
        boxes.first.listens = lambda batch: batch != held_back
        await rig.until(lambda: max(boxes.first.batches) > held_back + 5, 150)
        await boxes.exchange()
        assert 0 < boxes.left.rows_open < 300
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 120)
        assert boxes.told() == Counter(rig.held())


@jumping
async def test_a_head_end_that_never_answered_gets_all_from_the_meters(tmp_path: Path) -> None:
    """INV-6, ACQ-2: rows before the first one committed are looked for as well."""
    async with two_boxes(tmp_path, meters=4) as boxes:
        rig = boxes.rig
        boxes.first.listens = _never
        await boxes.pass_until(60)
        await boxes.exchange()
        assert boxes.left.rows_open > 200
        assert boxes.left.committed.rows == 0
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 120)
        assert boxes.told() == Counter(rig.held())


@jumping
async def test_a_clock_that_went_back_meanwhile_doubles_nothing(tmp_path: Path) -> None:
    """INV-6, ADR 9: rows of the last days are compared with, as the earlier box would have."""
    async with two_boxes(tmp_path, meters=4) as boxes:
        rig = boxes.rig
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        await boxes.pass_until(90)
        await rig.kill()
        for meter in rig.bench.plugged.values():
            rig.bench._truth.commit()
            clock = meter.module.clock
            meter.module.set_clock(clock.time_s(rig.now_s()) - 40.0, rig.now_s())
        boxes.left = boxes.export()
        await boxes.go_on(boxes.left)
        await boxes.pass_until(200)
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 120)
        assert boxes.told() == Counter(rig.held())
        assert max(Counter(row[:3] for row in rig.held()).values()) >= 2


@jumping
async def test_what_was_exported_earlier_is_doubled_at_worst(tmp_path: Path) -> None:
    """INV-6: an export of last night loses nothing; what was told since comes twice."""
    async with two_boxes(tmp_path, meters=4) as boxes:
        rig = boxes.rig
        await boxes.pass_until(50)
        left = boxes.export()  # while the daemon runs
        await boxes.pass_until(100)
        assert not rig._running.done()
        await rig.kill()
        await boxes.go_on(left)
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 120)
        doubled = boxes.told() - Counter(rig.held())
        assert set(doubled) <= set(rig.held())


@jumping
async def test_another_title_waits_until_the_nodes_are_new(tmp_path: Path) -> None:
    """INV-5, INV-6: found again by themselves, and what the head-end has is not read again."""
    meter = MeterSettings(periodic_period_s=10, slave_period_s=60, not_addressed_timeout_s=300.0)
    async with two_boxes(tmp_path, meters=4, meter=meter) as boxes:
        rig = boxes.rig
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        await boxes.pass_until(90)
        await boxes.exchange(OTHER_TITLE)
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 900)
        assert rig.loop.time() > 390
        assert boxes.registers_sent() > 0
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 200)
        assert boxes.told() == Counter(rig.held())


@jumping
async def test_a_meter_that_was_exchanged_with_the_box_is_not_mixed_up(tmp_path: Path) -> None:
    """INV-3, INV-6: the module speaks for another meter now; nothing of it goes under the old."""
    async with two_boxes(tmp_path, meters=4) as boxes:
        rig = boxes.rig
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        await rig.kill()
        left = boxes.export()
        one, other, *_ = left.nodes
        swapped = left.model_copy(
            update={
                "nodes": (
                    one.model_copy(update={"mac": other.mac}),
                    other.model_copy(update={"mac": one.mac}),
                    *left.nodes[2:],
                )
            }
        )
        await boxes.go_on(swapped)
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 200)
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 120)
        assert boxes.told() == Counter(rig.held())


@jumping
async def test_what_the_head_end_was_not_told_of_is_told_by_the_next(tmp_path: Path) -> None:
    """INV-4, INV-6: the history of changes goes on, and names the box that was left."""
    async with two_boxes(tmp_path, meters=4) as boxes:
        rig = boxes.rig
        boxes.first.listens = _never
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 60)
        *_, usn = rig.bench.plugged  # the first one repeats for the others
        rig.bench.power_off(usn)
        await rig.until(lambda: rig.states()[usn] == "LOST", 400)
        await boxes.exchange()
        await rig.until(lambda: len(rig.daemon_usns()) == 2, 60)
        await rig.until(lambda: len(boxes.second.journal()) > 5, 60)
        notice, *entries = boxes.second.journal()
        assert notice["body"]["notice"] == NOTICE
        assert notice["body"]["epoch"] == boxes.left.epoch == boxes.first.batches[1]["epoch"]
        assert boxes.second.committed[0]["epoch"] != boxes.left.epoch
        assert notice["body"]["dc_id"] == "GG-000001"
        found = {e["usn"] for e in entries if e["kind"] == JournalKind.METER_FOUND}
        assert usn in found
        states = [e["body"]["state"] for e in entries if e["kind"] == JournalKind.NODE_STATE]
        assert "LOST" in states
        assert [each["what"] for each in (await rig.ask("lost"))["lost"]] == ["node"]
        rig.bench.power_on(usn)
        await rig.until(lambda: len(rig.daemon_usns()) == 3, 200)
        rig.bench.stop_capture()
        await rig.until(boxes.all_is_told, 120)
        assert boxes.told() == Counter(rig.held())


@jumping
async def test_the_next_may_be_left_as_well(tmp_path: Path) -> None:
    """INV-6: a third box goes on for the second one."""
    async with two_boxes(tmp_path, meters=4) as boxes:
        rig = boxes.rig
        await boxes.pass_until(60)
        await boxes.exchange()
        await boxes.pass_until(75)
        second, boxes.second = boxes.second, HeadEnd()
        await boxes.exchange(CONFIG.replace('"data"', '"third"'))
        rig.bench.stop_capture()
        await rig.until(lambda: not Counter(rig.held()) - boxes.told() - second.rows(), 120)
        assert boxes.told() + second.rows() == Counter(rig.held())


@jumping
async def test_a_card_is_read_with_its_log_after_a_power_cut(tmp_path: Path) -> None:
    """INV-6: what stands in the write-ahead log only counts, and the card is as it was."""
    async with two_boxes(tmp_path, meters=3) as boxes:
        await boxes.pass_until(30)
        card = tmp_path / "card"
        shutil.copytree(boxes.store().parent, card)  # as power failed
        before = {path.name: path.read_bytes() for path in card.iterdir()}
        assert len(before["gridgate.db-wal"]) > 0
        with open_to_read(card / "gridgate.db", schema_version()) as connection:
            (seen,) = connection.execute("SELECT COUNT(*) FROM reading").fetchone()
        with closing(sqlite3.connect(boxes.store())) as connection:
            (there,) = connection.execute("SELECT COUNT(*) FROM reading").fetchone()
        assert seen == there > 0
        for name in ("gridgate.db", "gridgate.db-wal"):
            assert (card / name).read_bytes() == before[name]
