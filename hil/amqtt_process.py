"""The embedded broker as a process, for machines without mosquitto: MQTT 3.1.1 only."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig

_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="hil.amqtt_process", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [127.0.0.1]")
    parser.add_argument("--port", type=int, required=True, help="to listen on, TCP")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("transitions").setLevel(logging.ERROR)
    asyncio.run(_run(options.host, options.port))
    return 0


async def _run(host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listener = ListenerConfig(bind=f"{host}:{port}")
    broker = Broker(BrokerConfig(listeners={"default": listener}, plugins=_PLUGINS))
    await broker.start()
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2.0):
            await broker.shutdown()


if __name__ == "__main__":
    sys.exit(main())
