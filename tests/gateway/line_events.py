"""Frames as a listening modem tells them, and the events that they become."""

from collections.abc import Iterable

from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.psdu import split_frame
from gateway.cli.line_listener import LineEvent, LineListener
from hal.plc_modem.messages import DetectionMethod, SpyData, SpyMessage, SpySubframe

AT_S = 1_795_219_203.25  # 2026-11-21 00:00:03.250 UTC
SPY = SpyData(
    signal_space=3000,
    noise_space=40,
    signal_mark=2800,
    noise_mark=35,
    threshold=512,
    method=DetectionMethod.FSK,
    bit_and_gain=0x25,
)
WEAK = SpyData(
    signal_space=300,
    noise_space=100,
    signal_mark=2800,
    noise_mark=0,
    threshold=512,
    method=DetectionMethod.FSK,
    bit_and_gain=0x25,
)


def frame_of(
    l_sdu: bytes,
    *,
    lsaps: tuple[int, int] = (0x01, 0x10),
    source: int = 0xC00,
    destination: int = 0x001,
    credit: tuple[int, int] = (2, 2),
) -> MacFrame:
    """Return a frame with this L_sdu, between these access points (destination first)."""
    pdu = LlcPdu(destination_lsap=lsaps[0], source_lsap=lsaps[1], l_sdu=l_sdu)
    return MacFrame(
        initial_credit=credit[0],
        current_credit=credit[1],
        delta_credit=0,
        source=source,
        destination=destination,
        m_sdu=pdu.encode(),
    )


def told(frame: MacFrame, spy: SpyData = SPY) -> list[SpyMessage]:
    octets = frame.encode(Packing.MODEL_A)
    return [SpySubframe(spy, p_sdu) for p_sdu in split_frame(octets, Packing.MODEL_A)]


def events_of(messages: Iterable[SpyMessage], at_s: float = AT_S) -> list[LineEvent]:
    listener = LineListener(Packing.MODEL_A)
    return [event for each in messages for event in listener.take(each, at_s)]
