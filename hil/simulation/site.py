"""What a stage needs of a concentrator and its modem, whoever makes them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from hil.dlms_meter import ApduServer
    from hil.head_end.in_memory import InMemoryHeadEnd
    from hil.lv_network.network import LvNetwork
    from hil.memory_wan import MemoryWan
    from hil.meter.module import MeterModule
    from hil.meter.moment import Moment
    from hil.plc_modem_emulator import PlcModemEmulator
    from hil.rig_clock import RigClock


class SerialLine(Protocol):
    """The line between modem and daemon; both directions may be spoilt."""

    to_host: Callable[[bytes], bytes]
    to_device: Callable[[bytes], bytes]


class Board(Protocol):
    """What the modem is connected to."""

    @property
    def line(self) -> SerialLine:
        """Return the serial line."""


class Modem(Protocol):
    """A modem on a substation's busbar."""

    @property
    def chip(self) -> "PlcModemEmulator":
        """Return the emulated chip."""

    @property
    def board(self) -> Board:
        """Return the board."""

    def close(self) -> None:
        """Stop its timer."""


class Concentrator(Protocol):
    """A daemon with its modem and its way to the head-end; hil.virtual_rig has one."""

    wan: "MemoryWan"
    wall_offset_s: float

    @property
    def is_running(self) -> bool:
        """Tell whether the daemon runs."""

    async def start(self) -> None:
        """Start the daemon on its store."""

    async def stop(self) -> None:
        """End it in order."""

    async def kill(self) -> None:
        """End it as a power cut does."""

    async def ask(self, question: str, **more: object) -> dict[str, Any]:
        """Ask it as its control socket would."""

    async def fill_disk(self, *, full: bool) -> None:
        """Let its store grow no further, or again."""

    def check(self) -> None:
        """Raise what it has ended from, if it has."""


SomeModem = TypeVar("SomeModem", bound=Modem)
SomeConcentrator = TypeVar("SomeConcentrator", bound=Concentrator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers(Generic[SomeModem, SomeConcentrator]):
    """Who makes modems, concentrators and what answers behind a meter's node.

    Attributes:
        server: for a meter.
        modem: on the next substation, for a configuration file.
        concentrator: for a configuration file, on a modem.
        take_over: fills a concentrator's empty store with what another one has left.
        refusals: what a question may be refused with.
    """

    server: "Callable[[MeterModule, Moment], ApduServer]"
    modem: "Callable[[LvNetwork, Path], SomeModem]"
    concentrator: "Callable[[Path, SomeModem, InMemoryHeadEnd, RigClock, str], SomeConcentrator]"
    take_over: Callable[[SomeConcentrator, SomeConcentrator], Awaitable[None]]
    refusals: type[Exception]
