"""Registry and journal: each change is told of, both or neither."""

import dataclasses
import json
from pathlib import Path

import pytest

from gateway.store.errors import NoAddressFree, StoreError
from gateway.store.inventory import Kind, Meter, Node, NodeState
from gateway.store.journal import Journal, JournalKind
from gateway.store.meter_registry import MAC_FIRST, MAC_LAST, MeterRegistry
from tests.gateway.store.store_tools import NOW_S, ask, open_database, run

NODE = Node(
    system_title=bytes.fromhex("4c4759000001"),
    mac=None,
    state=NodeState.NEW,
    first_seen_s=NOW_S,
    last_seen_s=NOW_S,
)
METER = Meter(usn="LG1", config_id="C1", found_at_s=NOW_S)


def journal_of(path: Path) -> list[tuple[str, str | None, dict[str, object]]]:
    found = ask(path, "SELECT kind, usn, body FROM journal ORDER BY seq")
    return [(kind, usn, json.loads(body)) for kind, usn, body in found]


def test_a_nodes_history_is_told_and_survives(tmp_path: Path) -> None:
    """INV-4: NEW, REGISTERED, LOST, each change pushed with its times."""
    path = tmp_path / "store.db"
    registered = dataclasses.replace(NODE, mac=1, state=NodeState.REGISTERED, usn="LG1")
    seen = dataclasses.replace(registered, last_seen_s=NOW_S + 9, credit_need=2)
    lost = dataclasses.replace(seen, state=NodeState.LOST)

    async def main() -> None:
        async with open_database(path) as database:
            journal = Journal(database, lambda: NOW_S)
            registry = MeterRegistry(database, journal)
            woken: list[int] = []
            journal.on_commit(lambda: woken.append(1))
            for node in (NODE, registered, seen, lost):
                await registry.upsert_node(node)
            assert len(woken) == 3  # being seen is no news
            again = MeterRegistry(database, journal)
            await again.load()
            assert dict(again.nodes) == {NODE.system_title: lost}
            assert again.node_of("LG1") == lost
            assert again.node_of("LG2") is None

    run(main())
    told = journal_of(path)
    assert [(kind, usn) for kind, usn, _ in told] == [
        ("node_state", None),
        ("node_state", "LG1"),
        ("node_state", "LG1"),
    ]
    assert [(body["state_before"], body["state"]) for _, _, body in told] == [
        (None, "NEW"),
        ("NEW", "REGISTERED"),
        ("REGISTERED", "LOST"),
    ]


def test_a_meters_identity_is_told_when_it_changes(tmp_path: Path) -> None:
    """INV-3: an exchange of firmware shows; a look at its clock does not."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_database(path) as database:
            registry = MeterRegistry(database, Journal(database, lambda: NOW_S))
            await registry.upsert_meter(METER)
            await registry.upsert_meter(dataclasses.replace(METER, clock_deviation_s=-1.5))
            newer = dataclasses.replace(METER, firmware_module="2.0", clock_deviation_s=0.25)
            await registry.upsert_meter(newer)
            await registry.load()
            assert registry.meters["LG1"] == newer

    run(main())
    (_, found, _), (kind, usn, body) = journal_of(path)
    assert (found, kind, usn) == ("LG1", "meter_changed", "LG1")
    assert body == {"firmware_module": {"before": None, "now": "2.0"}}


def test_kinds_are_remembered(tmp_path: Path) -> None:
    """Issue 2, 2: the object list is read once per kind of meter."""
    kind = Kind(config_id="C1", firmware="1.0", object_list="[1]", read_at_s=NOW_S)

    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            journal = Journal(database, lambda: NOW_S)
            await MeterRegistry(database, journal).remember_kind(kind)
            registry = MeterRegistry(database, journal)
            await registry.load()
            assert registry.find_kind("C1", "1.0") == kind
            assert registry.find_kind("C1", "2.0") is None

    run(main())


def test_addresses_are_not_used_twice_while_there_are_others(tmp_path: Path) -> None:
    """INV-3: an address given to another node later never mixes data."""

    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            registry = MeterRegistry(database, Journal(database, lambda: NOW_S))
            assert [registry.allocate_mac() for _ in range(3)] == [1, 2, 3]
            lost = dataclasses.replace(NODE, mac=2, state=NodeState.LOST)
            await registry.upsert_node(lost)
            rest = [registry.allocate_mac() for _ in range(MAC_LAST - MAC_FIRST - 2)]
            assert (rest[0], rest[-1], len(set(rest))) == (4, MAC_LAST, len(rest))
            assert registry.allocate_mac() == 2  # the lost one's, for want of another
            with pytest.raises(NoAddressFree):
                registry.allocate_mac()
            title = bytes.fromhex("4c4759000002")
            await registry.upsert_node(
                dataclasses.replace(NODE, system_title=title, mac=2, state=NodeState.REGISTERED)
            )
            assert registry.nodes[NODE.system_title].mac is None
            await registry.load()
            assert registry.nodes[NODE.system_title].mac is None

    run(main())


def test_a_change_that_fails_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_database(path) as database:
            journal = Journal(database, lambda: NOW_S)
            registry = MeterRegistry(database, journal)
            await journal.write(JournalKind.NOTICE, None, {"n": 1})
            await database.close()
            with pytest.raises(StoreError):
                await registry.upsert_node(NODE)
            assert not registry.nodes
            await database.open()
            await journal.write(JournalKind.NOTICE, None, {"n": 2})
            assert [entry.seq for entry in await journal.newest(5)] == [1, 2]
            assert [entry.body for entry in await journal.newest(1)] == [{"n": 2}]

    run(main())
    assert [kind for kind, _, _ in journal_of(path)] == ["notice", "notice"]
