"""A server station that is registered and associated, to be shot at."""

import random
from typing import Final, Protocol

from drivers.dlms.association import Aarq
from drivers.dlms.initiate import OUR_SERVICES, InitiateRequest
from drivers.plc import llc
from drivers.plc.ciase import Register, RegisterEntry
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import ALL_PHYSICAL, FIMA, NEW, MacFrame, Packing
from drivers.plc.node import Delivered, NodeState, PlcNode
from hil.fuzz.cast import CLIENT_LSAP, CLIENT_TITLE, INITIATOR, METER, METER_TITLE

_SEED: Final = 7
_FRAME_S: Final = 0.5  # time between two frames


class StationBroken(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """The node is in a state that there is not, or answered with what is no frame."""


class Server(Protocol):
    """The application behind the node; drivers.dlms.sn_server.SnServer is one."""

    def receive(self, apdu: bytes, client_lsap: int) -> bytes | None:
        """Return the answer to what a client sent; None when there is none to give."""

    def is_associated(self, client_lsap: int) -> bool:
        """Whether that client has an association."""


class Station:
    """A node and its server, with a clock of their own."""

    def __init__(self, server: Server) -> None:
        self._now = 0.0
        self._node = PlcNode(system_title=METER_TITLE, now=self._now)
        self._server = server
        self._rng = random.Random(_SEED)  # noqa: S311  (dice, not a key)

    def hear(self, frame: MacFrame) -> None:
        """Take a frame, and answer it as a meter does.

        Raises:
            StationBroken: what it did then cannot be.
        """
        self._prepare()
        self._take(frame)

    def serve(self, apdu: bytes, client_lsap: int) -> None:
        """Let the server take an APDU as it is.

        Raises:
            StationBroken: its answer is longer than a frame carries.
        """
        self._prepare()
        answer = self._server.receive(apdu, client_lsap)
        if answer is not None and len(answer) > llc.L_SDU_OCTETS_MAX:
            raise StationBroken(f"an answer of {len(answer)} octets")

    def _take(self, frame: MacFrame) -> None:
        self._now += _FRAME_S
        self._node.tick(self._now)
        received = self._node.receive(frame, self._now, self._rng)
        mac = self._node.mac
        if not (mac == NEW or 0 < mac < FIMA):
            raise StationBroken(f"a node at the address {mac:03X}")
        if isinstance(received, Delivered):
            apdu = self._server.receive(received.pdu.l_sdu, received.pdu.source_lsap)
            if apdu is not None and received.answerable:
                _must_be_sendable(self._node.answer(apdu, received))
        elif received is not None:
            _must_be_sendable(received.frame)

    def _prepare(self) -> None:
        """Register and associate it again where a frame has undone that."""
        if self._node.state is NodeState.NEW or self._node.mac != METER:
            self._node.become_new()
            register = Register(
                initiator_system_title=CLIENT_TITLE,
                entries=(RegisterEntry(system_title=METER_TITLE, mac=METER),),
            )
            self._tell(ALL_PHYSICAL, llc.CIASE, llc.INITIATOR, register.encode())
        if not self._server.is_associated(CLIENT_LSAP):
            initiate = InitiateRequest(conformance=OUR_SERVICES, client_pdu_octets_max=239)
            self._tell(METER, llc.MANAGEMENT_LD, CLIENT_LSAP, Aarq(initiate=initiate).encode())

    def _tell(self, destination: int, lsap: int, from_lsap: int, l_sdu: bytes) -> None:
        pdu = LlcPdu(destination_lsap=lsap, source_lsap=from_lsap, l_sdu=l_sdu)
        self._take(
            MacFrame(
                initial_credit=0,
                current_credit=0,
                delta_credit=0,
                source=INITIATOR,
                destination=destination,
                m_sdu=pdu.encode(),
            )
        )


def _must_be_sendable(frame: MacFrame) -> None:
    for packing in Packing:
        if MacFrame.decode(frame.encode(packing), packing) != frame:
            raise StationBroken("an answer that does not survive the line")
