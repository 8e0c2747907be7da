"""`gridgate-hil fuzz`: makes the frames, sends them where they are wanted, says what came of it."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from hil.air import AirBroken
from hil.fuzz.air_target import AirResult, shoot_line
from hil.fuzz.campaign import Finding, Result, shoot
from hil.fuzz.decoder_trials import ciase_decoders, dlms_decoders, mac_decoders, serial_decoders
from hil.fuzz.frame_maker import hostile_frames, line_octets
from hil.fuzz.hostile_frame import FuzzLayer, HostileFrame
from hil.fuzz.machine_trials import Machines
from hil.fuzz.options import FuzzOptions
from hil.fuzz.station import Station
from hil.fuzz.target_meter import target_server
from hil.fuzz.trial import Trial

EXIT_GOOD: Final = 0
EXIT_NOT_GOOD: Final = 1
EXIT_USAGE: Final = 2
_LAST_SHOWN: Final = 5


def run_fuzz(options: FuzzOptions) -> int:
    """Run one campaign; return the exit status."""
    if options.out is not None:
        return _write(options)
    if options.socket is not None:
        return _shoot_line(options)
    result = shoot(_frames(options), all_trials())
    _say(_as_object(result, options) if options.as_json else _as_text(result, options))
    return EXIT_NOT_GOOD if result.findings else EXIT_GOOD


def again(finding: Finding, seed: int) -> str:
    """Return the words that make the frame of a finding again."""
    frame = finding.frame
    return f"gridgate-hil fuzz --seed {seed} --layer {frame.layer} --start {frame.number} --count 1"


def all_trials() -> dict[FuzzLayer, list[Trial]]:
    """Return what takes frames of each layer; the machines among them are new."""
    machines = Machines(Station(target_server()))
    return {
        FuzzLayer.MAC: [*mac_decoders(), *machines.hearing_the_line()],
        FuzzLayer.CIASE: [*ciase_decoders(), *machines.hearing_ciase()],
        FuzzLayer.DLMS: [*dlms_decoders(), *machines.hearing_dlms()],
        FuzzLayer.UART: [*serial_decoders(), *machines.hearing_the_modem()],
    }


def _frames(options: FuzzOptions) -> Iterator[HostileFrame]:
    layers = [FuzzLayer(each) for each in options.layers]
    return hostile_frames(options.seed, layers, options.start, options.count)


def _write(options: FuzzOptions) -> int:
    assert options.out is not None
    try:
        with options.out.open("w", encoding="utf-8") as file:
            for frame in _frames(options):
                file.write(f"{frame.octets.hex().upper()}  # {_name(frame)}\n")
    except OSError as error:
        return _refuse(f"{options.out} cannot be written: {error.strerror}")
    told = {"frames": options.count, "seed": options.seed, "file": str(options.out)}
    _say(json.dumps(told) if options.as_json else f"{options.count} frames in {options.out}")
    return EXIT_GOOD


def _shoot_line(options: FuzzOptions) -> int:
    assert options.socket is not None
    frames = list(_frames(options))
    octets = [line_octets(each, options.seed) for each in frames]
    try:
        result = asyncio.run(shoot_line(octets, options.socket))
    except AirBroken as error:
        return _refuse(str(error))
    suspects = [] if result.broken is None else frames[: result.sent][-_LAST_SHOWN:]
    told = _line_object(result, suspects, options)
    _say(json.dumps(told) if options.as_json else _line_text(result, suspects, options))
    return EXIT_GOOD if result.broken is None else EXIT_NOT_GOOD


def _line_object(
    result: AirResult, suspects: list[HostileFrame], options: FuzzOptions
) -> dict[str, Any]:
    return {
        "seed": options.seed,
        "frames": result.sent,
        "seconds": round(result.seconds, 3),
        "broken": result.broken,
        "last_frames": [_frame_object(each) for each in suspects],
    }


def _line_text(result: AirResult, suspects: list[HostileFrame], options: FuzzOptions) -> str:
    rate = result.sent / max(result.seconds, 1e-9)
    sent = f"{result.sent} frames (seed {options.seed}) on the line in {result.seconds:.1f} s"
    lines = [f"{sent}, {rate:.0f} a second"]
    if result.broken is None:
        return f"{lines[0]}; the line is still there"
    lines.append(f"BROKEN: {result.broken}; the last frames were")
    lines += [f"  {_name(each)}: {each.octets.hex().upper()}" for each in suspects]
    return "\n".join(lines)


def _as_object(result: Result, options: FuzzOptions) -> str:
    findings = [
        {
            **_frame_object(each.frame),
            "trial": each.trial,
            "error": each.error,
            "place": each.place,
            "again": again(each, options.seed),
        }
        for each in result.findings
    ]
    return json.dumps(
        {
            "seed": options.seed,
            "frames": dict(result.frames),
            "accepted": dict(result.accepted),
            "seconds": round(result.seconds, 3),
            "growth_mib": round(result.growth_mib, 1),
            "findings": findings,
        }
    )


def _as_text(result: Result, options: FuzzOptions) -> str:
    count = sum(result.frames.values())
    rate = count / max(result.seconds, 1e-9)
    shares = [
        f"{layer} {number} ({result.accepted[layer]} taken for good)"
        for layer, number in result.frames.items()
    ]
    lines = [
        f"{count} frames (seed {options.seed}): {', '.join(shares)}",
        f"{result.seconds:.1f} s, {rate:.0f} a second, memory grew by {result.growth_mib:.1f} MiB",
    ]
    for each in result.findings:
        lines += [
            f"BROKEN {each.trial}: {each.error}",
            f"  in    {each.place}",
            f"  by    {_name(each.frame)}: {each.frame.octets.hex().upper()}",
            f"  again {again(each, options.seed)}",
        ]
    return "\n".join([*lines, f"{len(result.findings)} broken" if result.findings else "all well"])


def _frame_object(frame: HostileFrame) -> dict[str, Any]:
    return {
        "layer": str(frame.layer),
        "number": frame.number,
        "recipe": frame.recipe,
        "octets": frame.octets.hex().upper(),
    }


def _name(frame: HostileFrame) -> str:
    return f"{frame.layer} {frame.number}, {frame.recipe}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _refuse(reason: str) -> int:
    sys.stderr.write(f"gridgate-hil: {reason}\n")
    return EXIT_USAGE
