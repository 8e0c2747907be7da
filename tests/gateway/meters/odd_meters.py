"""Meters that answer otherwise than they should, behind the emulated line."""

import dataclasses
from collections.abc import Callable

from drivers.dlms.companion import InterfaceClass
from drivers.dlms.cosem_objects import attribute_name
from drivers.dlms.obis import Obis
from hil.dlms_meter import ApduServer
from hil.meter.module import MeterModule
from hil.meter.moment import Moment
from hil.meter.object_table import meter_objects
from hil.meter_server import server_for

MakeServer = Callable[[MeterModule, Moment], ApduServer]
Change = Callable[[bytes, bytes | None], bytes | None]
"""Takes a request and the right answer; returns the answer given."""

WRITE, UNCONFIRMED_WRITE = 0x06, 0x16
WRITE_REFUSED = bytes.fromhex("0d010103")  # read-write denied


class Changed:
    """A server whose answers go through a function; implements ApduServer."""

    def __init__(self, inner: ApduServer, change: Change) -> None:
        self._inner = inner
        self._change = change

    def receive(self, apdu: bytes, client_lsap: int) -> bytes | None:
        return self._change(apdu, self._inner.receive(apdu, client_lsap))

    def drop_associations(self) -> None:
        self._inner.drop_associations()


class Unwritable:
    """A server of a meter that lets nobody write; implements ApduServer.

    Attributes:
        refused: what was to be written, in order.
    """

    def __init__(self, inner: ApduServer) -> None:
        self._inner = inner
        self.refused: list[bytes] = []

    def receive(self, apdu: bytes, client_lsap: int) -> bytes | None:
        if apdu[0] == UNCONFIRMED_WRITE:
            return None
        if apdu[0] == WRITE:
            self.refused.append(apdu)
            return WRITE_REFUSED
        return self._inner.receive(apdu, client_lsap)

    def drop_associations(self) -> None:
        self._inner.drop_associations()


def number(plan: int) -> str:
    """Return the serial number of a meter of the population of seed 1, counted from 0."""
    return f"U001{plan + 1:06d}"


def odd(usn: str, make_change: Callable[[MeterModule], Change]) -> MakeServer:
    """Return a maker of servers of which one meter's is odd."""

    def make(module: MeterModule, moment: Moment) -> ApduServer:
        server = server_for(module, moment)
        return Changed(server, make_change(module)) if module.identity.usn == usn else server

    return make


def named(usns: dict[str, str]) -> MakeServer:
    """Return a maker of servers in which some meters give other serial numbers."""

    def make(module: MeterModule, moment: Moment) -> ApduServer:
        told = usns.get(module.identity.usn, module.identity.usn)
        module.identity = dataclasses.replace(module.identity, usn=told)
        return server_for(module, moment)

    return make


def asks_for(module: MeterModule, obis: Obis, attribute: int = 2) -> Callable[[bytes], bool]:
    """Return whether a request is a selective read of a profile of a meter."""
    (base,) = [
        each.base_name
        for each in meter_objects(module, Moment())
        if (each.logical_name, each.class_id) == (obis, InterfaceClass.PROFILE_GENERIC)
    ]
    access = b"\x04" + attribute_name(base, attribute).to_bytes(2, "big")
    return lambda apdu: access in apdu
