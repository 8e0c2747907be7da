"""The head-end as a process, on both brokers: it says "committed" when that is so."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.broker import BrokerKind, choose_broker
from tests.hil.head_end_bench import (
    DC_ID,
    EPOCH,
    HeadEndBench,
    Sender,
    batch_octets,
    broker,
    died_as_told,
    digest,
    ends_in_order,
    free_port,
    installed,
    sender,
    some_rows,
    until,
)

pytestmark = pytest.mark.rig

Bench = tuple[HeadEndBench, Sender]


@pytest.fixture(params=list(BrokerKind))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    port = free_port()
    with broker(installed(request.param), port), sender(port) as connected:
        yield HeadEndBench(tmp_path, port), connected


def test_committed_is_said_when_it_is_so(bench: Bench) -> None:
    """UPL-1: when the acknowledgement is here, others read the rows from the file."""
    head_end, concentrator = bench
    with head_end.running() as running:
        for number in (1, 2, 3):
            octets = batch_octets(number, some_rows(3 * number - 2))
            concentrator.send(octets)
            assert concentrator.next_ack() == {
                "schema": "gridgate.ack.1",
                "dc_id": DC_ID,
                "epoch": EPOCH,
                "batch": number,
                "sha256": digest(octets),
            }
            assert head_end.seqs() == list(range(1, 3 * number + 1))
        status = head_end.ask({"do": "status"})
        assert (status["ok"], status["rows"], status["batches_seen"]) == (True, 9, 3)
        assert status["batches_repeated"] == 0
        assert abs(status["first_commit_at_s"] - time.time()) < 60
        assert status["first_commit_at_s"] <= status["last_commit_at_s"]
        assert ends_in_order(running)
    assert not head_end.control.exists()
    assert [path.name for path in head_end.file.parent.iterdir()] == [head_end.file.name]


def test_a_batch_sent_again_is_acknowledged_again(bench: Bench) -> None:
    """UPL-1: the first acknowledgement may have been lost; the rows are there once."""
    head_end, concentrator = bench
    octets = batch_octets(1, some_rows(1))
    with head_end.running():
        for _ in range(3):
            concentrator.send(octets)
            assert concentrator.next_ack()["sha256"] == digest(octets)
        assert head_end.seqs() == [1, 2, 3]
        assert head_end.ask({"do": "status"})["batches_repeated"] == 2


def test_what_is_wrong_is_neither_stored_nor_acknowledged(bench: Bench) -> None:
    """UPL-1: a truncated, hostile or contradicting batch does not end it either."""
    head_end, concentrator = bench
    good = batch_octets(1, some_rows(1))
    with head_end.running() as running:
        concentrator.send(good)
        concentrator.next_ack()
        concentrator.send(good[:-20])
        concentrator.send(b"")
        concentrator.send(b"[" * 100_000)
        concentrator.send(batch_octets(2, some_rows(4), dc_id="GG-2"))  # in another's name
        concentrator.send(batch_octets(1, some_rows(7)))  # the same number, other octets
        concentrator.send(b"\xff", f"gridgate/v1/{DC_ID}/status")
        until(lambda: head_end.ask({"do": "status"})["messages_refused"] == 6, "all are refused")
        assert concentrator.hears_nothing()
        assert head_end.seqs() == [1, 2, 3]
        assert head_end.ask({"do": "status"})["batches_contradicted"] == 1
        concentrator.send(batch_octets(2, some_rows(4)))
        assert concentrator.next_ack()["batch"] == 2
        assert running.poll() is None


def test_it_dies_between_puback_and_commit(bench: Bench) -> None:
    """UPL-1: the batch comes again, the rows are there once."""
    head_end, concentrator = bench
    octets = batch_octets(1, some_rows(1))
    with head_end.running("--fault", "die-before-commit:2") as running:
        concentrator.send(octets)  # returns at PUBACK: for the broker, all is well
        assert died_as_told(running)
    assert concentrator.acks.empty()
    assert head_end.seqs() == []
    assert head_end.query("SELECT value FROM counters WHERE name = 'deaths'") == [(1,)]
    # With the same words it dies once more: of what the broker kept for it, or of our repeat.
    with head_end.starting("--fault", "die-before-commit:2") as running:
        until(lambda: head_end.control.exists() or running.poll() is not None, "it runs")
        concentrator.send(octets)
        assert died_as_told(running)
    assert head_end.seqs() == []
    with head_end.running("--fault", "die-before-commit:2"):
        concentrator.send(octets)
        assert concentrator.next_ack()["sha256"] == digest(octets)
        assert head_end.seqs() == [1, 2, 3]
        assert head_end.ask({"do": "status"})["deaths"] == 2


def test_what_comes_while_it_is_away_waits(bench: Bench) -> None:
    """UPL-1: the session outlives the process."""
    head_end, concentrator = bench
    with head_end.running() as running:
        assert ends_in_order(running)
    for number in (1, 2):
        concentrator.send(batch_octets(number, some_rows(3 * number - 2)))
    with head_end.running():
        assert {concentrator.next_ack()["batch"] for _ in range(2)} == {1, 2}
        assert head_end.seqs() == [1, 2, 3, 4, 5, 6]


def test_it_misbehaves_as_told(bench: Bench) -> None:
    """HIL-3: committed all the same, but said never, late or twice."""
    head_end, concentrator = bench
    with head_end.running("--fault", "withhold"):
        concentrator.send(batch_octets(1, some_rows(1)))
        assert concentrator.hears_nothing()
        assert head_end.seqs() == [1, 2, 3]
        head_end.ask({"do": "fault", "fault": "repeat"})
        concentrator.send(batch_octets(1, some_rows(1)))
        assert [concentrator.next_ack()["batch"] for _ in range(2)] == [1, 1]
        head_end.ask({"do": "fault", "fault": "delay:1.0"})
        began_s = time.monotonic()
        concentrator.send(batch_octets(2, some_rows(4)))
        assert concentrator.next_ack()["batch"] == 2
        assert time.monotonic() - began_s >= 1.0
        head_end.ask({"do": "fault", "fault": "none"})
        concentrator.send(batch_octets(3, some_rows(7)))
        assert concentrator.next_ack()["batch"] == 3
        assert concentrator.hears_nothing()


def test_the_control_socket_refuses_what_it_does_not_know(bench: Bench) -> None:
    head_end, _ = bench
    with head_end.running() as running:
        for line in (b"{", b"[]", b'{"do": "dance"}', b'{"do": "fault"}', b"[" * 4000):
            answer = head_end.ask(line)
            assert answer["ok"] is False
            assert answer["reason"]
        assert head_end.ask({"do": "gaps"}) == {"ok": True, "gaps": []}
        assert running.poll() is None


def test_the_status_of_a_concentrator_is_kept(bench: Bench) -> None:
    """UPL-2: the head-end knows who is connected."""
    head_end, concentrator = bench
    with head_end.running():
        concentrator.send(b'{"online": true, "dc_id": "x"}', f"gridgate/v1/{DC_ID}/status")
        until(lambda: head_end.query("SELECT 1 FROM concentrators"), "it is noted")
        ((dc_id, status),) = head_end.query("SELECT dc_id, status FROM concentrators")
        assert (dc_id, status) == (DC_ID, '{"online": true, "dc_id": "x"}')


def test_one_concentrator_only(bench: Bench) -> None:
    """HIL-1: it may be told whom to serve."""
    head_end, concentrator = bench
    with head_end.running("--dc-id", "GG-2"):
        concentrator.send(batch_octets(1, some_rows(1)))
        concentrator.send(batch_octets(1, [], dc_id="GG-2"), "gridgate/v1/GG-2/batch")
        assert concentrator.next_ack()["dc_id"] == "GG-2"
        assert concentrator.hears_nothing()


def test_a_broker_that_starts_anew(tmp_path: Path) -> None:
    """HIL-3: the head-end comes before the broker, and outlives it."""
    port = free_port()
    head_end = HeadEndBench(tmp_path, port)
    with head_end.starting():
        for number in (1, 2):
            with broker(choose_broker(), port), sender(port) as concentrator:
                until(lambda: subscribed(head_end), "it is subscribed")
                concentrator.send(batch_octets(number, some_rows(number, 1)))
                assert concentrator.next_ack()["batch"] == number
    assert head_end.seqs() == [1, 2]


def subscribed(head_end: HeadEndBench) -> bool:
    return head_end.control.exists() and bool(head_end.ask({"do": "status"})["subscribed"])
