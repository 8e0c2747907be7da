"""Hostile frames on a live line: the modem and all meters hear them, and all go on."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.plc.airtime import LineTiming
from drivers.plc.ciase import Discover
from drivers.plc.discovery import DiscoverRound
from drivers.plc.mac_frame import INITIATOR
from hil.air import LineTerms
from hil.air_socket import AirServer
from tests.gateway.test_sniff_live import master_at, modem_process
from tests.hil.test_line_whole import ask, line_process

pytestmark = pytest.mark.rig

RATE_BPS = 96_000
TIMING = LineTiming(bit_rate_bps=RATE_BPS, host_latency_s=0.1)


async def fuzz(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hil", "fuzz", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def within(seconds: float, scene: Any) -> None:
    asyncio.run(asyncio.wait_for(scene, seconds))


def test_a_modem_and_real_meters_survive(tmp_path: Path) -> None:
    """HIL-3: after hundreds of hostile frames a Discover is still answered."""

    async def scene() -> None:
        options = ("--meters", "4", "--seed", "3", "--line-rate", str(RATE_BPS))
        tap = tmp_path / "tap"
        async with (
            line_process(tmp_path, *options, "--tap", str(tap)),
            modem_process(tmp_path, "master", tmp_path / "air") as modem,
            master_at(modem.board, RATE_BPS) as master,
        ):
            words = ("--count", "300", "--seed", "11", "--target", f"air:{tap}", "--json")
            status, out, err = await fuzz(*words)
            assert (status, err) == (0, "")
            told = json.loads(out)
            assert (told["frames"], told["broken"], told["last_frames"]) == (300, None, [])
            line = (await ask(tmp_path, do="status"))["line"]
            assert line["frames_malformed"] > 50
            discover = Discover(
                response_probability=100, allowed_time_slots=20, report_initial_credit=4
            )
            reports = await master.carry_out(
                DiscoverRound(
                    initiator=INITIATOR, discover=discover, initial_credit=5, timing=TIMING
                )
            )
            assert len(reports) >= 1

    within(90, scene())


def test_a_line_that_dies_is_a_finding(tmp_path: Path) -> None:
    """The last frames are told: one of them did it."""

    async def scene() -> None:
        heard: list[bytes] = []

        def take(octets: bytes) -> None:
            heard.append(octets)
            if len(heard) == 7:
                dying.append(asyncio.create_task(server.close()))

        dying: list[asyncio.Task[None]] = []
        terms = LineTerms(bit_rate_bps=960_000, packing="A")
        server = AirServer(tmp_path / "air", terms=terms, on_transmit=take)
        await server.start()
        status, out, _err = await fuzz("--count", "50", "--target", f"air:{tmp_path / 'air'}")
        assert status == 1
        assert "BROKEN: the far end hung up; the last frames were" in out
        assert any(octets.hex().upper() in out for octets in heard[-2:])
        await asyncio.gather(*dying)

    within(30, scene())
