"""The embedded broker as a process, for machines without mosquitto: MQTT 3.1.1 only."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from typing import Any, Final

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

log = logging.getLogger("hil.amqtt_process")

STOPS_WITHIN_S: Final = 2.0
_LEVEL_OF_3_1_1: Final = 4
_CONNECT: Final = 0x10
_LENGTH_GOES_ON: Final = 0x80
_LENGTH_OCTETS_MAX: Final = 4
_NAME_AND_LEVEL_OCTETS: Final = 7  # two of length, "MQTT", the level
_REFUSED_VERSION: Final = bytes((0x20, 0x02, 0x00, 0x01))  # CONNACK


class Everybody(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is not typed for mypy
    """Lets everybody in, and keeps for them what comes while they are away.

    amqtt's own plugin for this lets them in as nobody, for whom nothing is kept.
    """

    async def authenticate(self, *, session: Session) -> bool:  # noqa: ARG002  (amqtt's interface)
        """Say yes."""
        return True


class _ReadAgain(ReaderAdapter):  # type: ignore[misc]  # amqtt is not typed for mypy
    """Gives the octets that were looked at once more, and then what follows."""

    def __init__(self, looked_at: bytes, reader: asyncio.StreamReader) -> None:
        self._looked_at = looked_at
        self._reader = reader

    async def read(self, n: int = -1) -> bytes:
        """Return `n` octets, or all there are."""
        if n < 0:
            again, self._looked_at = self._looked_at, b""
            return again + await self._reader.read(n)
        again, self._looked_at = self._looked_at[:n], self._looked_at[n:]
        return again + await self._reader.readexactly(n - len(again))

    def feed_eof(self) -> None:
        """Pass on that nothing follows."""
        self._reader.feed_eof()


class VersionedBroker(Broker):  # type: ignore[misc]  # amqtt is not typed for mypy
    """Refuses MQTT 5 before amqtt sees it.

    amqtt 0.12 refuses it, too, but after it has read the CONNECT as if it were one of 3.1.1: it
    takes the properties for lengths, and often waits for octets that never come.
    """

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Look at the first octets of a connection."""
        try:
            looked_at = await _up_to_level(reader)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        if looked_at[0] == _CONNECT and looked_at[-1] != _LEVEL_OF_3_1_1:
            writer.write(_REFUSED_VERSION)
            writer.close()
            return
        again = _ReadAgain(looked_at, reader)
        await self.external_connected(again, StreamWriterAdapter(writer), listener_name)


async def _up_to_level(reader: asyncio.StreamReader) -> bytes:
    """Return the first octets of a CONNECT, up to the protocol level."""
    looked_at = await reader.readexactly(2)
    while looked_at[-1] & _LENGTH_GOES_ON and len(looked_at) <= _LENGTH_OCTETS_MAX:
        looked_at += await reader.readexactly(1)
    return looked_at + await reader.readexactly(_NAME_AND_LEVEL_OCTETS)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="hil.amqtt_process", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [127.0.0.1]")
    parser.add_argument("--port", type=int, required=True, help="to listen on, TCP")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(_run(options.host, options.port))
    return 0


async def _run(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.set_exception_handler(_tell)
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"{host}:{port}")},
        plugins={f"hil.amqtt_process.{Everybody.__name__}": {}},
    )
    broker = VersionedBroker(config)
    await broker.start()
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOPS_WITHIN_S):
            await broker.shutdown()


def _tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say in one line what went wrong inside amqtt: mostly, that somebody hung up on it."""
    log.warning("%s: %r", context["message"], context.get("exception"))


if __name__ == "__main__":
    sys.exit(main())
