"""What makes a frame hostile: one change or several, with the checks right or wrong.

Each function takes a valid frame and returns octets. Where the frame has a check (MAC: FCS-24,
serial line: checksum), most changes keep it right: a wrong check alone stops a decoder early.
"""

import random
from collections.abc import Callable
from typing import Final

from drivers.plc.scapy_layers.mac import PlcMacFrame
from drivers.plc.scapy_layers.modem import ModemFrame
from drivers.plc.scapy_layers.spots import Layer, Spot, SpotKind, spots_of

OCTETS_MAX: Final = 1000  # more than any frame may have, less than a record of the air
Mutation = Callable[[Layer, random.Random], bytes]


def odd_fields(frame: Layer, rng: random.Random) -> bytes:
    """Fill one to three fields with odd values: limits, lies about lengths, contradictions."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        spot = rng.choice(spots_of(frame))  # found anew: a change may make fields come or go
        spot.fill(_odd_value(spot, rng))
    return bytes(frame)


def wrong_check(frame: Layer, rng: random.Random) -> bytes:
    """Damage any octet, and leave the check as it was."""
    octets = bytearray(bytes(frame))
    octets[rng.randrange(len(octets))] ^= rng.randrange(1, 256)
    return bytes(octets)


def noise_inside(frame: Layer, rng: random.Random) -> bytes:
    """Damage the content, with a check that is right."""
    inside = bytearray(_inside(frame))
    for _ in range(rng.randint(1, 4) if inside else 0):
        inside[rng.randrange(len(inside))] = rng.choice(
            [0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)]
        )
    return _around(frame, bytes(inside))


def cut_inside(frame: Layer, rng: random.Random) -> bytes:
    """Cut the content short, with a check that is right."""
    inside = _inside(frame)
    return _around(frame, inside[: rng.randint(0, len(inside))])


def tail_inside(frame: Layer, rng: random.Random) -> bytes:
    """Put octets behind the content, up to far beyond what a frame carries."""
    tail = rng.randbytes(rng.choice([1, 2, 10, 100, 242, 400]))
    return _around(frame, _inside(frame) + tail)


def octets_moved(frame: Layer, rng: random.Random) -> bytes:
    """Take octets out, or put the same ones in again, with a check that is right."""
    inside = _inside(frame)
    start = rng.randint(0, len(inside))
    end = min(len(inside), start + rng.randint(1, 8))
    piece = inside[start:end] * rng.choice([0, 2, 3])
    return _around(frame, inside[:start] + piece + inside[end:])


def cut(frame: Layer, rng: random.Random) -> bytes:
    """Cut the whole frame short."""
    octets = bytes(frame)
    return octets[: rng.randint(0, len(octets))]


def random_inside(frame: Layer, rng: random.Random) -> bytes:
    """Put random octets into a good frame."""
    return _around(frame, rng.randbytes(rng.choice([0, 1, 3, 20, 100, 242])))


def random_octets(frame: Layer, rng: random.Random) -> bytes:
    """Return random octets, often with the first ones of a real frame."""
    return bytes(frame)[: rng.choice([0, 1, 2, 3])] + rng.randbytes(rng.choice([1, 10, 40, 300]))


def deep_nesting(frame: Layer, rng: random.Random) -> bytes:
    """Nest arrays, structures or type descriptions deeper than anybody should."""
    opening = rng.choice([b"\x01\x01", b"\x02\x01", b"\x13\x01\x00\x01", b"\x02\x02\x00"])
    nest = opening * rng.choice([5, 19, 20, 21, 60, 110]) + rng.choice([b"", b"\x00"])
    head = _inside(frame)[: rng.choice([1, 3, 6])]
    return _around(frame, head + nest)


def big_counts(frame: Layer, rng: random.Random) -> bytes:
    """Say a length or count in a long form, far too large or of zero octets."""
    inside = _inside(frame)
    at = rng.randint(0, len(inside))
    lie = rng.choice(
        [
            "80",
            "8100",
            "81FF",
            "82FFFF",
            "83FFFFFF",
            "84FFFFFFFF",
            "84000000FF",
            "88FFFFFFFFFFFFFFFF",
        ]
    )
    return _around(frame, inside[:at] + bytes.fromhex(lie) + inside[at + 1 :])


MUTATIONS: Final[dict[str, Mutation]] = {
    "odd fields": odd_fields,
    "wrong check": wrong_check,
    "noise inside": noise_inside,
    "cut inside": cut_inside,
    "tail inside": tail_inside,
    "octets moved": octets_moved,
    "cut": cut,
    "random inside": random_inside,
    "random octets": random_octets,
    "deep nesting": deep_nesting,
    "big counts": big_counts,
}
_WEIGHTS: Final = {"odd fields": 6, "noise inside": 3, "cut inside": 2, "big counts": 2}


def any_mutation(rng: random.Random) -> str:
    """Return the name of a mutation; those that know the fields come more often."""
    names = list(MUTATIONS)
    return rng.choices(names, [_WEIGHTS.get(name, 1) for name in names])[0]


def _odd_value(spot: Spot, rng: random.Random) -> object:
    match spot.kind:
        case SpotKind.NUMBER:
            top = (1 << spot.bits) - 1
            near = int(spot.value or 0)
            some = [0, 1, top, top - 1, top >> 1, near + 1, near - 1, rng.randint(0, top)]
            return max(0, min(top, rng.choice(some)))
        case SpotKind.OCTETS:
            size = rng.choice([len(spot.value or b""), rng.randrange(40)])
            return rng.choice([bytes(size), b"\xff" * size, rng.randbytes(size)])
        case SpotKind.LIST:
            items = list(spot.value)
            return rng.choice([[], items[1:], items[::-1], items * 2, (items * 99)[:99]])


def _inside(frame: Layer) -> bytes:
    """Return what the frame's check protects; the PDU itself where there is none."""
    if isinstance(frame, PlcMacFrame | ModemFrame):
        return bytes(frame.payload)
    return bytes(frame)


def _around(frame: Layer, inside: bytes) -> bytes:
    """Return the frame with another content, and all that is computed made right again."""
    if isinstance(frame, PlcMacFrame | ModemFrame):
        head = frame.copy()
        head.remove_payload()
        return bytes(head / inside) if inside else bytes(head)
    return inside
