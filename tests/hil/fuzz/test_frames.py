"""The frames of a campaign: seeded, varied, hostile in the ways that they say."""

from collections import Counter

import pytest

from drivers.checksums import fcs24
from drivers.dlms.apdu_sn import decode_apdu
from drivers.dlms.association import decode_acse
from drivers.errors import PeerError
from drivers.plc.ciase import decode_ciase
from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.scapy_layers.ciase import ciase_layer
from drivers.plc.scapy_layers.dlms import apdu_layer
from drivers.plc.scapy_layers.mac import PlcMacFrame
from hal.plc_modem.host_frame import checksum
from hil.fuzz.frame_maker import hostile_frame, hostile_frames, line_octets
from hil.fuzz.hostile_frame import FuzzLayer, HostileFrame
from hil.fuzz.mutations import MUTATIONS, OCTETS_MAX
from tests.drivers.plc.layer_agreement import (
    ACSE_TAGS,
    agree_on_any_apdu,
    agree_on_ciase,
    agree_on_mac_fields,
)

RIGHT_CHECK = {
    "noise inside",
    "cut inside",
    "tail inside",
    "octets moved",
    "random inside",
    "deep nesting",
    "big counts",
}


def some_frames(layer: FuzzLayer, count: int = 250, seed: int = 1) -> list[HostileFrame]:
    return list(hostile_frames(seed, [layer], 0, count))


def test_the_same_seed_gives_the_same_frames_each_by_itself() -> None:
    """HIL-2: a frame is known by seed, layer and number, whatever came before it."""
    layers = list(FuzzLayer)
    frames = list(hostile_frames(7, layers, 3, 12))
    assert frames == list(hostile_frames(7, layers, 3, 12))
    assert [(each.layer, each.number) for each in frames[:5]] == [
        (FuzzLayer.MAC, 3),
        (FuzzLayer.CIASE, 3),
        (FuzzLayer.DLMS, 3),
        (FuzzLayer.UART, 3),
        (FuzzLayer.MAC, 4),
    ]
    assert hostile_frame(7, FuzzLayer.DLMS, 5) == frames[10]
    assert [each.octets for each in hostile_frames(8, layers, 3, 12)] != [
        each.octets for each in frames
    ]


@pytest.mark.parametrize("layer", FuzzLayer)
def test_frames_are_varied_and_bounded(layer: FuzzLayer) -> None:
    """HIL-3: every way of being hostile comes, and hardly a frame comes twice."""
    frames = some_frames(layer)
    assert {each.recipe for each in frames} == set(MUTATIONS)
    assert len({each.octets for each in frames}) > 0.85 * len(frames)
    assert max(len(each.octets) for each in frames) <= OCTETS_MAX
    assert any(len(each.octets) > 300 for each in frames)


def test_checks_are_right_where_the_recipe_says_so() -> None:
    """A wrong check stops a decoder at once: most frames get past it."""
    for frame in some_frames(FuzzLayer.MAC):
        octets = frame.octets
        if frame.recipe in RIGHT_CHECK and len(octets) < OCTETS_MAX:
            assert octets[-3:] == fcs24(octets[2:-3]), frame.recipe
    for frame in some_frames(FuzzLayer.UART):
        octets = frame.octets
        if frame.recipe in RIGHT_CHECK and len(octets) < OCTETS_MAX:
            assert octets[-2:] == checksum(octets[1:-2]), frame.recipe


def test_decoders_take_a_good_share_for_good() -> None:
    """Frames that everybody refuses at the door would prove nothing."""
    counts: Counter[str] = Counter()
    for frame in some_frames(FuzzLayer.CIASE):
        try:
            decode_ciase(frame.octets)
        except PeerError:
            counts["refused"] += 1
        else:
            counts["taken"] += 1
    assert counts["taken"] > 40
    assert counts["refused"] > 40


def test_on_a_line_each_is_a_mac_frame() -> None:
    for layer in (FuzzLayer.CIASE, FuzzLayer.DLMS):
        for frame in some_frames(layer, 50):
            octets = line_octets(frame, 1)
            assert len(octets) <= OCTETS_MAX
            if len(octets) == OCTETS_MAX:
                continue  # cut: more than a record of the air carries
            packet = PlcMacFrame(octets)
            assert packet.fcs_good
            assert frame.octets in bytes(packet.payload)
    (mac,) = some_frames(FuzzLayer.MAC, 1)
    assert line_octets(mac, 1) == mac.octets
    (uart,) = some_frames(FuzzLayer.UART, 1)
    with pytest.raises(ValueError, match="power line"):
        line_octets(uart, 1)


def test_what_a_codec_takes_for_good_the_layers_read_alike() -> None:
    """HIL-3: the agreement of layers and codecs holds on hostile frames as well."""
    agreed: Counter[str] = Counter()
    for layer in (FuzzLayer.MAC, FuzzLayer.CIASE, FuzzLayer.DLMS):
        for frame in some_frames(layer, seed=2):
            try:
                _agree(layer, frame.octets)
            except PeerError:
                continue
            agreed[layer] += 1
    assert min(agreed[each] for each in (FuzzLayer.MAC, FuzzLayer.CIASE, FuzzLayer.DLMS)) > 30


def _agree(layer: FuzzLayer, octets: bytes) -> None:
    match layer:
        case FuzzLayer.CIASE:
            pdu = decode_ciase(octets)
            agree_on_ciase(ciase_layer(octets)(octets), pdu)
        case FuzzLayer.DLMS:
            decode_acse(octets) if octets[:1] and octets[0] in ACSE_TAGS else decode_apdu(octets)
            agree_on_any_apdu(apdu_layer(octets)(octets), octets)
        case _:
            packing = Packing.MODEL_A if len(octets) % 36 == 2 else Packing.MODEL_B
            frame = MacFrame.decode(octets, packing)
            packet = PlcMacFrame(octets)
            assert packet.fcs_good
            assert packet.packing == packing
            agree_on_mac_fields(packet, frame)
