"""How long a node that fails is left alone."""

from gateway.meters.node_link import NodeLink


def test_silence_is_forgiven_by_an_answer() -> None:
    """PLC-1."""
    link = NodeLink(system_title=b"ABCDEF", mac=1)
    link.failed(100.0, silent=True)
    link.failed(110.0, silent=True)
    assert (link.retry_at_s, link.silent_since_s) == (114.0, 100.0)
    link.answered(120.0)
    assert (link.retry_at_s, link.silent_since_s) == (0.0, None)
    link.failed(130.0, silent=True)
    assert link.retry_at_s == 132.0


def test_useless_answers_are_forgiven_by_a_good_turn_only() -> None:
    """PLC-7: who answers each request, and each with nonsense, is asked less and less."""
    link = NodeLink(system_title=b"ABCDEF", mac=1)
    for rest_s in (2, 4, 8, 16):
        link.answered(100.0)
        link.failed(100.0, silent=False)
        assert link.retry_at_s == 100.0 + rest_s
    assert link.silent_since_s is None
    link.satisfied()
    link.failed(100.0, silent=False)
    assert link.retry_at_s == 102.0
