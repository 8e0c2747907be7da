"""The process of the emulated line: python -m hil.line_process --air PATH --control PATH ...

A second modem (hil.modem_process --air TAP) or a fuzzer may be connected to the tap: it hears all
that stands on the line, and what it sends is heard by the modem and by every meter.
"""

import argparse
import asyncio
import signal
import sys
import time
from functools import partial
from pathlib import Path

from drivers.dlms.password import Password
from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import Packing
from hil.air import LineTerms
from hil.air_socket import AirServer
from hil.json_control import JsonControl
from hil.line_bench import BenchSettings, LineBench
from hil.line_control import carry_out
from hil.lv_network.line_tap import LineTap
from hil.lv_network.street import plan_street
from hil.meter.clock import SYNC_LIMIT_S
from hil.meter.module import MeterSettings
from hil.meter_server import server_for
from hil.population import plan_population
from hil.rig_clock import RigClock
from hil.truth import TruthWriter

READY_TEXT = "line ready"


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the truth is complete when the process ends."""
    options = _parser().parse_args(arguments)
    asyncio.run(_run(options))
    return 0


async def _run(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    settings = _bench_settings(options)
    password = (
        Password(options.password_file.read_bytes().strip()) if options.password_file else None
    )
    truth = TruthWriter(options.truth)
    bench = LineBench(
        settings,
        timer=loop,
        # The only look at the wall clock: from here on the loop's monotonic clock leads.
        clock=RigClock(utc_at_zero_s=time.time() - loop.time()),
        truth=truth,
        make_server=partial(server_for, password=password),
    )
    network = bench.network
    terms = LineTerms(
        bit_rate_bps=settings.timing.bit_rate_bps, packing=str(settings.timing.packing)
    )
    modem = network.connect_modem(lambda event: air.tell(event))  # noqa: PLW0108  (made below)
    air = AirServer(
        options.air,
        terms=terms,
        on_transmit=lambda octets: network.transmit(modem, octets),
        on_call_repeaters=lambda: network.call_repeaters(modem),
        on_modem_change=modem.changed,
    )
    servers = [air]
    if options.tap is not None:
        tap = AirServer(options.tap, terms=terms, on_transmit=network.foreign_transmits)
        network.tap = LineTap(timer=loop, packing=settings.timing.packing, tell=tap.tell)
        servers.append(tap)
    bench.begin_weather()
    control = JsonControl(options.control, partial(carry_out, bench))
    try:
        for server in servers:
            await server.start()
        await control.start()
        sys.stdout.write(f"{READY_TEXT}: {options.meters} meters\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await control.close()
        for server in servers:
            await server.close()
        bench.close()


def _bench_settings(options: argparse.Namespace) -> BenchSettings:
    return BenchSettings(
        topology=plan_street(options.meters, options.seed),
        population=plan_population(options.meters, options.seed),
        seed=options.seed,
        timing=LineTiming(bit_rate_bps=options.line_rate, packing=Packing(options.packing)),
        meter=MeterSettings(
            periodic_period_s=options.capture_period_s,
            slave_period_s=options.slave_period_s,
            sync_limit_s=options.sync_limit_s,
            not_addressed_timeout_s=options.not_addressed_timeout_s,
            periodic_history_rows=options.periodic_history_rows,
            daily_history_rows=options.daily_history_rows,
            slave_history_rows=options.slave_history_rows,
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hil.line_process", description=__doc__)
    add = parser.add_argument
    add("--air", type=Path, required=True, help="Unix socket for the modem (made here)")
    add("--control", type=Path, required=True, help="Unix socket for commands (made here)")
    add("--tap", type=Path, help="Unix socket for a second modem, which hears all (made here)")
    add("--truth", type=Path, required=True, help="SQLite file of what the meters hold")
    add("--meters", type=int, default=12, help="power-line meters [12]")
    add("--seed", type=int, default=1, help="the same seed gives the same line [1]")
    add("--line-rate", type=int, default=24_000, metavar="BPS", help="bits a second [24000]")
    add("--packing", choices=["A", "B"], default="A", help="sub-frame packing [A]")
    add("--capture-period-s", type=int, default=10, help="periodic profile [10]")
    add("--slave-period-s", type=int, default=60, help="slave profiles [60]")
    add("--sync-limit-s", type=float, default=SYNC_LIMIT_S, help="larger shifts are logged [10]")
    add("--not-addressed-timeout-s", type=float, default=6 * 3600.0, help="then NEW [21600]")
    add("--periodic-history-rows", type=int, default=60, help="rows at the start [60]")
    add("--password-file", type=Path, help="low-level security password that all meters want")
    add("--daily-history-rows", type=int, default=3, help="rows at the start [3]")
    add("--slave-history-rows", type=int, default=10, help="rows at the start [10]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
