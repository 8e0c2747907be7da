"""One DLMS APDU to one node, and the APDU that comes back."""

from dataclasses import asdict, dataclass

from drivers.plc.airtime import LineTiming
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import M_SDU_OCTETS_MAX, MacFrame
from drivers.plc.repeated_request import TRIES, AnswerFacts, Question, RepeatedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class UnicastAnswer(AnswerFacts):
    """The APDU that came back, with how it came."""

    apdu: bytes


class UnicastRequest(RepeatedRequest[UnicastAnswer]):
    """An Exchange[UnicastAnswer]: the first data PDU from the node asked is the answer.

    A short-name reply carries no number. A reply to an older question would be taken for the
    answer, so ask nobody before `UnicastAnswer.late_until_s`, or before this one's last deadline
    after NoAnswer.
    """

    def __init__(
        self,
        *,
        initiator: int,
        node: int,
        destination_lsap: int,
        source_lsap: int,
        apdu: bytes,
        initial_credit: int,
        timing: LineTiming,
        answer_octets_max: int = M_SDU_OCTETS_MAX,
        tries: int = TRIES,
    ) -> None:
        pdu = LlcPdu(destination_lsap=destination_lsap, source_lsap=source_lsap, l_sdu=apdu)
        super().__init__(
            Question(
                initiator=initiator,
                node=node,
                pdu=pdu,
                initial_credit=initial_credit,
                timing=timing,
                answer_octets_max=answer_octets_max,
                tries=tries,
            )
        )

    def _answer_in(self, frame: MacFrame, pdu: LlcPdu, now: float) -> UnicastAnswer | None:
        asked = self._question.pdu
        if (pdu.destination_lsap, pdu.source_lsap) != (asked.source_lsap, asked.destination_lsap):
            return None
        if not pdu.l_sdu:
            return None
        return UnicastAnswer(apdu=pdu.l_sdu, **asdict(self._facts(frame, now)))
