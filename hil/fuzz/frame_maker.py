"""Hostile frames by number: the same seed, layer and number give the same octets."""

import random
from collections.abc import Iterator, Sequence

from hil.fuzz.hostile_frame import FuzzLayer, HostileFrame
from hil.fuzz.mutations import MUTATIONS, OCTETS_MAX, any_mutation
from hil.fuzz.valid_frames import frame_around, valid_frame


def hostile_frame(seed: int, layer: FuzzLayer, number: int) -> HostileFrame:
    """Return one frame."""
    rng = random.Random(f"{seed}/{layer}/{number}")  # noqa: S311  (dice, not a key)
    recipe = any_mutation(rng)
    octets = MUTATIONS[recipe](valid_frame(layer, rng), rng)
    return HostileFrame(number=number, layer=layer, recipe=recipe, octets=octets[:OCTETS_MAX])


def hostile_frames(
    seed: int, layers: Sequence[FuzzLayer], first: int, count: int
) -> Iterator[HostileFrame]:
    """Yield frames, the layers in turn; each layer counts its own frames from `first` on."""
    for index in range(count):
        layer = layers[index % len(layers)]
        yield hostile_frame(seed, layer, first + index // len(layers))


def line_octets(frame: HostileFrame, seed: int) -> bytes:
    """Return the frame as it goes on the line: an L_sdu inside a MAC frame that is right.

    Raises:
        ValueError: a frame of the serial line has no place there.
    """
    if frame.layer is FuzzLayer.MAC:
        return frame.octets
    if frame.layer is FuzzLayer.UART:
        raise ValueError("a frame of the modem's serial line cannot go on the power line")
    rng = random.Random(f"{seed}/{frame.layer}/{frame.number}/line")  # noqa: S311
    octets = bytes(frame_around(frame.octets, rng, ciase=frame.layer is FuzzLayer.CIASE))
    return octets[:OCTETS_MAX]  # a record of the air carries no more
