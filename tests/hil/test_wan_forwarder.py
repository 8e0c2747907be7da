"""The WAN forwarder forwards, swallows while cut, and resets what is from before the cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hil.wan_forwarder import WanForwarder

Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Awaitable[Opened]]

pytestmark = pytest.mark.rig


@asynccontextmanager
async def _way_to_an_echo() -> AsyncIterator[tuple[WanForwarder, Dial]]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(1000):
            writer.write(octets.upper())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    forwarder = WanForwarder(far_host="127.0.0.1", far_port=server.sockets[0].getsockname()[1])
    port = await forwarder.open()
    writers: list[asyncio.StreamWriter] = []

    async def dial() -> Opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    try:
        async with asyncio.timeout(10):
            yield forwarder, dial
    finally:
        for writer in writers:
            writer.transport.abort()
        await forwarder.close()
        await forwarder.close()
        server.close()
        await server.wait_closed()


async def _ask(line: Opened, octets: bytes) -> bytes:
    reader, writer = line
    writer.write(octets)
    return await reader.readexactly(len(octets))


async def _is_silent(line: Opened, octets: bytes) -> bool:
    reader, writer = line
    writer.write(octets)
    try:
        async with asyncio.timeout(0.3):
            await reader.readexactly(1)
    except TimeoutError:
        return True
    return False


def test_it_forwards_both_ways_and_the_end() -> None:
    """What goes in comes out, large or small; a closed connection is closed at both ends."""

    async def scenario() -> None:
        async with _way_to_an_echo() as (forwarder, dial):
            line = await dial()
            assert await _ask(line, b"ping") == b"PING"
            long = b"x" * 300_000
            assert await _ask(line, long) == long.upper()
            line[1].write_eof()
            assert await line[0].read() == b""
            assert forwarder.counters.octets_up == 300_004
            assert forwarder.counters.octets_down == 300_004

    asyncio.run(scenario())


def test_a_cut_is_silent_and_loses_what_is_sent() -> None:
    """UPL-1: nothing comes through a cut, nothing is refused, and it does not come later."""

    async def scenario() -> None:
        async with _way_to_an_echo() as (forwarder, dial):
            old = await dial()
            assert await _ask(old, b"a") == b"A"
            forwarder.cut()
            assert await _is_silent(old, b"lost")
            new = await dial()
            assert await _is_silent(new, b"lost, too")
            assert forwarder.counters.octets_lost == len(b"lost") + len(b"lost, too")
            forwarder.mend()
            for line in (old, new):
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await line[0].readexactly(1)
            assert await _ask(await dial(), b"again") == b"AGAIN"
            assert forwarder.counters.cuts == 1

    asyncio.run(scenario())


def test_a_far_end_that_is_not_there_hangs_up() -> None:
    """No broker: the near end sees its connection end, and the forwarder lives on."""

    async def scenario() -> None:
        free = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = free.sockets[0].getsockname()[1]
        free.close()
        await free.wait_closed()
        forwarder = WanForwarder(far_host="127.0.0.1", far_port=port)
        near_port = await forwarder.open()
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", near_port)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.transport.abort()
        await forwarder.close()

    asyncio.run(scenario())
