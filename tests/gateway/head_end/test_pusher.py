"""The pusher and its outbox against a head-end that a test plays."""

import asyncio
import dataclasses
import hashlib
import json
import logging
from pathlib import Path

import pytest

from gateway.head_end.link import PublishOutcome
from gateway.head_end.messages import BatchMessage, from_octets
from gateway.head_end.settings import HeadEndSettings
from gateway.store.journal import JournalKind
from gateway.store.stream_counts import count_by_stream
from tests.gateway.head_end.memory_link import MemoryLink
from tests.gateway.head_end.push_rig import QUICK, open_rig, rows_of
from tests.gateway.store.store_tools import ENERGY, NOW_S, PERIODIC, ask, run

pytestmark = pytest.mark.rig  # real time: the store's thread and the timers are real


def test_every_row_is_told_once_and_committed_by_the_head_ends_word_alone(tmp_path: Path) -> None:
    """UPL-1: PUBACK only makes rows accepted; the head-end's own message commits them."""

    async def main() -> None:
        link = MemoryLink()
        link.went_up()
        async with open_rig(tmp_path / "store.db", link) as rig:
            await rig.store(25)
            told = await link.wait_published(3)
            assert [row[0] for row in rows_of(told[:3])] == list(range(1, 26))
            await asyncio.sleep(0.05)
            progress = await rig.pusher.progress()
            assert progress["rows_accepted"] == 25
            assert progress["rows_committed"] == 0
            assert rig.outbox.accepted_seq(rig.stream) == 25
            assert rig.outbox.committed_seq(rig.stream) == 0
            for payload in told[:3]:
                link.ack(payload)
            await rig.wait_committed(25)
            assert rig.outbox.committed_seq(rig.stream) == 25
            (counts,) = await count_by_stream(rig.database)
            assert (counts.rows_stored, counts.rows_committed) == (25, 25)
            assert ask(tmp_path / "store.db", "SELECT COUNT(*) FROM batch") == [(0,)]

    run(main())


def test_a_repeat_is_octet_identical_and_stops_at_the_ack(tmp_path: Path) -> None:
    """UPL-1: what is not acknowledged is sent again, the same to the last octet."""

    async def main() -> None:
        link = MemoryLink()
        link.went_up()
        async with open_rig(tmp_path / "store.db", link) as rig:
            await rig.store(3)
            told = await link.wait_published(3)
            assert told[0] == told[1] == told[2]
            assert rig.pusher.counters.batches_repeated >= 2
            link.ack(told[0])
            await rig.wait_committed(3)
            count = len(link.published)
            await asyncio.sleep(0.5)
            assert len(link.published) == count

    run(main())


def test_a_restart_repeats_what_was_open_and_numbers_go_on(tmp_path: Path) -> None:
    """UPL-1: open batches outlive the process with their octets."""
    path = tmp_path / "store.db"

    async def first() -> bytes:
        link = MemoryLink()
        link.went_up()
        async with open_rig(path, link) as rig:
            await rig.store(4)
            return (await link.wait_published(1))[0]

    async def second(before: bytes) -> None:
        link = MemoryLink()
        link.went_up()
        async with open_rig(path, link) as rig:
            again = (await link.wait_published(1))[0]
            assert again == before
            await rig.store(2)
            told = await link.wait_published(2)
            newest = next(payload for payload in told if payload != before)
            link.ack(before)
            link.ack(newest)
            await rig.wait_committed(6)
            assert json.loads(newest)["batch"] == json.loads(before)["batch"] + 1
            assert [row[0] for row in rows_of([newest])] == [5, 6]
            assert json.loads(newest)["epoch"] == json.loads(before)["epoch"]

    run(second(run(first())))


def test_a_lost_connection_repeats_at_once_when_it_is_back(tmp_path: Path) -> None:
    """UPL-1: nobody waits for a time-out after a reconnect."""
    settings = HeadEndSettings(ack_timeout_s=3600, push_interval_s=0.02)

    async def main() -> None:
        link = MemoryLink()
        link.went_up()
        async with open_rig(tmp_path / "store.db", link, settings) as rig:
            await rig.store(1)
            await link.wait_published(1)
            link.went_down()
            await asyncio.sleep(0.05)
            assert len(link.published) == 1
            link.went_up()
            told = await link.wait_published(2)
            assert told[0] == told[1]

    run(main())


def test_acks_out_of_order_move_the_watermark_without_a_gap(tmp_path: Path) -> None:
    """UPL-1: committed_seq never counts a row that the head-end may not have."""
    settings = HeadEndSettings(batch_rows_max=10, push_interval_s=0.02)

    async def main() -> None:
        link = MemoryLink()
        link.went_up()
        path = tmp_path / "store.db"
        async with open_rig(path, link, settings) as rig:
            await rig.store(30)
            told = await link.wait_published(3)
            link.ack(told[2])
            link.ack(told[1])
            async with asyncio.timeout(5):
                while rig.pusher.counters.acks_taken < 2:
                    await asyncio.sleep(0.01)
            assert rig.outbox.committed_seq(rig.stream) == 0
            assert rig.outbox.watermarks.committed_rows == 0
        async with open_rig(path, link, running=False) as rig:
            await rig.outbox.load()
            assert [batch.number for batch in rig.outbox.open_batches()] == [1]
            await rig.outbox.commit([1])
            assert rig.outbox.committed_seq(rig.stream) == 30
            assert rig.outbox.watermarks.committed_rows == 30

    run(main())


@pytest.mark.parametrize(
    ("change", "counter"),
    [
        ({"sha256": "00" * 32}, "acks_wrong"),
        ({"schema": "gridgate.ack.9"}, "acks_wrong"),
        ({"batch": None}, "acks_wrong"),
        ({"batch": 99}, "acks_left"),
        ({"epoch": "another"}, "acks_left"),
        ({"dc_id": "GG-2"}, "acks_left"),
    ],
)
def test_an_ack_that_is_not_for_these_octets_commits_nothing(
    tmp_path: Path, change: dict[str, object], counter: str
) -> None:
    """UPL-1: only (dc_id, epoch, batch, sha256) together commit."""

    async def main() -> None:
        link = MemoryLink()
        link.went_up()
        async with open_rig(tmp_path / "store.db", link) as rig:
            await rig.store(1)
            payload = (await link.wait_published(1))[0]
            link.ack(payload, **change)
            async with asyncio.timeout(5):
                while not getattr(rig.pusher.counters, counter):
                    await asyncio.sleep(0.01)
            assert rig.outbox.watermarks.committed_rows == 0
            link.ack(payload, sha256=hashlib.sha256(payload).hexdigest().upper(), more="fields")
            await rig.wait_committed(1)

    run(main())


def test_noise_on_the_ack_topic_harms_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        link = MemoryLink()
        link.went_up()
        async with open_rig(tmp_path / "store.db", link) as rig:
            for noise in (b"", b"\xff\xfe", b"[]", b"null", b"{" * 5000, b"[" * 3000):
                link.say(noise)
            await rig.store(1)
            link.ack((await link.wait_published(1))[0])
            await rig.wait_committed(1)
            assert rig.pusher.counters.acks_wrong == 6

    run(main())


def test_a_broker_without_a_head_end_does_not_accept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """UPL-1: MQTT 5's "no matching subscribers" is no acceptance."""

    async def main() -> None:
        link = MemoryLink()
        link.outcome = PublishOutcome.NO_SUBSCRIBER
        link.went_up()
        async with open_rig(tmp_path / "store.db", link) as rig:
            await rig.store(2)
            await link.wait_published(2)
            assert rig.outbox.rows_accepted() == 0

    with caplog.at_level(logging.WARNING):
        run(main())
    assert "no head-end listens at the broker" in caplog.messages


def test_not_more_batches_are_made_than_may_be_open(tmp_path: Path) -> None:
    """UPL-6: a long outage fills the disk with rows, not with copies of them."""
    settings = HeadEndSettings(batch_rows_max=10, push_interval_s=0.02, in_flight_max=2)

    async def main() -> None:
        link = MemoryLink()
        path = tmp_path / "store.db"
        async with open_rig(path, link, settings) as rig:
            await rig.store(50)
            await asyncio.sleep(0.2)
            assert ask(path, "SELECT COUNT(*) FROM batch") == [(2,)]
            progress = await rig.pusher.progress()
            assert (progress["rows_in_flight"], progress["rows_not_sent"]) == (20, 30)
            link.went_up()
            for number in range(5):
                link.ack((await link.wait_published(number + 1))[number])
            await rig.wait_committed(50)
            assert [row[0] for row in rows_of(link.published)] == list(range(1, 51))

    run(main())


def test_the_journal_travels_too(tmp_path: Path) -> None:
    """INV-4: the head-end is told of each change, readings or not."""

    async def main() -> None:
        link = MemoryLink()
        link.went_up()
        async with open_rig(tmp_path / "store.db", link) as rig:
            await rig.journal.write(JournalKind.NOTICE, None, {"text": "hello"})
            payload = (await link.wait_published(1))[0]
            batch = from_octets(BatchMessage, payload, 1_000_000)
            assert batch.streams == []
            (entry,) = batch.journal
            assert (entry.seq, entry.at_s, entry.kind) == (1, NOW_S, "notice")
            assert entry.body == {"text": "hello"}
            link.ack(payload)
            async with asyncio.timeout(5):
                while rig.outbox.watermarks.committed_journal < 1:
                    await asyncio.sleep(0.01)

    run(main())


def test_rows_keep_the_description_under_which_they_were_read(tmp_path: Path) -> None:
    """ACQ-4: a meter that was parametrised anew does not change the meaning of older rows."""

    async def main() -> None:
        link = MemoryLink()
        async with open_rig(tmp_path / "store.db", link, QUICK, running=False) as rig:
            await rig.store(2)
            kilo = dataclasses.replace(ENERGY, scaler=3)
            anew = dataclasses.replace(PERIODIC, columns=(kilo,), capture_period_s=20)
            assert await rig.buffer.open_stream(anew) == rig.stream
            rig.buffer.add(rig.stream, [(NOW_S, 0, 0, (7,))])
            await rig.buffer.flush()
            await rig.outbox.load()
            batch = await rig.outbox.make_batch(10)
            assert batch is not None
            old, new = json.loads(batch.payload)["streams"]
            assert [old["capture_period_s"], new["capture_period_s"]] == [10, 20]
            assert [len(old["columns"]), len(new["columns"])] == [2, 1]
            assert [row[0] for row in old["rows"]] == [1, 2]
            assert new["rows"] == [[3, NOW_S, 1, 0, 0, NOW_S, 7]]

    run(main())
