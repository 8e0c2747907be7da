"""Settings that go over to a replacement, and a configuration file written by the program."""

import dataclasses
import tomllib
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from drivers.plc.mac_frame import Packing
from gateway.core.config import Sections, _known_keys, load_config, read_sections, sections_of
from gateway.core.config_text import config_text
from gateway.core.errors import ConfigError
from gateway.core.taken_settings import (
    ALWAYS_SAID,
    KEPT,
    LINE,
    MACHINES_OWN,
    differences,
    line_faults,
    settings_told,
    told_settings,
    who_for_nodes,
    with_taken,
)

HERE = Path("/somewhere/gridgate.toml")
FAILED = """
[concentrator]
dc_id = "OLD"
system_title = "474701000009"
data_directory = "/old/data"
control_socket = "/old/sock"
[board]
kind = "rig"
plc_port = "/dev/old"
[plc]
bit_rate_bps = 1200
packing = "B"
mark_hz = 70000
initiator_mac = 0xC07
[dlms]
pdu_octets_max = 128
credentials_file = "/old/credentials"
[collection]
history_days = 7
[head_end]
host = "old.example"
port = 8883
username = "old"
password_file = "/old/password"
push_interval_s = 2.5
[head_end.tls]
ca_file = "/old/ca"
[storage]
pages_max = 5000
[log]
level = "debug"
"""
OWN = """
[concentrator]
dc_id = "OWN"
system_title = "474701000001"
data_directory = "data"
[board]
plc_port = "/dev/own"
[dlms]
credentials_file = "own"
[collection]
history_days = 99
[head_end]
host = "own.example"
username = "own"
"""


def sections(text: str, file: Path = HERE) -> Sections:
    return sections_of(tomllib.loads(text), file)


def merged(tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what a box tells, with some of it changed."""
    told = told_settings(sections(""))
    return told | {name: told.get(name, {}) | table for name, table in tables.items()}


def told(text: str = FAILED) -> Sections:
    return settings_told(told_settings(sections(text)), HERE)


def test_no_place_of_a_machine_is_told() -> None:
    """INV-6: whatever is a path, and what stands in such files."""
    assert "/old" not in repr(told_settings(sections(FAILED)))
    tables = told_settings(sections(FAILED))
    assert {
        f"{section}.{key}" for section in tables for key in tables[section]
    } & MACHINES_OWN == set()


def test_every_setting_that_is_a_path_belongs_to_the_machine() -> None:
    """INV-6: also those that will be thought of later; and every name is a setting's."""
    names = set()
    for section, settings in sections(""):
        for field in dataclasses.fields(settings):
            names.add(f"{section}.{field.name}")
            parts = {field.type, *typing.get_args(field.type)}
            if Path in parts or any(
                isinstance(part, type) and dataclasses.is_dataclass(part) for part in parts
            ):
                assert f"{section}.{field.name}" in MACHINES_OWN
            assert "password" not in field.name or f"{section}.{field.name}" in MACHINES_OWN
    assert names >= MACHINES_OWN | KEPT
    assert names == {
        f"{s}.{key}" for s, keys in _known_keys().items() if "." not in s for key in keys
    }


@pytest.mark.parametrize("name", sorted(MACHINES_OWN))
def test_a_document_that_names_a_machines_own_is_refused(name: str) -> None:
    """INV-6: nobody's stick says where this box keeps its store."""
    section, key = name.split(".")
    with pytest.raises(ConfigError, match="belongs to one machine only"):
        settings_told({section: {key: "/etc/shadow"}}, HERE)


@pytest.mark.parametrize(
    "tables",
    [{"plc": {"packing": "C"}}, {"plc": {"bit_rate": 1}}, {"site": {}}, {"plc": {"mark_hz": "1"}}],
)
def test_settings_out_of_their_range_are_refused(tables: dict[str, dict[str, Any]]) -> None:
    """INV-6: as in a file of one's own."""
    with pytest.raises(ConfigError, match=r"stick\.json"):
        settings_told(merged(tables), Path("/media/stick.json"))


@pytest.mark.parametrize("name", sorted(ALWAYS_SAID))
def test_a_document_that_leaves_out_whom_the_nodes_know_is_refused(name: str) -> None:
    """INV-6: a default would lock the line out."""
    section, key = name.split(".")
    tables = told_settings(sections(FAILED))
    del tables[section][key]
    with pytest.raises(ConfigError, match=f"{key}: is missing"):
        settings_told(tables, HERE)


def test_a_replacement_is_the_other_one_for_its_nodes() -> None:
    """INV-6: line, schedule and name on the line go over; access and places stay."""
    taken = with_taken(sections(OWN), told(), HERE, take_dc_id=False)
    assert who_for_nodes(taken) == (bytes.fromhex("474701000009"), 0xC07)
    assert (taken.plc.bit_rate_bps, taken.plc.packing) == (1200, Packing.MODEL_B)
    assert (taken.collection.history_days, taken.dlms.pdu_octets_max) == (7, 128)
    assert taken.head_end.push_interval_s == 2.5
    assert taken.concentrator.dc_id == "OWN"
    assert taken.concentrator.data_directory == Path("/somewhere/data")
    assert (taken.head_end.host, taken.head_end.port) == ("own.example", 1883)
    assert (taken.head_end.username, taken.head_end.tls) == ("own", None)
    assert taken.dlms.credentials_file == Path("/somewhere/own")
    assert str(taken.board.plc_port) == "/dev/own"
    assert taken.storage.pages_max == 262_144
    assert line_faults(taken, told(), HERE) == []


def test_its_name_for_the_head_end_goes_over_when_asked() -> None:
    """INV-6."""
    assert with_taken(sections(OWN), told(), HERE, take_dc_id=True).concentrator.dc_id == "OLD"


def test_a_line_that_would_not_hear_is_told_key_by_key() -> None:
    """INV-6: with what to write."""
    faults = line_faults(sections(OWN), told(), HERE)
    assert [fault.key for fault in faults] == [
        "[plc] bit_rate_bps",
        "[plc] packing",
        "[plc] mark_hz",
    ]
    assert faults[0].sentence() == (
        f"gridgate: {HERE}: [plc] bit_rate_bps: the nodes were used to 1200, not to 2400;"
        " write bit_rate_bps = 1200 below [plc], or use --write-config"
    )
    assert 'write packing = "B"' in faults[1].remedy


def test_differences_are_told_in_words() -> None:
    """INV-6: what a dry run shows; the machine's own is no difference."""
    lines = differences(sections(OWN), told())
    assert (
        '[concentrator] system_title is "474701000001" here, and was "474701000009" there' in lines
    )
    assert '[head_end] host is "own.example" here, and was "old.example" there' in lines
    assert not any("old/" in line or "plc_port" in line for line in lines)
    assert differences(sections(OWN), settings_told(told_settings(sections(OWN)), HERE)) == []


@pytest.mark.parametrize("text", ["", OWN, FAILED])
def test_a_written_file_says_the_same(tmp_path: Path, text: str) -> None:
    """INV-6: read back, and nothing that is the default stands in it."""
    file = tmp_path / "written.toml"
    file.write_text(config_text(sections(text), "a heading\nof two lines"), encoding="utf-8")
    assert file.read_text(encoding="utf-8").startswith("# a heading\n# of two lines\n")
    assert read_sections(file) == sections(text)
    if not text:
        assert tomllib.loads(file.read_text(encoding="utf-8")) == {}


def test_who_a_box_is_stands_in_a_written_file_even_if_it_is_the_default() -> None:
    """INV-6: a later program may have other defaults, and the nodes would not answer it."""
    tables = tomllib.loads(config_text(sections(""), "x", ALWAYS_SAID))
    assert tables["concentrator"] == {"dc_id": "GG-000001", "system_title": "474701000001"}
    assert tables["plc"].keys() == {*LINE, "initiator_mac"}


def test_a_written_file_passes_the_check(tmp_path: Path) -> None:
    """INV-6."""
    file = tmp_path / "written.toml"
    plain = '[board]\nkind = "rig"\n[concentrator]\ndata_directory = "data"\n'
    taken = with_taken(sections(plain, file), told(), file, take_dc_id=True)
    file.write_text(config_text(taken, "x"), encoding="utf-8")
    assert load_config(file).plc == taken.plc


@given(
    text=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
    ),
    number=st.floats(0.001, 86_400),
)
def test_any_text_and_number_comes_back(text: str, number: float) -> None:
    """INV-6: names of brokers and of files may hold what they like."""
    tables = {"head_end": {"host": text, "username": text, "ack_timeout_s": number}}
    made = sections_of(tables, HERE)
    assert sections(config_text(made, "x")) == made


def test_the_shipped_defaults_have_no_difference() -> None:
    """INV-6."""
    shipped = read_sections(Path(gateway.__file__).parent / "default.toml")
    assert differences(shipped, sections("")) == []
