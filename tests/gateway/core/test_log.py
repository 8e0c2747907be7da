"""What a log record looks like, where it goes, and what never gets into it."""

import io
import logging
from collections.abc import Iterator

import pytest

from gateway.core.log import LogLevel, LogSettings, LogTarget, set_up_logging
from gateway.core.systemd import JournalHandler

LOG = logging.getLogger("gateway.test")


@pytest.fixture(autouse=True)
def _root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    asyncio_level = logging.getLogger("asyncio").level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("asyncio").setLevel(asyncio_level)
    logging.captureWarnings(capture=False)


def lines_of(level: LogLevel) -> io.StringIO:
    stream = io.StringIO()
    set_up_logging(LogSettings(level=level, target=LogTarget.STDERR), stream)
    return stream


def test_an_event_is_one_line_with_its_fields() -> None:
    stream = lines_of(LogLevel.INFO)
    LOG.info("meter\nregistered", extra={"USN": "1KFM 1", "MAC": 5, "private": "no"})
    LOG.debug("frame")
    (line,) = stream.getvalue().splitlines()
    at, rest = line.split(" ", 1)
    assert rest == 'INFO    gateway.test meter registered USN="1KFM 1" MAC=5'
    assert len(at) == len("2026-01-02T03:04:05.678Z")
    assert at.endswith("Z")


def test_a_failure_carries_its_traceback() -> None:
    stream = lines_of(LogLevel.DEBUG)
    try:
        1 // 0  # noqa: B018
    except ZeroDivisionError:
        LOG.exception("worker failed")
    assert "ERROR   gateway.test worker failed\nTraceback" in stream.getvalue()


def test_setting_up_twice_doubles_no_line() -> None:
    lines_of(LogLevel.INFO)
    stream = lines_of(LogLevel.INFO)
    LOG.info("once")
    assert len(stream.getvalue().splitlines()) == 1


def test_the_journal_gets_chosen_fields_and_no_arguments() -> None:
    """SEC: systemd-python's own handler would store the arguments of the call."""
    sent: list[dict[str, str]] = []
    handler = JournalHandler(lambda message, **fields: sent.append({"MESSAGE": message} | fields))
    record = LOG.makeRecord(
        LOG.name,
        logging.WARNING,
        "file.py",
        7,
        "meter %s refused",
        ("X",),
        None,
        extra={"USN": "X", "PRIORITY": "0"},
    )
    handler.emit(record)
    assert sent[0]["MESSAGE"] == "meter X refused"
    assert sent[0]["PRIORITY"] == "4"
    assert sent[0]["USN"] == "X"
    assert not [value for value in sent[0].values() if "('X',)" in value]
    assert set(sent[0]) == {
        *("MESSAGE", "PRIORITY", "USN", "SYSLOG_IDENTIFIER", "LOGGER"),
        *("CODE_FILE", "CODE_LINE", "CODE_FUNC"),
    }


def test_a_broken_journal_does_not_end_the_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    def send(_message: str, **_fields: str) -> None:
        raise OSError("no journal")

    LOG.addHandler(handler := JournalHandler(send))
    try:
        LOG.error("still here")
    finally:
        LOG.removeHandler(handler)
    assert "no journal" in capsys.readouterr().err
