"""An MQTT broker as a process: mosquitto where it is installed, amqtt elsewhere.

    python -m hil.broker --host 127.0.0.1 --port P [--kind mosquitto|amqtt]

The process becomes the broker, so that whoever started it may end it. Nothing of it outlives it.
"""

import argparse
import asyncio
import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final

_LISTENS_WITHIN_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.05
_HOST: Final = "127.0.0.1"
_PLACES: Final = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto")
"""Debian installs it where PATH does not look, unless one is root."""


class BrokerKind(StrEnum):
    """The brokers that the rig knows; amqtt speaks MQTT 3.1.1 only."""

    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"


class NoBroker(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """The broker is not installed, or does not listen."""


def choose_broker() -> BrokerKind:
    """Return the better one of those installed here."""
    return BrokerKind.AMQTT if _find_mosquitto() is None else BrokerKind.MOSQUITTO


def broker_command(kind: BrokerKind, port: int, folder: Path, host: str = _HOST) -> list[str]:
    """Return the command of a broker on this port.

    Args:
        kind: which one.
        port: to listen on, TCP.
        folder: its settings are written there, if it needs any.
        host: the address to listen on.

    Raises:
        NoBroker: it is not installed.
    """
    if kind is BrokerKind.AMQTT:
        return [sys.executable, "-m", "hil.amqtt_process", "--host", host, "--port", str(port)]
    program = _mosquitto()
    file = folder / f"mosquitto-{port}.conf"
    file.write_text(mosquitto_settings(port, host), encoding="utf-8")
    return [program, "-c", str(file)]


def mosquitto_settings(port: int, host: str = _HOST) -> str:
    """Return a configuration file: this one port, everybody, nothing kept on disk."""
    lines = [f"listener {port} {host}", "allow_anonymous true", "persistence false"]
    if os.geteuid() == 0:
        # It would change to a user of its own, and so escape the signal that ends it with its
        # parent (PR_SET_PDEATHSIG is cleared by a change of user).
        lines.append("user root")
    return "\n".join(lines) + "\n"


async def wait_for_port(
    port: int, host: str = _HOST, *, within_s: float = _LISTENS_WITHIN_S
) -> None:
    """Return when somebody listens there.

    Raises:
        NoBroker: nobody does in time.
    """
    try:
        async with asyncio.timeout(within_s):
            while not await _listens(port, host):  # noqa: ASYNC110  (a process sets no event)
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError:
        raise NoBroker(f"nobody listens on {host}:{port} within {within_s:.0f} s") from None


def main(arguments: list[str] | None = None) -> int:
    """Become the broker; return 2 if that cannot be."""
    parser = argparse.ArgumentParser(prog="hil.broker", description="An MQTT broker.")
    parser.add_argument("--host", default=_HOST, help=f"address to listen on [{_HOST}]")
    parser.add_argument("--port", type=int, required=True, help="to listen on, TCP")
    parser.add_argument("--kind", type=BrokerKind, choices=list(BrokerKind), help="[the better]")
    options = parser.parse_args(arguments)
    kind = options.kind or choose_broker()
    sys.stdout.write(f"the broker is {kind}\n")
    sys.stdout.flush()
    try:
        command = _command_without_folder(kind, options.port, options.host)
        os.execv(command[0], command)  # noqa: S606  (a fixed program, no shell)
    except (NoBroker, OSError) as reason:
        sys.stderr.write(f"{reason}\n")
    return 2


def _command_without_folder(kind: BrokerKind, port: int, host: str) -> list[str]:
    """Return a command that leaves no file behind: the settings stand in memory."""
    if kind is BrokerKind.AMQTT:
        return broker_command(kind, port, Path(), host)
    program = _mosquitto()
    memory = os.memfd_create("mosquitto.conf", flags=0)  # 0: it stays open in the broker
    os.write(memory, mosquitto_settings(port, host).encode())
    return [program, "-c", f"/proc/self/fd/{memory}"]


def _mosquitto() -> str:
    program = _find_mosquitto()
    if program is None:
        raise NoBroker("mosquitto is not installed; apt-get install mosquitto, or use amqtt")
    return program


def _find_mosquitto() -> str | None:
    found = shutil.which("mosquitto")
    return found or next((place for place in _PLACES if os.access(place, os.X_OK)), None)


async def _listens(port: int, host: str) -> bool:
    try:
        _reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.transport.abort()
    return True


if __name__ == "__main__":
    sys.exit(main())
