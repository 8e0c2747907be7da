"""A campaign finds what breaks, says how to make it again, and finds nothing in our decoders."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.errors import LocalUseError, MalformedFrame
from drivers.plc import ciase
from hal.errors import MalformedModemFrame
from hil.__main__ import main
from hil.fuzz.campaign import Result, shoot
from hil.fuzz.command import all_trials
from hil.fuzz.frame_maker import hostile_frame, hostile_frames
from hil.fuzz.hostile_frame import FuzzLayer
from hil.fuzz.trial import ContractBroken, Trial, decoder, machine

LAYERS = list(FuzzLayer)


def shoot_at(trial: Trial, count: int = 20, layer: FuzzLayer = FuzzLayer.CIASE) -> Result:
    return shoot(hostile_frames(1, [layer], 0, count), {layer: [trial]})


def failing(error: Exception) -> Callable[[bytes], bool]:
    def run(_octets: bytes) -> bool:
        raise error

    return run


def test_our_decoders_and_machines_keep_their_contracts() -> None:
    """HIL-3: hostile frames of every layer; the long campaign is gridgate-hil fuzz itself."""
    result = shoot(hostile_frames(42, LAYERS, 0, 600), all_trials())
    assert result.findings == []
    assert dict(result.frames) == dict.fromkeys(LAYERS, 150)
    assert all(0 < result.accepted[layer] < 150 for layer in LAYERS)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1001, 1002])
def test_a_long_campaign(seed: int) -> None:
    """HIL-3: a hundred thousand hostile frames; nothing breaks, hangs or grows."""
    result = shoot(hostile_frames(seed, LAYERS, 0, 100_000), all_trials())
    assert result.findings == []
    assert result.growth_mib < 16


@pytest.mark.parametrize("error", [MalformedFrame("no"), MalformedModemFrame("no")])
def test_a_documented_refusal_is_a_good_answer_of_a_decoder_only(error: Exception) -> None:
    assert shoot_at(decoder("d", failing(error))).findings == []
    (finding,) = shoot_at(machine("m", failing(error))).findings
    assert (finding.trial, finding.frame.number) == ("m", 0)


@pytest.mark.parametrize(
    "error", [ValueError("x"), LocalUseError("x"), RecursionError("x"), ContractBroken("x")]
)
def test_any_other_error_is_a_finding_once_for_each_place(error: Exception) -> None:
    (finding,) = shoot_at(decoder("d", failing(error))).findings
    assert finding.error == f"{type(error).__name__}: x"
    assert finding.place.startswith(__file__)
    assert finding.place.endswith("in run")


def test_a_decoder_that_does_not_come_back_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `except Exception` on the way may swallow it."""
    monkeypatch.setattr("hil.fuzz.watchdog.CPU_MAX_S", 0.05)

    def turn_for_ever(_octets: bytes) -> bool:
        while True:
            try:
                sum(range(100))
            except Exception:  # noqa: BLE001
                return False

    (finding,) = shoot_at(decoder("d", turn_for_ever), count=3).findings
    assert finding.error == "Hang: no end after 0.05 s of processor time"


def test_a_process_that_grows_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.fuzz.campaign._LOOK_EVERY", 1)
    monkeypatch.setattr("hil.fuzz.campaign._WARM_AFTER", 1)
    kept: list[bytes] = []

    def keep(_octets: bytes) -> bool:
        kept.append(b"x" * 40 * 1024 * 1024)  # so much is never taken from what was freed before
        return True

    (finding, *_) = shoot_at(decoder("d", keep), count=5).findings
    assert "has grown by" in finding.error


def test_a_campaign_ends_when_too_much_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.fuzz.campaign.FINDINGS_MAX", 1)
    result = shoot_at(decoder("d", failing(KeyError(1))))
    assert (len(result.findings), result.frames[FuzzLayer.CIASE]) == (1, 1)


def test_a_weakened_decoder_is_found_and_the_words_make_the_frame_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fuzzer sees: without the check of ranges, a decoder takes what it cannot say again."""
    monkeypatch.setattr(ciase, "_bounded", lambda value, _limit, _what: value)
    assert main(["fuzz", "--layer", "ciase", "--count", "400", "--seed", "3", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    found = told["findings"][0]
    assert found["error"].startswith(("LocalUseError: ", "ValueError: "))
    words = found["again"].split()
    assert words[:2] == ["gridgate-hil", "fuzz"]
    assert main(words[1:]) == 1
    out = capsys.readouterr().out
    assert found["octets"] in out
    assert "BROKEN decode_ciase" in out
    monkeypatch.undo()
    assert main(words[1:]) == 0
    assert capsys.readouterr().out.endswith("all well\n")


def test_a_server_that_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine must never raise: here a length is taken without being checked."""
    monkeypatch.setattr("drivers.dlms.sn_server.decode_apdu", lambda apdu: [][len(apdu)])
    result = shoot(hostile_frames(1, [FuzzLayer.DLMS], 0, 100), all_trials())
    assert {each.error.partition(":")[0] for each in result.findings} == {"IndexError"}
    assert {each.trial for each in result.findings} <= {"SnServer", "PlcNode and SnServer"}


def test_the_report_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fuzz", "--count", "40", "--seed", "9"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"40 frames \(seed 9\): mac 10 \(\d+ taken for good\), ciase 10 .*", first)
    assert re.fullmatch(r"[\d.]+ s, \d+ a second, memory grew by [\d.]+ MiB", second)
    assert last == "all well"


def test_frames_in_a_file_are_what_decode_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hostile.txt"
    assert main(["fuzz", "--layer", "dlms", "--count", "5", "--out", str(file)]) == 0
    assert capsys.readouterr().out == f"5 frames in {file}\n"
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [bytes.fromhex(line.partition("#")[0]) for line in lines] == [
        hostile_frame(1, FuzzLayer.DLMS, number).octets for number in range(5)
    ]
    assert main(["fuzz", "--out", "/nowhere/file"]) == 2
    assert capsys.readouterr().err.startswith("gridgate-hil: /nowhere/file cannot be written")


@pytest.mark.parametrize(
    "words",
    [
        ["--target", "moon"],
        ["--target", "air:"],
        ["--count", "0"],
        ["--start", "-1"],
        ["--layer", "uart", "--target", "air:x"],
        ["--out", "x", "--target", "air:y"],
    ],
)
def test_words_that_make_no_sense_are_status_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fuzz", *words])
    assert ended.value.code == 2


def test_a_line_that_is_not_there_is_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fuzz", "--count", "3", "--target", f"air:{tmp_path / 'none'}"]) == 2
    assert "no line at" in capsys.readouterr().err


@pytest.mark.rig
def test_without_scapy_it_says_how_to_install_it() -> None:
    """The extra `capture` is optional: one clear sentence, exit status 2."""
    program = (
        "import sys\nsys.modules['scapy'] = None\n"
        "from hil.__main__ import main\nsys.exit(main(['fuzz', '--count', '1']))"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "pip install 'gridgate[capture]'" in ended.stderr
