"""The daemon as a process: ports, store and control socket, until it is told to stop."""

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.core.clock import Clock
from gateway.core.config import Config
from gateway.core.control_socket import ControlServer, ControlSocketTaken
from gateway.core.daemon import stop_on_signals
from gateway.core.errors import StartError
from gateway.core.exit_status import ExitStatus
from gateway.core.systemd import ServiceManager
from gateway.head_end.mqtt_link import MqttLink
from gateway.store.errors import StoreBusy, StoreError
from hal.board import open_board
from hal.errors import BoardMismatch, PortBusy, PortLost

if TYPE_CHECKING:
    from gateway.app import Daemon, Ports
    from gateway.head_end.link import HeadEndLink
    from hal.board import Board

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """Who makes the daemon and its ports: gateway.app."""

    build: "Callable[[Config, Ports, Clock, random.Random, Executor, HeadEndLink], Daemon]"
    ports_on: "Callable[[Board, Config], Ports]"


def run(config: Config, makers: Makers) -> int:
    """Run the shipped daemon; return its exit status.

    Raises:
        StartError: the machine does not offer what the configuration names.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store") as executor:
        return asyncio.run(_run(config, makers, executor))


async def _run(config: Config, makers: Makers, executor: Executor) -> int:
    service = ServiceManager(os.environ)
    stop = asyncio.Event()
    clock = Clock(config.clock.trust)
    stop_on_signals(stop)
    async with AsyncExitStack() as opened:
        ports = await _open_ports(config, makers, opened)
        link = MqttLink(config.head_end, config.concentrator.dc_id)
        rng = random.SystemRandom()
        daemon = makers.build(config, ports, clock, rng, executor, link)
        opened.push_async_callback(daemon.database.close)
        await _load(config, daemon)
        control = ControlServer(config.concentrator.control_socket, daemon.answers.ask)
        await _open_control(config, control)

        def when_up() -> None:
            service.ready()
            _LOG.info("ready", extra={"DC_ID": config.concentrator.dc_id})

        async def tell_of_stopping() -> None:
            await stop.wait()
            service.stopping()

        def watchdog() -> Awaitable[None]:
            return service.keep_watchdog(daemon.is_healthy)

        await daemon.run(stop, [[control.run, watchdog, tell_of_stopping]], when_up)
    _LOG.info("stopped")
    return ExitStatus.GOOD


async def _open_ports(config: Config, makers: Makers, opened: AsyncExitStack) -> "Ports":
    try:
        board = await open_board(config.board)
    except PortBusy as error:
        raise StartError.of(
            config.file,
            "[board] plc_port",
            f"{error}",
            "stop the other program that uses it, perhaps a second daemon",
        ) from error
    except BoardMismatch as error:
        raise StartError.of(
            config.file, "[board] plc_t_req", str(error), "name a pin that this board has"
        ) from error
    except PortLost as error:
        raise StartError.of(
            config.file,
            "[board] plc_port",
            str(error),
            "connect the modem, or name the port where it is",
        ) from error
    opened.push_async_callback(board.close)
    return makers.ports_on(board, config)


async def _load(config: Config, daemon: "Daemon") -> None:
    key = "[concentrator] data_directory"
    try:
        await daemon.load()
    except StoreBusy as error:
        raise StartError.of(
            config.file, key, str(error), "stop the other daemon or give this one its own directory"
        ) from error
    except StoreError as error:
        raise StartError.of(
            config.file, key, str(error), "give a directory that the daemon may write to"
        ) from error


async def _open_control(config: Config, control: ControlServer) -> None:
    key = "[concentrator] control_socket"
    try:
        config.concentrator.control_socket.parent.mkdir(parents=True, exist_ok=True)
        await control.open()
    except ControlSocketTaken as error:
        raise StartError.of(
            config.file, key, str(error), "stop the other daemon or give this one its own socket"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartError.of(
            config.file, key, f"cannot be made ({reason})", "give a path the daemon may write to"
        ) from error
