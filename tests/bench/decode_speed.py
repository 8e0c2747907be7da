"""Profile rows a second, from a ReadResponse's octets to what is stored, against gurux-dlms."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gurux_dlms import GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.objects import (
    GXDLMSCaptureObject,
    GXDLMSClock,
    GXDLMSData,
    GXDLMSProfileGeneric,
    GXDLMSRegister,
)

from drivers.dlms.companion import CLOCK
from drivers.dlms.conversations import read_profile_range
from drivers.dlms.data_types import DataTag
from drivers.dlms.profile_rows import ProfileRow, RowLayout, encode_rows
from tests.bench.figure import Figure
from tests.bench.samples import medians

AIM_TIMES: Final = 20.0
SAMPLE_S: Final = 0.02
"""About so long is a sample; shorter ones measure the clock."""

_READ_RESPONSE_OF_ONE: Final = b"\x0c\x01\x00"
_BEGIN_S: Final = 1_795_046_400  # 2026-11-19T00:00:00Z
_LAYOUT: Final = RowLayout(
    status=DataTag.UNSIGNED, values=(DataTag.DOUBLE_LONG_UNSIGNED,) * 2, deviation_min=-60
)
_BUFFER_NAME: Final = 0x1008

Rows = list[ProfileRow]


def decode_speed(rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    """Measure a day of quarter hours, and what one answer of a power-line meter holds."""
    return [
        _against_gurux(rows, what, rounds, tell)
        for rows, what in ((96, "96 rows"), (6, "a 6-row PLC reply"))
    ]


def _against_gurux(count: int, what: str, rounds: int, tell: Callable[[str], None]) -> Figure:
    rows = [
        (_BEGIN_S + 900 * at, 0, at % 200, (12_345_678 + 250 * at, 4_711 + at))
        for at in range(count)
    ]
    answer = _READ_RESPONSE_OF_ONE + encode_rows(rows, _LAYOUT)
    peer = GuruxReader()
    if _decoded(answer) != rows or peer.stored_form(answer) != rows:
        raise AssertionError(f"the two readers differ on {what}")
    ways: dict[str, Callable[[], float]] = {
        "gridgate": partial(_our_rate, answer, count),
        "gurux": partial(_gurux_rate, peer, answer, count),
    }
    rates = medians(ways, rounds)
    ratio = rates["gridgate"] / rates["gurux"]
    tell(
        f"decode {what}: {rates['gridgate']:,.0f} rows/s, gurux-dlms {rates['gurux']:,.0f} rows/s,"
        f" {ratio:.1f} times as fast; values equal"
    )
    details = {"rows": count, "octets": len(answer), "rows_per_s": rates}
    return Figure(
        name=f"decode, {what}, to gurux-dlms",
        value=ratio,
        unit="x",
        aim=AIM_TIMES,
        details=details,
    )


def _decoded(answer: bytes) -> Rows:
    """Decode as the collector does: by the dialogue that it runs."""
    dialogue = read_profile_range(_BUFFER_NAME, CLOCK, _BEGIN_S, _BEGIN_S + 86_400)
    next(dialogue)
    try:
        dialogue.send(answer)
    except StopIteration as ended:
        rows: Rows = ended.value
        return rows
    raise AssertionError("the dialogue asks on")


def _our_rate(answer: bytes, count: int) -> float:
    # The dialogues have asked before the clock starts: what is measured is the answer.
    dialogues = [
        read_profile_range(_BUFFER_NAME, CLOCK, _BEGIN_S, _BEGIN_S + 86_400)
        for _ in range(max(1, int(SAMPLE_S * 2_000_000) // (count + 8)))
    ]
    for dialogue in dialogues:
        next(dialogue)
    rows: Rows = []
    began = time.perf_counter()
    for dialogue in dialogues:
        try:
            dialogue.send(answer)
        except StopIteration as ended:
            rows = ended.value
    took_s = time.perf_counter() - began
    assert len(rows) == count
    return count * len(dialogues) / took_s


def _gurux_rate(peer: "GuruxReader", answer: bytes, count: int) -> float:
    times = max(1, int(SAMPLE_S * 30_000) // count)
    rows: list[Any] = []
    began = time.perf_counter()
    for _ in range(times):
        rows = peer.read(answer)
    took_s = time.perf_counter() - began
    assert len(rows) == count
    return count * times / took_s


class GuruxReader:
    """A gurux-dlms client that knows the profile's columns."""

    def __init__(self) -> None:
        self._client = GXDLMSClient(False, 16, 1, Authentication.NONE, None, InterfaceType.PDU)  # noqa: FBT003
        self._profile = GXDLMSProfileGeneric("1.0.99.1.0.255", _BUFFER_NAME - 8)
        columns = (
            GXDLMSClock(),
            GXDLMSData("1.0.96.5.0.255"),
            GXDLMSRegister("1.0.1.8.0.255"),
            GXDLMSRegister("1.0.2.8.0.255"),
        )
        for column in columns:
            self._profile.captureObjects.append((column, GXDLMSCaptureObject(2, 0)))

    def read(self, answer: bytes) -> list[Any]:
        """Return the rows as gurux gives them."""
        self._profile.buffer = []  # it would append
        reply = GXReplyData()
        self._client.getData(answer, reply)
        rows: list[Any] = self._client.updateValue(self._profile, 2, reply.value)
        return rows

    def stored_form(self, answer: bytes) -> Rows:
        """Return the same rows as UTC second, clock status, status and numbers."""
        return [
            (int(moment.value.timestamp()), int(moment.status), status, tuple(values))
            for moment, status, *values in self.read(answer)
        ]
