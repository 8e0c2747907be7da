"""`decode`: every known frame explained, every damaged one refused with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.command_line import gridgate

VECTORS = Path(__file__).parents[1] / "vectors" / "plc_vectors.json"
PROTOCOLS = {
    "phy": "plc",
    "llc": "plc",
    "ciase": "plc",
    "uart": "modem",
    "uart-status": "modem",
    "mac": "plc",
    "dlms-sn": "dlms",
    "acse": "dlms",
}
OTHER_PROFILE = "mac_hdlc_profile_discover_gurux"  # padded as model B


def vectors() -> list[Any]:
    found = json.loads(VECTORS.read_text(encoding="utf-8"))
    entries = found["vectors"] if isinstance(found, dict) else found
    return [entry for entry in entries if entry["layer"] in PROTOCOLS]


def explained(protocol: str, *words: str, stdin: str = "") -> list[dict[str, Any]]:
    ended = gridgate("decode", protocol, "--json", *words, stdin=stdin)
    objects = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.status == (0 if all(each["ok"] for each in objects) else 1)
    return objects


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: str(vector["name"]))
def test_every_vector_is_well_formed(vector: dict[str, Any]) -> None:
    """docs/plc.md 2 to 8, as an engineer on site sees it."""
    packing = ["--packing", "B"] if vector["name"] == OTHER_PROFILE else []
    protocol = PROTOCOLS[vector["layer"]]
    (frame,) = explained(protocol, vector["hex"], *packing)
    if vector["name"] == OTHER_PROFILE:
        # Its MAC frame is ours, what it carries (HDLC) is not: the reason says so.
        assert frame["layers"][0]["source"] == "C01 (initiator)"
        assert not frame["ok"]
        return
    assert frame["ok"], frame["reason"]
    assert frame["layers"]
    assert vector["hex"] in gridgate("decode", protocol, vector["hex"]).out


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: str(vector["name"]))
def test_a_damaged_frame_is_never_a_traceback(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["hex"])
    damaged = [octets[:end].hex() for end in range(1, len(octets))]
    damaged += [(octets[:at] + b"\xff" + octets[at + 1 :]).hex() for at in range(len(octets))]
    for frame in explained(PROTOCOLS[vector["layer"]], stdin="\n".join(damaged)):
        assert frame["ok"] == (frame["reason"] is None)


def test_layers_from_the_chip_to_the_register() -> None:
    mac_record = "48C000011490011005010220 08".replace(" ", "")
    body = bytes.fromhex("51" + mac_record)
    body = bytes([len(body) + 2]) + body
    frame = b"\x02" + body + (sum(body) & 0xFFFF).to_bytes(2, "little")
    (found,) = explained("modem", frame.hex())
    names = [layer["layer"] for layer in found["layers"]]
    assert names == ["modem frame", "message", "MAC frame", "LLC", "DLMS"]
    assert found["layers"][2]["source"] == "C00 (initiator)"
    assert found["layers"][4]["accesses"] == [{"name": "2008"}]


def test_what_the_line_damaged_is_said_and_the_good_layers_stay() -> None:
    good = "48C00001149001100501022008"
    (frame,) = explained("plc", "--host-record", good)
    assert frame["ok"]
    (frame,) = explained("plc", "--host-record", good[:-2])
    assert frame["reason"] == "1 octets missing at the end"
    assert [layer["layer"] for layer in frame["layers"]] == ["MAC frame", "LLC"]
    line = next(each["hex"] for each in vectors() if each["name"] == "mac_discover_ic0")
    (frame,) = explained("plc", line[:-2] + "00")
    assert frame["reason"] == "wrong frame check"


def test_octets_in_words_lines_and_files(tmp_path: Path) -> None:
    file = tmp_path / "captured.txt"
    file.write_text("# reset\n02 03 21 24 00  # from the host\n\n0x06\n", encoding="utf-8")
    assert len(explained("modem", "02", "03", "21", "24", "00")) == 1
    assert len(explained("modem", "0203212400", "06")) == 2
    assert len(explained("modem", "02:03:21:24:00")) == 1
    assert len(explained("modem", "--file", str(file))) == 2
    assert len(explained("modem", "15", "--file", str(file))) == 3
    assert len(explained("modem", stdin="06\n15\n")) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "an odd number of hexadecimal digits"),
        ("hello", "not hex"),
        (" ", "no octets"),
    ],
)
def test_what_is_no_octets_has_a_reason_too(text: str, reason: str) -> None:
    (frame,) = explained("dlms", text)
    assert (frame["ok"], frame["reason"], frame["input"]) == (False, reason, text)


def test_a_password_in_a_frame_is_not_shown() -> None:
    """SEC: a captured AARQ may be pasted into a ticket."""
    aarq = (
        "6036A1090607608574050801028A0207808B0760857405080201"
        "AC0A80083132333435363738BE10040E01000000065F1F04001C0320FFFF"
    )
    ended = gridgate("decode", "dlms", aarq, "--json")
    (frame,) = [json.loads(line) for line in ended.out.splitlines()]
    assert frame["ok"], frame["reason"]
    assert "12345678" not in ended.out
    assert json.dumps(frame["layers"]).count("3132333435363738") == 0


def test_a_file_that_is_not_there_is_status_2(tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    ended = gridgate("decode", "plc", "--file", str(path))
    assert ended.status == 2
    assert ended.err == f"gridgate: {path} cannot be read: No such file or directory\n"
