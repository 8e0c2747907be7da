"""What a question costs: seconds of the line for question, answer and silence [PLC-7]."""

from dataclasses import dataclass
from typing import Final

from drivers.plc.airtime import TURN_ROUND_SLOTS, LineTiming
from drivers.plc.llc import HEADER_OCTETS
from drivers.plc.mac_frame import CREDIT_MAX, M_SDU_OCTETS_MAX, subframe_count

ANSWER_OVERHEAD_OCTETS: Final = 5
"""Of an answer with one result: tag, count, choice, array, number of rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AirtimePrice:
    """Prices on one line.

    Attributes:
        timing: of the line.
    """

    timing: LineTiming

    def subframes(self, apdu_octets: int) -> int:
        """Return in how many sub-frames an APDU travels."""
        octets = min(apdu_octets + HEADER_OCTETS, M_SDU_OCTETS_MAX)
        return subframe_count(octets, self.timing.packing)

    def exchange_s(self, question_octets: int, answer_octets: int, credit: int) -> float:
        """Return the line time of a question and its answer, both with this credit; of APDUs."""
        subframes = self.subframes(question_octets) + self.subframes(answer_octets)
        return self.subframes_s(subframes, credit)

    def subframes_s(self, subframes: int, credit: int) -> float:
        """Return the same for so many sub-frames, question and answer together."""
        return (subframes * (1 + credit) + TURN_ROUND_SLOTS) * self.timing.slot_s

    def ping_s(self, credit: int = CREDIT_MAX) -> float:
        """Return the line time of a ping that is answered, or not."""
        return (2 * (1 + credit) + TURN_ROUND_SLOTS) * self.timing.slot_s

    def broadcast_s(self, m_sdu_octets: int, credit: int = CREDIT_MAX) -> float:
        """Return the line time of a frame that nobody answers."""
        return self.timing.frame_s(m_sdu_octets, credit)


def rows_octets(rows: int, row_octets: int) -> int:
    """Return the length of the answer APDU that carries so many rows."""
    return ANSWER_OVERHEAD_OCTETS + rows * row_octets
