"""Questions over the Unix socket, with the real client."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.core.control_client import ask_daemon
from gateway.core.control_socket import (
    CLIENTS_MAX,
    REQUEST_OCTETS_MAX,
    ControlServer,
    ControlSocketTaken,
)
from gateway.core.errors import GatewayError, NotReachable, RequestRefused


async def echo(request: dict[str, Any]) -> dict[str, Any]:
    if request["ask"] == "nonsense":
        raise GatewayError("there is no such question")
    return {"you_asked": request}


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, echo)
    await server.open()
    task = asyncio.create_task(server.run())
    await asyncio.sleep(0)
    try:
        yield server
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def with_server(path: Path, test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serving(path):
            await test()

    asyncio.run(run())
    assert not path.exists(), "the socket is left behind"


async def raw(path: Path, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(octets)
    with suppress(ConnectionError):
        await writer.drain()
    answer = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(5):
            answer = await reader.readline()
    writer.close()
    return answer


def test_answers_and_refusals(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def test() -> None:
        answer = await asyncio.to_thread(ask_daemon, path, {"ask": "status"})
        assert answer == {"you_asked": {"ask": "status"}}
        with pytest.raises(RequestRefused, match="no such question"):
            await asyncio.to_thread(ask_daemon, path, {"ask": "nonsense"})
        assert stat.S_IMODE((await asyncio.to_thread(path.stat)).st_mode) == 0o660

    with_server(path, test)


def test_a_large_answer_arrives_whole(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def test() -> None:
        request = {"ask": "x" * (REQUEST_OCTETS_MAX - 100)}
        answer = await asyncio.to_thread(ask_daemon, path, request)
        assert answer == {"you_asked": request}

    with_server(path, test)


def test_nonsense_is_answered_and_does_not_end_the_server(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def test() -> None:
        for line in (b"\xff\xfe\n", b"hello\n", b"[]\n", b"12\n"):
            assert "error" in json.loads(await raw(path, line))
        assert await raw(path, b"x" * (2 * REQUEST_OCTETS_MAX) + b"\n") == b""
        assert "you_asked" in json.loads(await raw(path, b'{"ask":"status"}\n'))

    with_server(path, test)


def test_more_clients_than_allowed_are_turned_away_not_queued(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def test() -> None:
        idle = [await asyncio.open_unix_connection(path) for _ in range(CLIENTS_MAX)]
        await asyncio.sleep(0.05)
        assert await raw(path, b'{"ask":"status"}\n') == b""
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.05)
        assert await raw(path, b'{"ask":"status"}\n') != b""

    with_server(path, test)


def test_a_living_daemons_socket_is_not_taken_a_dead_ones_is(tmp_path: Path) -> None:
    """OPS: a second daemon on the same socket ends at once."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def test() -> None:
        with pytest.raises(ControlSocketTaken):
            await ControlServer(path, echo).open()
        assert (await raw(path, b'{"ask":"status"}\n')) != b""

    with_server(path, test)


def test_nobody_there_is_not_reachable(tmp_path: Path) -> None:
    with pytest.raises(NotReachable, match="no daemon answers"):
        ask_daemon(tmp_path / "nothing.sock", {"ask": "status"})


def test_somebody_else_there_is_no_gridgate_daemon(tmp_path: Path) -> None:
    path = tmp_path / "other.sock"

    async def run() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"220 mail ready\n")
            writer.close()

        async with await asyncio.start_unix_server(talk, path):
            with pytest.raises(NotReachable, match="no gridgate daemon"):
                await asyncio.to_thread(ask_daemon, path, {"ask": "status"})

    asyncio.run(run())
