"""How long the power line is taken, from the one slot clock that all stations share."""

from dataclasses import dataclass
from typing import Final

from drivers.plc.mac_frame import Packing, subframe_count

SLOT_BITS: Final = 360
ALIGNMENT_SLOTS: Final = 2  # a request waits for the slot after the next at worst (docs/plc.md 8.8)
TURN_ROUND_SLOTS: Final = 2  # between a question's last repetition and the answer (inferred)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTiming:
    """What decides the duration of everything on one line.

    Attributes:
        bit_rate_bps: rate of the line; 2400 in the field, more on a bench that both sides know.
        packing: how frames fill their sub-frames.
        host_latency_s: what one question and its answer lose outside the line, at most: both
            UARTs twice, the modem, the meter's application, a loaded host.

    Source: docs/plc.md 1.3, 1.4.
    """

    bit_rate_bps: int
    packing: Packing = Packing.MODEL_A
    host_latency_s: float = 0.5

    @property
    def slot_s(self) -> float:
        """Duration of one slot, which carries one sub-frame."""
        return SLOT_BITS / self.bit_rate_bps

    def first_copy_s(self, m_sdu_octets: int) -> float:
        """Return how long one transmission of a frame takes, its repetitions not counted."""
        return subframe_count(m_sdu_octets, self.packing) * self.slot_s

    def frame_s(self, m_sdu_octets: int, initial_credit: int) -> float:
        """Return how long a frame holds the line with all its repetitions."""
        return self.first_copy_s(m_sdu_octets) * (1 + initial_credit)

    def repetitions_left_s(self, m_sdu_octets: int, current_credit: int) -> float:
        """Return how long the line stays taken after a copy with this current credit."""
        return self.first_copy_s(m_sdu_octets) * current_credit

    def sent_s(self, m_sdu_octets: int, initial_credit: int) -> float:
        """Return after what time a frame handed over now has left the line at the latest."""
        waiting_s = ALIGNMENT_SLOTS * self.slot_s + self.host_latency_s
        return waiting_s + self.frame_s(m_sdu_octets, initial_credit)

    def answer_due_s(
        self, request_octets: int, answer_octets_max: int, initial_credit: int
    ) -> float:
        """Return after what time the answer to a request handed over now has come, if any comes.

        Both lengths are of the M_sdu. The answer takes the request's initial credit.
        """
        question_s = self.sent_s(request_octets, initial_credit)
        answer_s = self.frame_s(answer_octets_max, initial_credit)
        return question_s + TURN_ROUND_SLOTS * self.slot_s + answer_s

    def discover_window_s(self, slots: int, report_credit: int) -> float:
        """Return how long the answer windows of a Discover take, from its last repetition on.

        Each window carries one report, which is one sub-frame, with its repetitions (inferred).
        """
        return slots * (1 + report_credit) * self.slot_s
