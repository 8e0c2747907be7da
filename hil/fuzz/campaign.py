"""Shoots hostile frames at our own decoders and keeps what broke, so that it can be done again."""

import time
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hil.fuzz.hostile_frame import FuzzLayer, HostileFrame
from hil.fuzz.trial import REFUSALS, Trial
from hil.fuzz.watchdog import GROWTH_MAX_MIB, Growth, Hang, hangs_are_noticed, limited

FINDINGS_MAX: Final = 10  # of different places; then a campaign ends
_LOOK_EVERY: Final = 500  # frames between two looks at the size of the process
_WARM_AFTER: Final = 1000  # frames after which caches have their size


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that must not be.

    Attributes:
        frame: what did it.
        trial: the decoder or machine that failed.
        error: what came instead of an answer.
        place: file, line and function of our code in which it came.
    """

    frame: HostileFrame
    trial: str
    error: str
    place: str


@dataclass(slots=True)
class Result:
    """What a campaign has shown.

    Attributes:
        frames: how many were shot.
        accepted: by layer, how many frames some decoder took for good.
        findings: each from another place.
        seconds: how long it took.
        growth_mib: by how much the process grew once it was warm.
    """

    frames: Counter[FuzzLayer] = field(default_factory=Counter)
    accepted: Counter[FuzzLayer] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    growth_mib: float = 0.0


def shoot(frames: Iterable[HostileFrame], trials: Mapping[FuzzLayer, Sequence[Trial]]) -> Result:
    """Give every frame to all that takes frames of its layer; return what came of it."""
    result = Result()
    growth = Growth()
    began_at = time.monotonic()
    with hangs_are_noticed():
        for index, frame in enumerate(frames):
            _shoot_one(frame, trials[frame.layer], result)
            if index >= _WARM_AFTER and index % _LOOK_EVERY == 0:
                result.growth_mib = growth.look()
                _notice_growth(frame, result)
            if len(result.findings) >= FINDINGS_MAX:
                break
    result.seconds = time.monotonic() - began_at
    return result


def _shoot_one(frame: HostileFrame, trials: Sequence[Trial], result: Result) -> None:
    accepted = False
    for trial in trials:
        try:
            with limited():
                taken = trial.run(frame.octets)
            accepted = accepted or (taken and trial.may_refuse)
        except Hang as hang:
            _note(frame, trial, hang, result)
        except Exception as error:  # noqa: BLE001  (whatever comes is what is looked for)
            if not (trial.may_refuse and isinstance(error, REFUSALS)):
                _note(frame, trial, error, result)
    result.frames[frame.layer] += 1
    result.accepted[frame.layer] += accepted


def _note(frame: HostileFrame, trial: Trial, error: BaseException, result: Result) -> None:
    place = _place(error, trial)
    if any(each.place == place for each in result.findings):
        return
    text = f"{type(error).__name__}: {error}"
    finding = Finding(frame=frame, trial=trial.name, error=text, place=place)
    result.findings.append(finding)


def _place(error: BaseException, trial: Trial) -> str:
    if isinstance(error, Hang):
        return f"somewhere in {trial.name}"  # each time in another line
    deepest = traceback.extract_tb(error.__traceback__)[-1]
    return f"{deepest.filename}:{deepest.lineno} in {deepest.name}"


def _notice_growth(frame: HostileFrame, result: Result) -> None:
    if result.growth_mib <= GROWTH_MAX_MIB:
        return
    error = f"the process has grown by {result.growth_mib:.0f} MiB"
    finding = Finding(frame=frame, trial="all of them", error=error, place="the process")
    if all(each.place != finding.place for each in result.findings):
        result.findings.append(finding)
