"""Frames between host and PLC modem, field by field."""

from collections.abc import Iterator

from gateway.cli.explanation import Explainer, Layer
from hal.plc_modem.host_codec import decode_message, describe
from hal.plc_modem.host_frame import ControlOctet, HostFrame
from hal.plc_modem.messages import DataIndication, DataIndicationBadCrc, DataRequest
from hal.plc_modem.status import STATUS_START, StatusMessage


def modem_explainer(explain_record: Explainer) -> Explainer:
    """Return what explains a control octet, a status message or a frame.

    Args:
        explain_record: explains the MAC frame that some frames carry.
    """

    def explain(octets: bytes) -> Iterator[Layer]:
        return _explain(octets, explain_record)

    return explain


def _explain(octets: bytes, explain_record: Explainer) -> Iterator[Layer]:
    if len(octets) == 1 and octets[0] in tuple(ControlOctet):
        yield Layer("control octet", {"name": ControlOctet(octets[0]).name})
    elif octets[0] == STATUS_START:
        status = StatusMessage.decode(octets)
        mode = status.likely_mode()
        yield Layer("status", {"likely_mode": mode.name, **status.fields(mode)})
    else:
        yield from _explain_frame(HostFrame.decode(octets), explain_record)


def _explain_frame(frame: HostFrame, explain_record: Explainer) -> Iterator[Layer]:
    yield Layer("modem frame", {"command": f"{frame.command:02X}", "data_octets": len(frame.data)})
    message = decode_message(frame)
    fields = describe(message)
    name = str(fields.pop("command"))
    match message:
        case DataRequest(mac) | DataIndication(mac):
            yield Layer("message", {"name": name, "pad_length": mac.pad_length})
            yield from explain_record(mac.encode())
        case DataIndicationBadCrc():
            # The frame check failed on the line: what it carries cannot be believed.
            yield Layer("message", {"name": name, **fields})
        case _:
            yield Layer("message", {"name": name, **fields})
