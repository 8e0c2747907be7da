"""HIL-3: the head-end's faults as they are named on a command line."""

import pytest

from hil.head_end.faults import Fault, FaultKind, parse_fault
from hil.head_end_process import main


@pytest.mark.parametrize(
    ("text", "fault", "acknowledgements"),
    [
        ("none", Fault(), 1),
        ("withhold", Fault(kind=FaultKind.WITHHOLD), 0),
        ("repeat", Fault(kind=FaultKind.REPEAT), 2),
        ("delay:1.5", Fault(kind=FaultKind.DELAY, delay_s=1.5), 1),
        ("die-before-commit", Fault(kind=FaultKind.DIE_BEFORE_COMMIT, deaths=1), 1),
        ("die-before-commit:4", Fault(kind=FaultKind.DIE_BEFORE_COMMIT, deaths=4), 1),
    ],
)
def test_faults_are_read(text: str, fault: Fault, acknowledgements: int) -> None:
    assert parse_fault(text) == fault
    assert fault.acknowledgements == acknowledgements


@pytest.mark.parametrize(
    "text",
    [
        *("", "explode", "delay", "delay:", "delay:-1", "delay:nan", "delay:1e9", "delay:9999999"),
        *("withhold:1", "die-before-commit:x", "die-before-commit:1.5"),
    ],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no fault|takes"):
        parse_fault(text)


def test_a_wrong_fault_ends_the_process_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--database", "d", "--control", "c", "--fault", "explode"])
    assert ended.value.code == 2
    assert "no fault 'explode'" in capsys.readouterr().err
