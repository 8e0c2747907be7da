"""The inventory: in memory for asking, in the store for good; each change of it is journalled."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.store.database import Database, StoreFile
from gateway.store.errors import NoAddressFree
from gateway.store.inventory import Kind, Meter, Node, NodeState
from gateway.store.journal import Body, Journal, JournalKind

MAC_FIRST: Final = 0x001
MAC_LAST: Final = 0xBFF
"""Individual addresses end below the initiators' (docs/plc.md 2.3)."""

_Entry = tuple[JournalKind, str | None, Body]


class MeterRegistry:
    """Nodes, meters and kinds.

    Args:
        database: open.
        journal: told of every change of state or identity, in the same transaction.
    """

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._nodes: dict[bytes, Node] = {}
        self._meters: dict[str, Meter] = {}
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._reserved: set[int] = set()

    @property
    def nodes(self) -> Mapping[bytes, Node]:
        """All nodes ever seen, by system title."""
        return MappingProxyType(self._nodes)

    @property
    def meters(self) -> Mapping[str, Meter]:
        """All meters ever identified, by USN."""
        return MappingProxyType(self._meters)

    async def load(self) -> None:
        """Read everything from the store; once, before anything else.

        Raises:
            StoreError: the store cannot be read.
        """
        for node in await self._database.run(_load_nodes):
            self._nodes[node.system_title] = node
        for meter in await self._database.run(_load_meters):
            self._meters[meter.usn] = meter
        for kind in await self._database.run(_load_kinds):
            self._kinds[kind.config_id, kind.firmware] = kind

    async def upsert_node(self, node: Node) -> None:
        """Remember a node as it is now.

        Raises:
            StoreError: nothing was stored, memory is as it was.
        """
        before = self._nodes.get(node.system_title)
        entries: list[_Entry] = []
        if before is None or (before.state, before.mac, before.usn) != (
            node.state,
            node.mac,
            node.usn,
        ):
            entries.append((JournalKind.NODE_STATE, node.usn, _node_body(before, node)))
        record = dataclasses.asdict(node) | {"system_title": node.system_title.hex()}

        def change(file: StoreFile) -> None:
            _upsert(file, "node", record, "system_title")
            file.conn.execute(
                "UPDATE node SET mac = NULL WHERE mac = ? AND system_title <> ?",
                (node.mac, node.system_title.hex()),
            )

        await self._journal.write_with(change, entries)
        if node.mac is not None:
            self._take_from_others(node.mac)
            self._reserved.discard(node.mac)
        self._nodes[node.system_title] = node

    async def upsert_meter(self, meter: Meter) -> None:
        """Remember a meter as it is now.

        Raises:
            StoreError: nothing was stored, memory is as it was.
        """
        before = self._meters.get(meter.usn)
        entries: list[_Entry] = []
        if before is None:
            entries.append((JournalKind.METER_FOUND, meter.usn, meter.identity()))
        elif before.identity() != meter.identity():
            changed = {
                name: {"before": before.identity()[name], "now": now}
                for name, now in meter.identity().items()
                if before.identity()[name] != now
            }
            entries.append((JournalKind.METER_CHANGED, meter.usn, changed))
        record = dataclasses.asdict(meter)
        await self._journal.write_with(lambda file: _upsert(file, "meter", record, "usn"), entries)
        self._meters[meter.usn] = meter

    async def remember_kind(self, kind: Kind) -> None:
        """Remember what a kind of meters is like, so that the next of them is not asked.

        Raises:
            StoreError: nothing was stored, memory is as it was.
        """
        record = dataclasses.asdict(kind)
        await self._database.run(
            lambda file: _upsert(file, "kind", record, ("config_id", "firmware"))
        )
        self._kinds[kind.config_id, kind.firmware] = kind

    def find_kind(self, config_id: str, firmware: str) -> Kind | None:
        """Return what is remembered of a kind."""
        return self._kinds.get((config_id, firmware))

    def node_of(self, usn: str) -> Node | None:
        """Return the node that speaks for a meter; of several the one last seen."""
        found = [node for node in self._nodes.values() if node.usn == usn]
        return max(found, key=lambda node: node.last_seen_s, default=None)

    def _take_from_others(self, mac: int) -> None:
        for node in [node for node in self._nodes.values() if node.mac == mac]:
            self._nodes[node.system_title] = dataclasses.replace(node, mac=None)

    def allocate_mac(self) -> int:
        """Return an address for a new node; it is held until `upsert_node` uses it.

        An address never used goes first. One that a LOST node had is used again only when there
        is no other, the longest lost first: such a node may still listen to it.

        Raises:
            NoAddressFree: more nodes than addresses.
        """
        used = {node.mac for node in self._nodes.values() if node.mac is not None}
        for mac in range(MAC_FIRST, MAC_LAST + 1):
            if mac not in used and mac not in self._reserved:
                self._reserved.add(mac)
                return mac
        lost = [node for node in self._nodes.values() if node.state is NodeState.LOST]
        for node in sorted(lost, key=lambda node: node.last_seen_s):
            if node.mac is not None and node.mac not in self._reserved:
                self._reserved.add(node.mac)
                return node.mac
        raise NoAddressFree(f"all {MAC_LAST} addresses of the line are in use")


def _node_body(before: Node | None, node: Node) -> Body:
    return {
        "system_title": node.system_title.hex(),
        "mac": node.mac,
        "state": node.state.value,
        "state_before": None if before is None else before.state.value,
        "first_seen_s": node.first_seen_s,
        "last_seen_s": node.last_seen_s,
    }


def _upsert(
    file: StoreFile, table: str, record: dict[str, Any], key: str | tuple[str, ...]
) -> None:
    file.table(table).upsert(record, pk=key)


def _load_nodes(file: StoreFile) -> list[Node]:
    return [
        Node(
            **row
            | {
                "system_title": bytes.fromhex(row["system_title"]),
                "state": NodeState(row["state"]),
            }
        )
        for row in file.table("node").rows
    ]


def _load_meters(file: StoreFile) -> list[Meter]:
    return [Meter(**row) for row in file.table("meter").rows]


def _load_kinds(file: StoreFile) -> list[Kind]:
    return [Kind(**row) for row in file.table("kind").rows]
