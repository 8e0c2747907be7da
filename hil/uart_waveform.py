"""What a receiver set to one baud rate makes of octets sent at another: the real garbage."""

_BITS = 10  # start, eight data bits least significant first, stop


def misread(octets: bytes, *, sent_bps: int, received_bps: int) -> bytes:
    """Return what arrives; octets without a stop bit count too, as most receivers pass them on."""
    levels = [level for octet in octets for level in (0, *_bits_of(octet), 1)]
    ratio = sent_bps / received_bps  # sender's bits in one of the receiver's
    received = bytearray()
    at = 0.0
    while (start := _next_start(levels, at)) is not None:
        samples = [_level(levels, start + (bit + 0.5) * ratio) for bit in range(1, _BITS - 1)]
        received.append(sum(level << bit for bit, level in enumerate(samples)))
        at = start + (_BITS - 0.5) * ratio
    return bytes(received)


def _bits_of(octet: int) -> list[int]:
    return [octet >> bit & 1 for bit in range(8)]


def _next_start(levels: list[int], at: float) -> float | None:
    """Return where the next falling edge is, or where the line is low already."""
    first = int(at)
    if _level(levels, at) == 0:
        return at
    return next((float(i) for i in range(first, len(levels)) if levels[i] == 0), None)


def _level(levels: list[int], at: float) -> int:
    """Return the line's level; idle is high."""
    return levels[int(at)] if int(at) < len(levels) else 1
