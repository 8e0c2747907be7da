"""The schedule of a demo: what is announced, and that a seed always plans the same."""

from dataclasses import replace

import pytest

from hil.__main__ import main
from hil.demo.options import DemoOptions, default_deadline_s
from hil.demo.schedule import Deed, kill_moments, plan_schedule

DEEDS_IN_ORDER = [
    Deed.PLUG_IN,
    Deed.POWER_OFF,
    Deed.POWER_ON,
    Deed.CUT_WAN,
    Deed.MEND_WAN,
    Deed.KILL_DAEMON,
    Deed.STOP_CAPTURE,
]


def test_all_that_the_demo_promises_is_on_the_schedule() -> None:
    """A late meter, a power loss, a WAN cut of 15 s, one SIGKILL; capture stops 25 s early."""
    steps = plan_schedule(DemoOptions(), late="A", unlucky="B")
    assert [step.deed for step in steps] == DEEDS_IN_ORDER
    at_s = {step.deed: step.at_s for step in steps}
    assert at_s[Deed.STOP_CAPTURE] == 120 - 25
    assert at_s[Deed.MEND_WAN] - at_s[Deed.CUT_WAN] == 15
    assert at_s[Deed.POWER_ON] - at_s[Deed.POWER_OFF] > 10, "at least one row must be missed"


def test_a_larger_line_has_more_time() -> None:
    """6.5 s for each meter over 12."""
    assert default_deadline_s(3) == default_deadline_s(12) == 120
    assert default_deadline_s(40) == 120 + 28 * 6.5


def test_a_slower_line_has_more_time() -> None:
    """At the field's rate everything takes longer, the catching up at the end as well."""
    field = DemoOptions(line_rate_bps=2400, deadline_s=default_deadline_s(3, 2400))
    assert field.deadline_s == 600
    assert field.capture_stops_at_s == 450
    assert DemoOptions(line_rate_bps=48_000).capture_stops_at_s == 95


def test_kills_are_random_and_the_seed_decides() -> None:
    """Five moments, all within the run; another seed has others."""
    options = DemoOptions(kills=5, deadline_s=60)
    moments = kill_moments(options)
    assert len(set(moments)) == 5
    assert moments == sorted(moments) == kill_moments(options)
    assert moments != kill_moments(replace(options, seed=2))
    assert 0 < moments[0] < moments[-1] < 60 - 15
    steps = plan_schedule(options, late=None, unlucky=None)
    assert [step.at_s for step in steps if step.deed is Deed.KILL_DAEMON] == moments


def test_nothing_is_done_that_is_not_wanted() -> None:
    """No kills, no cut, nobody to plug in: only the end of the capture stays."""
    steps = plan_schedule(DemoOptions(kills=0, wan_cut_s=0), late=None, unlucky=None)
    assert [step.deed for step in steps] == [Deed.STOP_CAPTURE]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--meters 0", "--meters"),
        ("--meters many", "--meters"),
        ("--line-rate 100", "--line-rate"),
        ("--deadline-s 20", "--deadline-s"),
        ("--kills -1", "--kills"),
        ("--colour", "unrecognized"),
    ],
)
def test_a_wrong_option_is_named(
    words: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, and the option in the message."""
    with pytest.raises(SystemExit) as end:
        main(["demo", *words.split()])
    assert end.value.code == 2
    assert complaint in capsys.readouterr().err
