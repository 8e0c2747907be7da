"""`gridgate-hil demo`: one run, its verdict, its report, and the exit status."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TextIO

from hil.demo.bench import BenchNotReady
from hil.demo.child_process import ProcessDied
from hil.demo.layout import DemoLayout, lay_out
from hil.demo.options import DemoOptions
from hil.demo.plain_view import PlainView
from hil.demo.run import DemoRun, RunRecord
from hil.demo.view import View
from hil.report import report_figures, verdict_table, write_report
from hil.rig_clock import RigClock
from hil.verdict import Verdict, VerdictImpossible, judge_directory

EXIT_GOOD = 0
EXIT_NOT_GOOD = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def run_demo(options: DemoOptions) -> int:
    """Run the demo; return 0 only if nothing is missing, doubled or altered."""
    _say(
        f"gridgate demo: {options.meters} meters, seed {options.seed},"
        f" {options.line_rate_bps} bit/s, {options.deadline_s:.0f} s at most;"
        f" files in {options.directory}",
        sys.stderr if options.as_json else sys.stdout,
    )
    try:
        layout = lay_out(options.directory)
    except OSError as error:
        _say(f"the demo cannot start: {error}", sys.stderr)
        return EXIT_USAGE
    try:
        record = asyncio.run(_run(options, layout))
        return _conclude(options, layout, record, judge_directory(layout.directory))
    except (asyncio.CancelledError, KeyboardInterrupt):  # SIGTERM, Ctrl-C
        _say("interrupted; every process is stopped", sys.stderr)
        return EXIT_INTERRUPTED
    except VerdictImpossible as error:
        _say(f"the demo has failed: {error}", sys.stderr)
        return EXIT_NOT_GOOD
    except ExceptionGroup as group:
        failures, bugs = group.split((ProcessDied, BenchNotReady))
        if failures is None or bugs is not None:
            raise
        for sentence in _sentences(failures):
            _say(f"the demo has failed: {sentence}", sys.stderr)
        return EXIT_NOT_GOOD
    finally:
        layout.remove_run()


async def _run(options: DemoOptions, layout: DemoLayout) -> RunRecord:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    # The only look at the wall clock: from here on the loop's monotonic clock leads.
    clock = RigClock(utc_at_zero_s=time.time() - loop.time())
    with closing(_open_view(options)) as view:
        run = DemoRun(options, layout, view, clock)
        await run.run()
    return run.record


def _conclude(options: DemoOptions, layout: DemoLayout, record: RunRecord, verdict: Verdict) -> int:
    figures = report_figures(verdict, record.facts(options))
    file = write_report(layout.directory, figures)
    if options.plot:
        from hil.demo_plot import draw  # noqa: PLC0415  (matplotlib takes a second to import)

        draw(record.samples, record.events, layout.plot)
    if options.as_json:
        _say(json.dumps(figures, indent=2), sys.stdout)
    else:
        _say(f"\n{verdict_table(verdict)}\nreport: {file}", sys.stdout)
    return EXIT_GOOD if verdict.good else EXIT_NOT_GOOD


def _open_view(options: DemoOptions) -> View:
    """Return the view that fits: live in a terminal, lines elsewhere, on stderr beside JSON."""
    if options.as_json:
        return PlainView(sys.stderr)
    if sys.stdout.isatty():
        from hil.demo.live_view import LiveView  # noqa: PLC0415  (rich is only for terminals)

        return LiveView(options)
    return PlainView(sys.stdout)


def _sentences(group: BaseExceptionGroup[BaseException]) -> Iterator[str]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _sentences(error)
        else:
            yield str(error)


def _say(text: str, out: TextIO) -> None:
    print(text, file=out, flush=True)
