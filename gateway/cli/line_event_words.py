"""What happened on the line, dissected by scapy's layers: a line of text, JSON, a packet."""

import dataclasses
import datetime as dt
from typing import Any, Final

from drivers.plc.mac_frame import Packing
from drivers.plc.scapy_layers.capture import ALARM, DAMAGED, FRAME, PlcCapture
from drivers.plc.scapy_layers.llc import PlcLlc
from drivers.plc.scapy_layers.mac import PlcMacFrame
from drivers.plc.scapy_layers.plain import plain_layers
from gateway.cli.line_listener import LineEvent, LineEventKind
from hal.plc_modem.messages import SpyData

_CREDIT_AND_ADDRESS_FIELDS: Final = (
    "initial_credit",
    "current_credit",
    "delta_credit",
    "source",
    "destination",
)
_KINDS: Final = {
    LineEventKind.FRAME: FRAME,
    LineEventKind.DAMAGED: DAMAGED,
    LineEventKind.ALARM: ALARM,
}
_IN_WORDS: Final = {
    LineEventKind.SLOT_FOUND: "slot found: the modem hears the line",
    LineEventKind.SEARCHING: "no slot: the modem searches for the line",
}


def as_text(event: LineEvent) -> str:
    """Return the event as one line for a person."""
    return f"{_clock_time(event.at_s)}  {_text(event)}"


def as_object(event: LineEvent) -> dict[str, Any]:
    """Return the event as one JSON object; a password is hidden, damaged octets are left out."""
    found: dict[str, Any] = {
        "at": dt.datetime.fromtimestamp(event.at_s, dt.UTC).isoformat(timespec="milliseconds"),
        "kind": str(event.kind),
    }
    if event.spy is not None:
        found["signal"] = dataclasses.asdict(event.spy)
    if event.kind is LineEventKind.ALARM:
        found["pattern"] = event.pattern.hex().upper()
    if event.heard is None:
        return found
    found["subframes"] = len(event.heard.p_sdus)
    if event.heard.reason is not None:
        return found | {"reason": event.heard.reason}
    frame = PlcMacFrame(event.heard.line_octets)
    found |= {name: int(frame.getfieldval(name)) for name in _CREDIT_AND_ADDRESS_FIELDS}
    found |= {"hop_distance": frame.hop_distance, "what": _what(frame)}
    return found | {"layers": plain_layers(frame)}


def as_packet(event: LineEvent, packing: Packing) -> bytes | None:
    """Return the event as a packet of a capture file; None for what has no place in one."""
    if event.kind not in _KINDS:
        return None
    octets, subframes = event.pattern, 0
    if event.heard is not None:
        subframes = len(event.heard.p_sdus)
        octets = event.heard.line_octets
        if event.heard.reason is not None:
            octets = b"".join(event.heard.p_sdus)
    signal = {} if event.spy is None else dataclasses.asdict(event.spy)
    head = PlcCapture(
        kind=_KINDS[event.kind], packing=str(packing).encode(), subframes=subframes, **signal
    )
    return bytes(head) + octets


def _text(event: LineEvent) -> str:
    if event.kind is LineEventKind.ALARM:
        return f"ALARM  pattern {event.pattern.hex().upper()} in the pause of a slot"
    if event.heard is None:
        return _IN_WORDS[event.kind]
    if event.heard.reason is not None:
        heard = f"{len(event.heard.p_sdus)} sub-frame(s)"
        return f"DAMAGED  {heard}: {event.heard.reason}{_ratio(event.spy)}"
    frame = PlcMacFrame(event.heard.line_octets)
    credit = f"{frame.initial_credit}/{frame.current_credit}/{frame.delta_credit}"
    way = f"{frame.source:03X} > {frame.destination:03X}  credit {credit} hop {frame.hop_distance}"
    return f"{way}{_ratio(event.spy)}  {_what(frame)}"


def _what(frame: PlcMacFrame) -> str:
    """Return what a frame carries, in words."""
    llc = frame.getlayer(PlcLlc)
    if llc is None:
        return f"{len(frame.payload)} octets that are no LLC PDU"
    inner = llc.payload
    words = str(inner.mysummary()) or f"{len(inner)} octets that are no known PDU"
    if llc.carries_ciase:
        return words
    return f"{words}  [L-SAP {llc.source_lsap:02X} > {llc.destination_lsap:02X}]"


def _ratio(spy: SpyData | None) -> str:
    """Return signal to noise of the worse carrier, in the modem's own counts."""
    if spy is None:
        return ""
    pairs = (spy.signal_space, spy.noise_space), (spy.signal_mark, spy.noise_mark)
    return f" s/n {min(signal // max(1, noise) for signal, noise in pairs)}"


def _clock_time(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%H:%M:%S.%f")[:-3]
