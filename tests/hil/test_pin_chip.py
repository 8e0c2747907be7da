"""HIL-1: pins on a Unix socket, from both ends; the protocol stands in hal/pin_socket.py."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hal.board import BoardKind, BoardSettings, open_board
from hal.errors import BoardMismatch, PortLost
from hal.pin_socket import PinSocket, open_pin_socket
from hil.loopback_serial import PacedPty
from hil.pin_chip import ChipPin, PinChip

pytestmark = pytest.mark.rig

Edges = list[tuple[str, bool]]


@contextlib.asynccontextmanager
async def chip_at(path: Path, edges: Edges) -> AsyncIterator[tuple[PinChip, PinSocket]]:
    pins = {
        "plc_t_req": ChipPin(rests_high=True, may_be_set=True),
        "tx_led": ChipPin(rests_high=False, may_be_set=False),
    }
    chip = PinChip(path, pins, lambda name, high: edges.append((name, high)))
    await chip.start()
    host = await open_pin_socket(str(path))
    try:
        yield chip, host
    finally:
        await host.close()
        await chip.close()


def test_the_protocol_line_by_line(tmp_path: Path) -> None:
    async def scene() -> None:
        edges: Edges = []
        async with chip_at(tmp_path / "pins", edges) as (chip, _):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "pins")
            dialogue = [
                (b"list", b"pins plc_t_req=1 tx_led=0"),
                (b"set plc_t_req 0", b"ok plc_t_req 0"),
                (b"get plc_t_req", b"ok plc_t_req 0"),
                (b"watch tx_led", b"ok tx_led 0"),
                (b"set tx_led 1", b"error tx_led is not an input of the chip"),
                (b"set sun 1", b"error no pin sun"),
                (b"set plc_t_req 2", b"error say: set NAME 0|1, get NAME, list, watch NAME"),
                (b"", b"error say: set NAME 0|1, get NAME, list, watch NAME"),
            ]
            for request, answer in dialogue:
                writer.write(request + b"\n")
                assert await reader.readline() == answer + b"\n"
            chip.set_level("tx_led", high=True)
            assert await reader.readline() == b"edge tx_led 1\n"
            assert edges == [("plc_t_req", False), ("tx_led", True)]
            writer.close()
            while not chip.is_high("plc_t_req"):  # its driver is gone: the line floats up
                await asyncio.sleep(0.01)
            assert edges[-1] == ("plc_t_req", True)

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_pin_is_set_when_set_level_returns(tmp_path: Path) -> None:
    async def scene() -> None:
        edges: Edges = []
        async with chip_at(tmp_path / "pins", edges) as (chip, host):
            pin = host.output("plc_t_req")
            for high in (False, True, True, False):
                await pin.set_level(high=high)
                assert chip.is_high("plc_t_req") is high
            assert [high for _, high in edges] == [False, True, False]
            with pytest.raises(BoardMismatch, match="no pin moon"):
                await host.output("moon").set_level(high=True)

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_cancelled_request_does_not_shift_the_answers(tmp_path: Path) -> None:
    async def scene() -> None:
        async with chip_at(tmp_path / "pins", []) as (_, host):
            for _ in range(20):
                asking = asyncio.create_task(host.ask("get tx_led"))
                await asyncio.sleep(0)
                asking.cancel()
                assert await host.ask("get plc_t_req") == "ok plc_t_req 1"
                await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_chip_that_goes_away(tmp_path: Path) -> None:
    async def scene() -> None:
        async with chip_at(tmp_path / "pins", []) as (chip, host):
            await host.ask("list")
            await chip.close()
            with pytest.raises(PortLost, match="hung up"):
                await host.ask("list")
            with pytest.raises(PortLost, match="hung up"):
                await host.ask("list")
        with pytest.raises(PortLost, match="pins"):
            await open_pin_socket(str(tmp_path / "pins"))

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_line_without_end_costs_one_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        async with chip_at(tmp_path / "pins", []) as (_, host):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "pins")
            writer.write(b"x" * 5000)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
            assert await host.ask("get plc_t_req") == "ok plc_t_req 1"

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_the_board_of_the_rig(tmp_path: Path) -> None:
    async def scene() -> None:
        async with chip_at(tmp_path / "pins", []) as (chip, _):
            pty = PacedPty(baud_bps=38_400)
            pty.open()
            settings = BoardSettings(
                kind=BoardKind.RIG,
                plc_port=pty.path,
                plc_t_req="plc_t_req",
                pin_chip=str(tmp_path / "pins"),
            )
            board = await open_board(settings)
            await board.plc_t_req.set_level(high=False)
            assert not chip.is_high("plc_t_req")
            await board.close()
            await board.close()
            pty.close()

    asyncio.run(asyncio.wait_for(scene(), 10))


@pytest.mark.parametrize(
    ("kind", "t_req", "pin_chip", "reason"),
    [
        (BoardKind.RASPBERRYPI, "gpio17", None, "GPIO pins are not supported yet"),
        (BoardKind.RASPBERRYPI, "rts", None, "no RTS line"),
        (BoardKind.RIG, "plc_t_req", None, "pin_chip is not set"),
        (BoardKind.RIG, "moon", "pins", "no pin moon"),
    ],
)
def test_boards_that_do_not_fit(
    tmp_path: Path, kind: BoardKind, t_req: str, pin_chip: str | None, reason: str
) -> None:
    async def scene() -> None:
        async with chip_at(tmp_path / "pins", []):
            pty = PacedPty(baud_bps=38_400)
            pty.open()
            settings = BoardSettings(
                kind=kind,
                plc_port=pty.path,
                plc_t_req=t_req,
                pin_chip=None if pin_chip is None else str(tmp_path / pin_chip),
            )
            with pytest.raises(BoardMismatch, match=reason):
                await open_board(settings)
            pty.close()

    asyncio.run(asyncio.wait_for(scene(), 10))
