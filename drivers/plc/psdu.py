"""A MAC frame cut into the 38-octet P_sdus of the slots, and put together again."""

from collections.abc import Sequence
from typing import Final

from drivers.errors import MalformedFrame
from drivers.plc.mac_frame import SUBFRAME_OCTETS, Packing, count_of_code

P_SDU_OCTETS: Final = 38
PREAMBLE: Final = bytes.fromhex("AAAA")
START_DELIMITER: Final = bytes.fromhex("54C7")
PAUSE_OCTETS: Final = 3  # carrier off; an alarm pattern may stand there
_CODE_OCTETS: Final = 2


def split_frame(line_octets: bytes, packing: Packing) -> list[bytes]:
    """Return the P_sdus of a frame that `MacFrame.encode` made.

    Each begins with the frame's sub-frame code. That the later ones repeat it is inferred
    (docs/plc.md 2.4).
    """
    code = line_octets[:_CODE_OCTETS]
    body = line_octets[_CODE_OCTETS:] if packing is Packing.MODEL_A else line_octets
    starts = range(0, len(body), SUBFRAME_OCTETS)
    return [code + body[start : start + SUBFRAME_OCTETS] for start in starts]


def join_frame(p_sdus: Sequence[bytes], packing: Packing) -> bytes:
    """Return the line octets of the frame that these P_sdus carry, for `MacFrame.decode`.

    Raises:
        MalformedFrame: wrong length, too few or many, or codes that disagree.
    """
    codes = {each[:_CODE_OCTETS] for each in p_sdus}
    if len(codes) != 1 or any(len(each) != P_SDU_OCTETS for each in p_sdus):
        raise MalformedFrame("P_sdus of different frames", b"".join(p_sdus))
    code = codes.pop()
    if count_of_code(int.from_bytes(code, "big")) != len(p_sdus):
        raise MalformedFrame(f"{len(p_sdus)} P_sdus do not fit their code", b"".join(p_sdus))
    body = b"".join(each[_CODE_OCTETS:] for each in p_sdus)
    return code + body if packing is Packing.MODEL_A else body


def p_sdus_of_slots(octets: bytes) -> list[bytes]:
    """Return the P_sdus of whole slots, one behind the other; what stands in pauses is left out.

    Raises:
        MalformedFrame: no whole slots, or one without preamble and delimiter.
    """
    slot = len(slot_octets(bytes(P_SDU_OCTETS)))
    head = PREAMBLE + START_DELIMITER
    slots = [octets[at : at + slot] for at in range(0, len(octets), slot)]
    if not slots or any(len(each) != slot or not each.startswith(head) for each in slots):
        raise MalformedFrame("no whole slots with preamble and delimiter", octets)
    return [each[len(head) : len(head) + P_SDU_OCTETS] for each in slots]


def slot_octets(p_sdu: bytes) -> bytes:
    """Return all 45 octets of a slot, the pause as zeros.

    Source: docs/plc.md 1.2.
    """
    return PREAMBLE + START_DELIMITER + p_sdu + bytes(PAUSE_OCTETS)
