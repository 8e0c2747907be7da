"""Questions to the running daemon, never to its store.

The answers are JSON objects with these keys; --json shows whatever else a daemon puts in.

    status    any names, values and inner objects; healthy = false makes the exit status 1
    meters    meters: [usn, parent_usn, state, mac, credit, last_seen_at_s,
                       rows, committed, missing]
    readings  readings: [usn, stream, seq, captured_at_s, occurrence, status, mark,
                         values: [...], columns: [obis, unit, scaler]]
    lost      lost: [what ("gap" or "node"), usn, stream, from_s, to_s, rows, reason]
    statistics, availability: see gateway/cli/statistics_words.py

Names end in their unit: *_at_s is seconds since 1970 in UTC, *_s otherwise a span.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from gateway.cli.arguments import DEFAULT_CONFIG_FILE
from gateway.cli.statistics_words import (
    availability_as_csv,
    availability_in_words,
    statistics_in_words,
)
from gateway.cli.tables import named_values, quantity, table, utc
from gateway.core.control_client import ask_daemon
from gateway.core.exit_status import ExitStatus

DEFAULT_SOCKET: Final = Path("/run/gridgate/control.sock")
"""As in gateway/default.toml; said here again so that asking needs no configuration at all."""

Answer = Mapping[str, Any]


def execute(arguments: argparse.Namespace, out: TextIO) -> int:
    """Ask, print, and return the exit status.

    Raises:
        SettingError: the configuration file that names the socket is wrong.
        NotReachable: no daemon answers.
        RequestRefused: the daemon said no.
    """
    answer = ask_daemon(_socket(arguments), _request(arguments))
    if arguments.json:
        print(json.dumps(answer, indent=2), file=out)
    elif arguments.command == "availability" and arguments.csv:
        print(availability_as_csv(answer), file=out)
    else:
        print(_IN_WORDS[arguments.command](answer), file=out)
    return _exit_status(arguments.command, answer)


def _socket(arguments: argparse.Namespace) -> Path:
    socket: Path | None = arguments.socket
    if socket is not None:
        return socket
    file: Path | None = arguments.config
    if file is None:
        if not DEFAULT_CONFIG_FILE.exists():
            return DEFAULT_SOCKET
        file = DEFAULT_CONFIG_FILE
    from gateway.core.config import read_control_socket  # noqa: PLC0415  (slow, rarely needed)

    return read_control_socket(file)


def _request(arguments: argparse.Namespace) -> dict[str, Any]:
    request: dict[str, Any] = {"ask": arguments.command}
    if arguments.command == "readings":
        request["last"] = arguments.last
        request |= {"meter": arguments.meter} if arguments.meter else {}
        request |= {"stream": arguments.stream} if arguments.stream else {}
    if arguments.command == "read":
        request |= {"meter": arguments.meter, "registers": arguments.registers}
    if arguments.command == "statistics":
        request["hours"] = arguments.hours
        request |= {"meter": arguments.meter} if arguments.meter else {}
    if arguments.command == "availability":
        request["by"] = "day" if arguments.daily else "hour"
        given = {"day": arguments.day, "last": arguments.last, "meter": arguments.meter}
        request |= {name: value for name, value in given.items() if value is not None}
    return request


def _exit_status(command: str, answer: Answer) -> int:
    if command == "lost" and answer.get("lost"):
        return ExitStatus.ANSWER_IS_NO
    if command == "status" and answer.get("healthy") is False:
        return ExitStatus.ANSWER_IS_NO
    return ExitStatus.GOOD


def _meters_in_words(answer: Answer) -> str:
    meters: Sequence[Answer] = answer.get("meters", [])
    if not meters:
        return "no meters yet"
    heads = ("USN", "STATE", "MAC", "CREDIT", "LAST SEEN", "ROWS", "COMMITTED", "MISSING")
    rows = [
        (
            ("  " if meter.get("parent_usn") else "") + str(meter.get("usn") or "(not read yet)"),
            _plain(meter, "state"),
            _mac(meter.get("mac")),
            _plain(meter, "credit"),
            utc(meter.get("last_seen_at_s")),
            *(_plain(meter, name) for name in ("rows", "committed", "missing")),
        )
        for meter in meters
    ]
    return table(heads, rows) + "\n\n" + _sum_of_meters(meters)


def _sum_of_meters(meters: Sequence[Answer]) -> str:
    masters = [meter for meter in meters if not meter.get("parent_usn")]
    registered = sum(meter.get("state") == "REGISTERED" for meter in masters)
    sums = {
        name: sum(meter.get(name) or 0 for meter in meters)
        for name in ("rows", "committed", "missing")
    }
    return (
        f"{registered} of {len(masters)} meters registered, {len(meters) - len(masters)} slaves; "
        f"{sums['rows']} rows, {sums['committed']} committed, {sums['missing']} missing"
    )


def _readings_in_words(answer: Answer) -> str:
    readings: Sequence[Answer] = answer.get("readings", [])
    if not readings:
        return "no readings"
    heads = ("USN", "STREAM", "SEQ", "CAPTURED AT", "NO", "STATUS", "MARK", "VALUES")
    return table(heads, [_reading_cells(reading) for reading in readings])


def _reading_cells(reading: Answer) -> tuple[str, ...]:
    return (
        _plain(reading, "usn"),
        _plain(reading, "stream"),
        _plain(reading, "seq"),
        utc(reading.get("captured_at_s")),
        _plain(reading, "occurrence"),
        _hexadecimal(reading.get("status")),
        _hexadecimal(reading.get("mark") or None),
        _values(reading),
    )


def _values(reading: Answer) -> str:
    values: Iterable[int | None] = reading.get("values", ())
    columns: list[Answer] = list(reading.get("columns", ()))
    words = []
    for index, value in enumerate(values):
        column = columns[index] if index < len(columns) else {}
        amount = quantity(value, column.get("scaler"), column.get("unit"))
        words.append(f"{column['obis']} = {amount}" if "obis" in column else amount)
    return ", ".join(words)


def _lost_in_words(answer: Answer) -> str:
    lost: Sequence[Answer] = answer.get("lost", [])
    if not lost:
        return "nothing is lost"
    heads = ("WHAT", "USN", "STREAM", "FROM", "TO", "ROWS", "REASON")
    rows = [
        (
            _plain(entry, "what"),
            _plain(entry, "usn"),
            _plain(entry, "stream"),
            utc(entry.get("from_s")),
            utc(entry.get("to_s")),
            _plain(entry, "rows"),
            _plain(entry, "reason"),
        )
        for entry in lost
    ]
    return table(heads, rows)


def _plain(entry: Answer, name: str) -> str:
    value = entry.get(name)
    return "-" if value is None else str(value)


def _mac(mac: object) -> str:
    return f"{mac:03X}" if isinstance(mac, int) else "-"


def _hexadecimal(status: object) -> str:
    return f"0x{status:02X}" if isinstance(status, int) else "-"


def _read_in_words(answer: Answer) -> str:
    lines = [
        f"{value['obis']} = {quantity(value['value'], value.get('scaler'), value.get('unit'))}"
        if value.get("value") is not None
        else f"{value['obis']}: {value.get('reason')}"
        for value in answer.get("values", [])
    ]
    return "\n".join([*lines, f"in {answer.get('took_s')} s"])


_IN_WORDS: Final[Mapping[str, Callable[[Answer], str]]] = {
    "status": named_values,
    "meters": _meters_in_words,
    "readings": _readings_in_words,
    "lost": _lost_in_words,
    "read": _read_in_words,
    "statistics": statistics_in_words,
    "availability": availability_in_words,
}
