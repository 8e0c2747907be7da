"""The airtime of frames, against the vectors and the worked table."""

import pytest

from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import Packing, subframe_count
from tests.drivers.vector_file import Vector, name_of, of_layer


@pytest.mark.parametrize("vector", of_layer("phy-time"), ids=name_of)
def test_vectors(vector: Vector) -> None:
    wanted = vector["decoded"]
    timing = LineTiming(bit_rate_bps=wanted["bit_rate"], packing=Packing.MODEL_A)
    octets = wanted["m_sdu_bytes"]
    assert subframe_count(octets, Packing.MODEL_A) == wanted["subframes"]
    assert timing.frame_s(octets, wanted["initial_credit"]) == pytest.approx(wanted["seconds"])


@pytest.mark.parametrize(
    ("bit_rate_bps", "slot_s"), [(300, 1.2), (2400, 0.15), (4800, 0.075), (24_000, 0.015)]
)
def test_slot(bit_rate_bps: int, slot_s: float) -> None:
    assert LineTiming(bit_rate_bps=bit_rate_bps).slot_s == pytest.approx(slot_s)


def test_packing_counts() -> None:
    """Source: docs/plc.md 1.4, worked table, which plans with model B."""
    timing = LineTiming(bit_rate_bps=2400, packing=Packing.MODEL_B)
    ends = (26, 62, 98, 134, 170, 206, 242)
    assert [round(timing.frame_s(end, 5) / 0.9) for end in ends] == [1, 2, 3, 4, 5, 6, 7]
    assert timing.frame_s(27, 5) == pytest.approx(1.8)


def test_an_answer_is_awaited_longer_than_question_and_answer_take() -> None:
    """Source: docs/plc.md 1.4: IC*n_req*T + (1+IC)*n_rsp*T + 2*T after the first transmission."""
    timing = LineTiming(bit_rate_bps=2400, host_latency_s=0.25)
    slot_s = timing.slot_s
    after_confirm_s = 2 * 1 * slot_s + 3 * 7 * slot_s + 2 * slot_s
    due_s = timing.answer_due_s(8, 242, 2)
    assert due_s == pytest.approx(after_confirm_s + (1 + 2) * slot_s + 0.25)


def test_answer_windows() -> None:
    """INV-1: twenty windows for reports of credit 3 at 2400 bit/s take twelve seconds."""
    timing = LineTiming(bit_rate_bps=2400)
    assert timing.discover_window_s(20, 3) == pytest.approx(12.0)
    assert timing.repetitions_left_s(242, 2) == pytest.approx(2 * 1.05)
