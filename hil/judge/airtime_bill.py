"""What the line was used for, and what the fewest sub-frames would have cost.

Used is what fetching rows took: questions, answers, repetitions, and the silence waited for
answers that did not come. A question that was answered by no rows is a poll, and overhead like
everything else: who is there, who is new, who repeats, what time it is.

The ideal is, for each meter, stream and window of six hours, the fewest sub-frames that carry the
rows captured then: one question of one sub-frame for each answer, answers as long as the largest
frame allows, every row whole; all of them with the credit that just sufficed for that meter in
that window. Rows can not be had without a question, so it counts; `ideal_answers_s` leaves it out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.plc.llc import HEADER_OCTETS
from drivers.plc.mac_frame import FIMA, M_SDU_OCTETS_MAX, SUBFRAMES_MAX, Packing, subframe_count
from hil.judge.run_files import Reached, RunFiles
from hil.lv_network.air_log import AirFrame
from hil.lv_network.purpose import COLLECTION, Purpose

WINDOW_S: Final = 6 * 3600
ANSWER_HEAD_OCTETS: Final = 5
"""Tag, number of results, choice, array, number of rows."""

ROWS_OCTETS_MAX: Final = M_SDU_OCTETS_MAX - HEADER_OCTETS - ANSWER_HEAD_OCTETS
QUESTION_SUBFRAMES: Final = 1
TURN_ROUND_SLOTS: Final = 2


@dataclass(slots=True)
class AirtimeBill:
    """Seconds of the line, of all lines together.

    Attributes:
        used_s: for rows; see above.
        ideal_s, ideal_answers_s: with and without the questions.
        by_purpose_s: frames alone, by what they were for.
        waited_s: silence waited, for rows and for all else.
        overhead_s: all that is not used for rows.
        channel_s: there was.
        credits: how many questions for rows had each credit.
    """

    used_s: float = 0.0
    ideal_s: float = 0.0
    ideal_answers_s: float = 0.0
    by_purpose_s: dict[Purpose, float] = field(default_factory=lambda: defaultdict(float))
    waited_s: float = 0.0
    overhead_s: float = 0.0
    channel_s: float = 0.0
    credits: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class _Exchange:
    question: AirFrame
    answers: list[AirFrame]
    ended_s: float  # of its last frame
    followed_s: float  # when the master spoke again

    @property
    def is_collection(self) -> bool:
        """Tell whether it fetched rows, or was to."""
        return self.question.purpose in COLLECTION and not any(
            answer.purpose is Purpose.POLL for answer in self.answers
        )

    @property
    def came_through(self) -> bool:
        """Tell whether the master decoded an answer."""
        return any(answer.hop is not None for answer in self.answers)


def bill_airtime(run: RunFiles) -> AirtimeBill:
    """Return what a run has used of its lines."""
    slot_s = float(run.facts["slot_s"])
    bill = AirtimeBill()
    lines = sorted({frame.line for frame in run.air})
    span_s = float(run.facts["end_s"]) - float(run.facts["start_s"])
    bill.channel_s = span_s * max(1, len(run.facts["substations"]))
    for line in lines:
        frames = [frame for frame in run.air if frame.line == line]
        for exchange in _exchanges(frames, slot_s, float(run.facts["end_s"])):
            _add(bill, exchange, slot_s)
    for slots, answer_slots in _ideal_slots(run):
        bill.ideal_s += slots * slot_s
        bill.ideal_answers_s += answer_slots * slot_s
    return bill


def _exchanges(frames: Sequence[AirFrame], slot_s: float, end_s: float) -> Iterator[_Exchange]:
    current: _Exchange | None = None
    for frame in sorted(frames, key=lambda each: each.t):
        ended_s = frame.t + frame.slots * slot_s
        if frame.source >= FIMA:
            if current is not None:
                current.followed_s = frame.t
                yield current
            current = _Exchange(frame, [], ended_s, end_s)
        elif current is not None:
            current.answers.append(frame)
            current.ended_s = max(current.ended_s, ended_s)
    if current is not None:
        yield current


def _add(bill: AirtimeBill, exchange: _Exchange, slot_s: float) -> None:
    question = exchange.question
    purpose = question.purpose
    if purpose in COLLECTION and not exchange.is_collection:
        purpose = Purpose.POLL
    taken_s = question.slots * slot_s
    bill.by_purpose_s[purpose] += taken_s
    for answer in exchange.answers:
        bill.by_purpose_s[answer.purpose] += answer.slots * slot_s
        taken_s += answer.slots * slot_s
    if exchange.is_collection:
        bill.credits[question.credit] += 1
    is_asked_of_one = bool(question.usn)
    if is_asked_of_one and not exchange.came_through:
        longest = TURN_ROUND_SLOTS + SUBFRAMES_MAX * (1 + question.credit)
        waited_s = max(0.0, min(exchange.followed_s - exchange.ended_s, longest * slot_s))
        bill.waited_s += waited_s
        taken_s += waited_s
    if exchange.is_collection:
        bill.used_s += taken_s
    else:
        bill.overhead_s += taken_s


def _ideal_slots(run: RunFiles) -> Iterator[tuple[float, float]]:
    """Yield for each meter, stream and window the slots with and without questions."""
    packing = Packing(run.facts["packing"])
    due: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for (usn, stream, captured_at_s), came in run.committed.items():
        held = len(run.held.get((usn, stream, captured_at_s), []))
        due[usn, stream][captured_at_s // WINDOW_S] += min(held, len(came))
    for (usn, stream), by_window in sorted(due.items()):
        octets = run.row_octets.get((usn, stream))
        if octets is None:
            continue
        copies = _Copies(run.reach.get(run.master_of(usn), []))
        for window, rows in sorted(by_window.items()):
            answers, subframes = _fewest(rows, octets, packing)
            each = copies.in_window(window)
            yield (subframes + answers * QUESTION_SUBFRAMES) * each, subframes * each


def _fewest(rows: int, row_octets: int, packing: Packing) -> tuple[int, int]:
    """Return in how many answers, and sub-frames in all, so many rows travel."""
    most = max(1, ROWS_OCTETS_MAX // row_octets)
    head = HEADER_OCTETS + ANSWER_HEAD_OCTETS
    full, rest = divmod(rows, most)
    subframes = full * subframe_count(head + most * row_octets, packing)
    if rest:
        subframes += subframe_count(head + rest * row_octets, packing)
    return full + bool(rest), subframes


class _Copies:
    """How many times a frame had to be sent to reach a meter: 1 + the credit that sufficed."""

    def __init__(self, reach: Sequence[Reached]) -> None:
        time_s: dict[int, float] = defaultdict(float)
        weighted: dict[int, float] = defaultdict(float)
        for span in reach:
            for window in range(int(span.from_s // WINDOW_S), int(span.to_s // WINDOW_S) + 1):
                begins = window * WINDOW_S
                length_s = min(span.to_s, begins + WINDOW_S) - max(span.from_s, begins)
                if length_s > 0.0:
                    time_s[window] += length_s
                    weighted[window] += length_s * (1 + span.credit)
        self._mean = {window: weighted[window] / time_s[window] for window in time_s}
        self._windows = sorted(self._mean)

    def in_window(self, window: int) -> float:
        """Return the mean over a window; of the next one in which there was a way, if none."""
        if window in self._mean:
            return self._mean[window]
        later = [each for each in self._windows if each > window]
        nearest = later[:1] or self._windows[-1:]
        return self._mean[nearest[0]] if nearest else 1.0
