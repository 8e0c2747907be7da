"""The process of the reference head-end.

    python -m hil.head_end_process --host H --port P --database FILE --control SOCKET
        [--dc-id ID]... [--fault FAULT]

The control socket appears when the broker has taken the subscriptions; "head-end ready" is
printed then. FAULT is described in hil.head_end.faults.
"""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hil.head_end.faults import parse_fault
from hil.head_end.mqtt import MqttSubscriber, MqttTerms
from hil.head_end.service import HeadEnd, topic_filters
from hil.head_end.store import HeadEndStore
from hil.json_control import JsonControl
from hil.rig_clock import RigClock

READY_TEXT = "head-end ready"
CLIENT_ID = "gridgate-head-end"


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_run(options))
    return 0


async def _run(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    # The only look at the wall clock: from here on the loop's monotonic clock leads.
    clock = RigClock(utc_at_zero_s=time.time() - loop.time())
    subscriber = MqttSubscriber(
        MqttTerms(
            host=options.host,
            port=options.port,
            client_id=options.client_id,
            filters=topic_filters(tuple(options.dc_id or ["+"])),
        )
    )
    options.control.unlink(missing_ok=True)
    with ThreadPoolExecutor(1, "head-end store") as executor:
        store = await loop.run_in_executor(executor, HeadEndStore, options.database)
        head_end = HeadEnd(
            store, subscriber, executor, options.fault, lambda: clock.utc_s(loop.time())
        )
        control = JsonControl(options.control, head_end.carry_out)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(subscriber.run())
                group.create_task(head_end.run())
                await subscriber.subscribed.wait()
                await control.start()
                sys.stdout.write(f"{READY_TEXT}\n")
                sys.stdout.flush()
        finally:
            await control.close()
            await loop.run_in_executor(executor, store.close)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hil.head_end_process", description="A head-end that commits before it acknowledges."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="of the broker [127.0.0.1]")
    add("--port", type=int, default=1883, help="of the broker [1883]")
    add("--database", type=Path, required=True, help="SQLite file; made if it is not there")
    add("--control", type=Path, required=True, help="Unix socket for commands (made here)")
    add("--dc-id", action="append", metavar="ID", help="which concentrators; may be repeated [+]")
    add("--client-id", default=CLIENT_ID, help=f"under which the broker knows us [{CLIENT_ID}]")
    add("--fault", type=_fault, default="none", help="how to misbehave, see hil.head_end.faults")
    return parser


def _fault(text: str) -> object:
    try:
        return parse_fault(text)
    except ValueError as reason:
        raise argparse.ArgumentTypeError(str(reason)) from None


if __name__ == "__main__":
    sys.exit(main())
