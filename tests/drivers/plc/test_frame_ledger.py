"""PLC-2: how long frames may be is learnt from how short and long ones got through."""

import random
from statistics import mean

import pytest

from drivers.plc.frame_ledger import FrameLedger


def _exchange(ledger: FrameLedger, loss: float, subframes: int, rng: random.Random) -> None:
    ledger.exchanged(subframes, answered=all(rng.random() >= loss for _ in range(subframes)))


def _lived(loss: float, *subframes: int) -> FrameLedger:
    """Return a ledger of a line on which each sub-frame is lost with this chance."""
    rng, ledger = random.Random(2), FrameLedger()
    for _ in range(400):
        _exchange(ledger, loss, rng.choice(subframes), rng)
    return ledger


def test_a_node_never_asked_is_believed_to_lose_one_in_a_hundred() -> None:
    ledger = FrameLedger()
    assert ledger.lost_share == pytest.approx(0.01)
    assert ledger.chance(8) == pytest.approx(0.99**8)


def test_the_longer_the_likelier_it_is_lost() -> None:
    ledger = _lived(0.05, 8)
    chances = [ledger.chance(subframes) for subframes in range(9)]
    assert chances[0] == 1.0
    assert chances == sorted(chances, reverse=True)
    assert ledger.chance(6) == pytest.approx(ledger.chance(2) * ledger.chance(4))


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.1, 0.2])
@pytest.mark.parametrize("subframes", [(2,), (8,), (2, 3, 5, 8)])
def test_short_and_long_exchanges_tell_the_same_share(
    loss: float, subframes: tuple[int, ...]
) -> None:
    """What a silence took is unknown; in the mean the share comes out all the same."""
    rng, ledger = random.Random(3), _lived(loss, *subframes)
    shares = []
    for _ in range(3000):
        _exchange(ledger, loss, rng.choice(subframes), rng)
        shares.append(ledger.lost_share)
    assert mean(shares) == pytest.approx(loss, rel=0.25, abs=1e-4)


def test_a_line_that_gets_better_is_believed_soon() -> None:
    ledger = _lived(0.3, 8)
    bad = ledger.chance(8)
    for _ in range(60):
        ledger.exchanged(4, answered=True)
    assert bad < 0.3
    assert ledger.chance(8) > 0.7


def test_a_line_that_gets_worse_is_believed_soon() -> None:
    ledger = _lived(0.0, 8)
    good = ledger.chance(8)
    for _ in range(25):
        ledger.exchanged(8, answered=False)
        ledger.exchanged(8, answered=True)
    assert good > 0.97
    assert 0.4 < ledger.chance(8) < 0.65


def test_silence_for_ever_leaves_a_chance() -> None:
    """Or nothing would ever be asked again of whoever was out of reach."""
    ledger = FrameLedger()
    for _ in range(5000):
        ledger.exchanged(1, answered=False)
    assert ledger.lost_share == pytest.approx(0.9)
    assert ledger.chance(8) > 0.0
