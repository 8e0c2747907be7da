"""The link between the modem's process and the line's, on a Unix socket; both ends.

The line is the server and outlives its modem: whoever connects last is the modem. Line side:

    server = AirServer(path, terms=LineTerms(bit_rate_bps=24_000, packing="A"),
                       on_transmit=send_a_frame)
    await server.start()
    server.tell(FirstCopySent())      # or Heard(octets), HeardBad(octets)
    await server.close()

Modem side:

    air = await connect_air(path)     # implements hil.air.Air
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from hil.air import (
    RECORD_OCTETS_MAX,
    AirBroken,
    AirEvent,
    AirOrder,
    CallRepeaters,
    LineTerms,
    Transmit,
    decode_record,
    encode_record,
)

_BACKLOG_OCTETS_MAX = 65_536  # a modem that reads nothing is cut off, not waited for


class AirServer:
    """The line's end. All callbacks run on the event loop and must not block."""

    def __init__(
        self,
        path: Path,
        *,
        terms: LineTerms,
        on_transmit: Callable[[bytes], None],
        on_call_repeaters: Callable[[], None] = lambda: None,
        on_modem_change: Callable[[bool], None] = lambda _present: None,
    ) -> None:
        """Prepare; the callbacks get the modem's orders, and whether a modem is there."""
        self._path = path
        self._terms = terms
        self._on_transmit = on_transmit
        self._on_call_repeaters = on_call_repeaters
        self._on_modem_change = on_modem_change
        self._server: asyncio.Server | None = None
        self._modem: asyncio.StreamWriter | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    @property
    def modem_present(self) -> bool:
        """Tell whether a modem is connected."""
        return self._modem is not None

    async def start(self) -> None:
        """Listen; a socket left behind by a process that died is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve_modem, self._path)

    def tell(self, event: AirEvent) -> bool:
        """Hand an event to the modem; False when there is none to hear it."""
        if self._modem is None:
            return False
        if self._modem.transport.get_write_buffer_size() > _BACKLOG_OCTETS_MAX:
            self._modem.transport.abort()
            return False
        self._modem.write(encode_record(event))
        return True

    async def close(self) -> None:
        """Hang up and remove the socket; may be called twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)
        for writer in self._connections:
            writer.transport.abort()  # its task ends by itself: the reader meets the end
        await asyncio.gather(*self._connections.values(), return_exceptions=True)

    async def _serve_modem(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[writer] = task
        if self._modem is not None:
            self._modem.transport.abort()
        self._modem = writer
        self.tell(self._terms)
        self._on_modem_change(True)  # noqa: FBT003  (a callback's only argument)
        try:
            while True:
                record = await _read_record(reader)
                if self._modem is writer:
                    self._obey(record)
        except AirBroken:
            pass
        finally:
            del self._connections[writer]
            writer.transport.abort()
            if self._modem is writer:
                self._modem = None
                self._on_modem_change(False)  # noqa: FBT003

    def _obey(self, record: AirEvent | AirOrder) -> None:
        match record:
            case Transmit(octets):
                self._on_transmit(octets)
            case CallRepeaters():
                self._on_call_repeaters()
            case _:
                pass  # the line does not hear itself


class AirClient:
    """The modem's end; see hil.air.Air."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pending: asyncio.Task[AirEvent | AirOrder] | None = None

    def transmit(self, octets: bytes) -> None:
        """Order the first copy of a frame."""
        if not self._writer.is_closing():
            self._writer.write(encode_record(Transmit(octets)))

    def call_repeaters(self) -> None:
        """Order the repeater pattern."""
        if not self._writer.is_closing():
            self._writer.write(encode_record(CallRepeaters()))

    async def next_event(self) -> AirEvent:
        """Return what the line does next; cancelling loses nothing.

        Raises:
            AirBroken: the line hung up.
        """
        while True:
            if self._pending is None:
                self._pending = asyncio.create_task(_read_record(self._reader))
            # Shielded: a record that was cut in two by a cancelled read would never be found again.
            record = await asyncio.shield(self._pending)
            self._pending = None
            if not isinstance(record, AirOrder):
                return record

    async def close(self) -> None:
        """Hang up; may be called twice."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.gather(self._pending, return_exceptions=True)
            self._pending = None
        self._writer.transport.abort()


async def connect_air(path: Path) -> AirClient:
    """Connect to the line.

    Raises:
        AirBroken: nobody listens there.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        raise AirBroken(f"no line at {path}: {error.strerror}") from error
    return AirClient(reader, writer)


async def _read_record(reader: asyncio.StreamReader) -> AirEvent | AirOrder:
    try:
        length = int.from_bytes(await reader.readexactly(2), "big")
        if not 1 <= length <= RECORD_OCTETS_MAX:
            raise AirBroken(f"a record of {length} octets")
        octets = await reader.readexactly(length)
    except (OSError, asyncio.IncompleteReadError) as error:
        raise AirBroken("the far end hung up") from error
    return decode_record(octets[0], octets[1:])
