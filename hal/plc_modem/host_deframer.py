"""Find frames, control octets and statuses in the octets of the modem's serial line.

The checksum is a plain sum, so three more things are asked before an octet string counts:

- a frame's data must fit its command, and the command must belong to the sending role;
- a control octet or status counts only where a message may begin, never behind junk, and only
  if nothing follows it, or the beginning of another message does;
- a command that is not in the table counts only where a message may begin.

What remains (inherent in the code): a wrong *length* octet can make a data frame match by chance,
about once in 65,536 candidates, as its data are free; the frame's content is then cut short and
fails in the layer above. Every other single-octet error inside a frame is always found.
"""

from enum import Enum

from hal.errors import MalformedModemFrame
from hal.plc_modem.host_codec import decode_message
from hal.plc_modem.host_frame import (
    FRAME_OVERHEAD_OCTETS,
    LENGTH_MAX,
    LENGTH_MIN,
    STX,
    Command,
    ControlOctet,
    HostFrame,
)
from hal.plc_modem.messages import UnknownCommand
from hal.plc_modem.status import STATUS_OCTETS, STATUS_START, StatusMessage

_CHAIN_MAX = 4  # so many short messages back to back; a longer run is noise

Received = HostFrame | ControlOctet | StatusMessage


class Role(Enum):
    """Who listens."""

    HOST = "host"
    MODEM = "modem"


class _Verdict(Enum):
    JUNK = 0
    UNDECIDED = 1


_HOST_SENDS = frozenset(command for command in Command if command & 0x0F == 1)
_MODEM_SENDS = frozenset(Command) - _HOST_SENDS


class HostDeframer:
    """Collects octets and hands out what they say.

    Memory is bounded by one longest frame plus one read. A rejected candidate costs one octet.
    """

    def __init__(self, role: Role) -> None:
        self._role = role
        self._foreign = _HOST_SENDS if role is Role.HOST else _MODEM_SENDS
        self._octets = bytearray()
        self._in_step = True  # a message may begin at the next octet
        self.rejected_count = 0  # candidates that had start and length but were no frame
        self.junk_octets = 0

    @property
    def held_octets(self) -> int:
        """Octets kept for a message that is not complete: one longest frame at most."""
        return len(self._octets)

    @property
    def unsettled(self) -> bool:
        """Tell whether `line_went_idle` would change anything."""
        return bool(self._octets) or not self._in_step

    def receive(self, octets: bytes) -> list[Received]:
        """Add what the line gave and return the messages it completed, in line order."""
        self._octets += octets
        return self._take_messages()

    def line_went_idle(self) -> list[Received]:
        """No octet came for longer than a frame may pause: give up unfinished candidates."""
        messages = []
        while self._octets:
            self._skip()
            messages += self._take_messages()
        self._in_step = True
        return messages

    def _take_messages(self) -> list[Received]:
        messages: list[Received] = []
        while self._octets:
            verdict, length = self._look(0, _CHAIN_MAX)
            if verdict is _Verdict.UNDECIDED:
                break
            if isinstance(verdict, _Verdict):
                self._skip()
                continue
            del self._octets[:length]
            self._in_step = True
            messages.append(verdict)
        return messages

    def _skip(self) -> None:
        if self._octets[0] == STX and len(self._octets) >= FRAME_OVERHEAD_OCTETS:
            self.rejected_count += LENGTH_MIN <= self._octets[1] <= LENGTH_MAX
        self._in_step = False
        following = self._octets.find(STX, 1)
        count = following if following > 0 else len(self._octets)
        self.junk_octets += count
        del self._octets[:count]

    def _look(self, at: int, chain: int) -> tuple[Received | _Verdict, int]:
        """Return what begins at `at` and how many octets it takes."""
        if self._octets[at] == STX:
            return self._look_at_frame(at)
        if not self._in_step or chain == 0:
            return _Verdict.JUNK, 1
        message, length = self._look_at_short_message(at)
        if not isinstance(message, _Verdict) and len(self._octets) > at + length:
            behind, _ = self._look(at + length, chain - 1)
            if isinstance(behind, _Verdict):
                return behind, 1
        return message, length

    def _look_at_short_message(self, at: int) -> tuple[Received | _Verdict, int]:
        start = self._octets[at]
        if start in tuple(ControlOctet):
            return ControlOctet(start), 1
        if start != STATUS_START or self._role is not Role.HOST:
            return _Verdict.JUNK, 1
        if len(self._octets) < at + STATUS_OCTETS:
            return _Verdict.UNDECIDED, 0
        try:
            status = StatusMessage.decode(bytes(self._octets[at : at + STATUS_OCTETS]))
        except MalformedModemFrame:
            return _Verdict.JUNK, 1
        return status, STATUS_OCTETS

    def _look_at_frame(self, at: int) -> tuple[Received | _Verdict, int]:
        head = self._octets[at : at + 3]  # start, length, command: as far as they are here
        if len(head) > 1 and not LENGTH_MIN <= head[1] <= LENGTH_MAX:
            return _Verdict.JUNK, 1
        if len(head) > 2 and head[2] in self._foreign:
            return _Verdict.JUNK, 1
        if len(head) < 2 or len(self._octets) < (end := at + 2 + head[1]):
            return _Verdict.UNDECIDED, 0
        try:
            frame = HostFrame.decode(bytes(self._octets[at:end]))
            message = decode_message(frame)
        except MalformedModemFrame:
            return _Verdict.JUNK, 1
        if isinstance(message, UnknownCommand) and not self._in_step:
            return _Verdict.JUNK, 1
        return frame, end - at
