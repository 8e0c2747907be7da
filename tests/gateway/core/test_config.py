"""The configuration file: what it gives, and one sentence for everything that can be wrong."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import gateway
from drivers.dlms.password import Password
from drivers.plc.mac_frame import Packing
from gateway.core.clock import ClockTrust
from gateway.core.config import Config, load_config, read_control_socket
from gateway.core.errors import ConfigError
from hal.board import BoardKind

SHIPPED = Path(gateway.__file__).parent / "default.toml"


def write(directory: Path, text: str) -> Path:
    file = directory / "gridgate.toml"
    file.write_text(text, encoding="utf-8")
    return file


def faults_of(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    lines = str(caught.value).splitlines()
    head = f"gridgate: {file}: "
    for line in lines:
        assert line.startswith(head)
        assert "; " in line
    return [line.removeprefix(head) for line in lines]


def sections_of(config: Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in Config.__dataclass_fields__ if name != "file"}


def test_the_shipped_file_says_what_an_empty_one_means(tmp_path: Path) -> None:
    """OPS: the documented defaults are the true ones."""
    assert sections_of(load_config(SHIPPED)) == sections_of(load_config(write(tmp_path, "")))


def test_every_key_is_documented() -> None:
    from gateway.core.config import _known_keys  # noqa: PLC0415

    text = SHIPPED.read_text(encoding="utf-8")
    active = tomllib.loads(text)
    with_optional = tomllib.loads(
        re.sub(r"^# (?=\w+ = |\[head_end\.tls\])", "", text, flags=re.MULTILINE)
    )
    for section, keys in _known_keys().items():
        for name, default in keys.items():
            table: Any = with_optional
            for part in section.split("."):
                table = table[part]
            assert name in table, f"[{section}] {name} is not documented"
            if default is not None:
                assert name in active.get(section, {}), f"[{section}] {name} has a default"


def test_what_the_file_says_arrives_where_it_is_used(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        [concentrator]
        dc_id = "GG-7"
        system_title = "474701000007"
        data_directory = "data"
        control_socket = "/run/x.sock"
        [board]
        kind = "rig"
        plc_port = "modem"
        plc_baud_bps = 19200
        plc_t_req = "T_REQ"
        pin_chip = "pins"
        [plc]
        bit_rate_bps = 24000
        packing = "B"
        initiator_mac = 0xC01
        host_latency_s = 2
        [clock]
        trust = "none"
        """,
    )
    config = load_config(file)
    assert config.concentrator.system_title == bytes.fromhex("474701000007")
    assert config.concentrator.data_directory == tmp_path / "data"
    assert config.concentrator.control_socket == Path("/run/x.sock")
    assert config.board.kind is BoardKind.RIG
    assert (config.board.plc_port, config.board.pin_chip) == (
        str(tmp_path / "modem"),
        str(tmp_path / "pins"),
    )
    assert config.clock.trust is ClockTrust.NONE
    assert config.plc_modem.baud_bps == 19200
    assert config.plc_modem.bit_rate_bps == 24000
    assert config.plc_modem.initiator_mac == 0xC01
    assert config.line_timing.packing is Packing.MODEL_B
    assert config.line_timing.host_latency_s == 2.0
    assert read_control_socket(file) == Path("/run/x.sock")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "[board]\nplc_prot = '/dev/x'",
            "[board] plc_prot: unknown key; did you mean plc_port?",
            id="unknown key",
        ),
        pytest.param(
            "[plc]\nhistory_days = 4",
            "[plc] history_days: unknown key; it belongs into [collection]",
            id="key of another section",
        ),
        pytest.param(
            "[head_end]\nzzz = 4",
            "[head_end] zzz: unknown key; remove it; gateway/default.toml documents every key",
            id="key of no section",
        ),
        pytest.param(
            "[bord]\nx = 1",
            "[bord]: unknown section; did you mean [board]?",
            id="unknown section",
        ),
        pytest.param(
            "plc_port = 'x'",
            "plc_port: stands outside every section; move it below [board]",
            id="key outside",
        ),
        pytest.param(
            "board = 3",
            "[board]: is no section; write [board] on a line of its own and its keys below",
            id="section that is none",
        ),
        pytest.param(
            "[plc]\nbit_rate_bps = '2400'",
            '[plc] bit_rate_bps: wrong type: the text "2400" where a whole number belongs; '
            "write a whole number, for example bit_rate_bps = 2400",
            id="text for number",
        ),
        pytest.param(
            "[head_end]\nport = true",
            "[head_end] port: wrong type: true or false where a whole number belongs; "
            "write a whole number, for example port = 1883",
            id="truth for number",
        ),
        pytest.param(
            "[head_end]\nport = 65536",
            "[head_end] port: out of range: 65536; write at most 65535, for example port = 1883",
            id="out of range",
        ),
        pytest.param(
            "[plc]\nhost_latency_s = nan",
            "[plc] host_latency_s: out of range: nan; "
            "write a finite number, for example host_latency_s = 0.5",
            id="not a number",
        ),
        pytest.param(
            "[clock]\ntrust = 'gps'",
            '[clock] trust: unknown value "gps"; write "system" or "none"',
            id="unknown choice",
        ),
        pytest.param(
            "[concentrator]\nsystem_title = '4747'",
            '[concentrator] system_title: unreadable value "4747"; '
            'write 12 hexadecimal digits, for example system_title = "474701000001"',
            id="short title",
        ),
        pytest.param(
            "[concentrator]\ndc_id = 'a/b'",
            '[concentrator] dc_id: unusable name "a/b"; '
            'write 1 to 64 letters, digits and hyphens, for example dc_id = "GG-000001"',
            id="name that is no topic",
        ),
        pytest.param(
            "[head_end.tls]\ncertificate_file = 'x'",
            "[head_end.tls] ca_file: is missing; add the key ca_file",
            id="needed key",
        ),
        pytest.param(
            "[plc\n",
            "no valid TOML at line 1, column 5: expected ']' at the end of a table declaration; "
            "correct line 1, column 5",
            id="bad TOML",
        ),
        pytest.param(
            "[plc]\ndiscover_slots_min = 9\ndiscover_slots_max = 8",
            "[plc] discover_slots_min: 9 is more than discover_slots_max = 8; "
            "write the smaller number here",
            id="contradiction",
        ),
        pytest.param(
            "[board]\nkind = 'rig'\nplc_t_req = 'T_REQ'",
            '[board] plc_t_req: a pin of no chip; add pin_chip, or write "rts"',
            id="pin without chip",
        ),
        pytest.param(
            "[plc]\nnode_silent_ping_s = 80000.0\nnode_forgets_after_s = 86400.0\n"
            "node_lost_after_s = 70000.0",
            "[plc] node_lost_after_s: a node would be lost after 70000 s, before it is pinged; "
            "write more than node_silent_ping_s = 80000",
            id="lost before it is pinged",
        ),
        pytest.param(
            "[plc]\nnode_silent_ping_s = 21600.0",
            "[plc] node_silent_ping_s: a node forgets its address after 21600 s, before it is "
            "pinged; write less than node_forgets_after_s = 21600",
            id="forgotten before it is pinged",
        ),
    ],
)
def test_one_sentence_names_file_key_and_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    """Shown-by 7: what is wrong, where, and what to do."""
    assert faults_of(write(tmp_path, text)) == [sentence]


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "[plc]\npacking = 'C'\nmark_hz = 1\n[log]\nlevel = 'loud'\n")
    assert [fault.split(":")[0] for fault in faults_of(file)] == [
        "[plc] packing",
        "[plc] mark_hz",
        "[log] level",
    ]


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory)" in faults_of(tmp_path / "none.toml")[0]
    assert "cannot be read (Is a directory)" in faults_of(tmp_path)[0]
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert faults_of(tmp_path / "binary") == ["is no text file; save it as UTF-8"]


def test_a_password_typed_into_the_file_is_not_repeated(tmp_path: Path) -> None:
    """SEC: what looks like a secret is not shown."""
    file = write(tmp_path, "[head_end]\npassword = 'geheim'\npassword_file = 12345\n")
    assert "geheim" not in "".join(faults_of(file))
    assert "12345" not in "".join(faults_of(file))


def test_a_socket_path_that_no_socket_can_have(tmp_path: Path) -> None:
    file = write(tmp_path, f"[concentrator]\ncontrol_socket = '{'x' * 200}'")
    (fault,) = faults_of(file)
    assert fault.startswith("[concentrator] control_socket: longer than the 107 octets")


def credentials(directory: Path, text: str, mode: int = 0o600) -> Path:
    secret = directory / "credentials.toml"
    secret.write_text(text, encoding="utf-8")
    secret.chmod(mode)
    return write(directory, "[dlms]\ncredentials_file = 'credentials.toml'")


def test_passwords_by_meter_go_before_those_by_kind(tmp_path: Path) -> None:
    text = '[meters]\n"1KFM1" = "mine"\n[kinds]\n"C1/F1" = "ours"\n'
    config = load_config(credentials(tmp_path, text))
    find = config.credentials.password_for
    assert find(usn="1KFM1", config_id="C1", firmware="F1") == Password(b"mine")
    assert find(usn="1KFM2", config_id="C1", firmware="F1") == Password(b"ours")
    assert find(usn="1KFM2", config_id="C1", firmware="F2") is None
    assert find(usn="1KFM2") is None
    assert "mine" not in repr(config)
    assert "ours" not in repr(config)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o700])
def test_passwords_that_others_can_read_are_refused(tmp_path: Path, mode: int) -> None:
    """SEC: credentials and password files have mode 0600."""
    file = credentials(tmp_path, '[meters]\n"1KFM1" = "mine"\n', mode)
    secret = tmp_path / "credentials.toml"
    (fault,) = faults_of(file)
    assert fault == (
        f"[dlms] credentials_file: {secret} has mode 0{mode:o}, "
        f"so others may read the passwords in it; run chmod 600 {secret}"
    )
    password = tmp_path / "password"
    password.write_text("geheim\n", encoding="utf-8")
    password.chmod(mode)
    file = write(tmp_path, "[head_end]\nusername = 'u'\npassword_file = 'password'")
    assert faults_of(file)[0].startswith(f"[head_end] password_file: {password} has mode 0{mode:o}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[meters]\nX = 12345678\n", "[meters] X: wrong type where a password belongs; "),
        ("[meter]\nX = '12345678'\n", "[meter]: unknown section; "),
        ("meters = '12345678'\n", "[meters]: wrong type where a password belongs; "),
        ('[meters]\nX = "12345678\nY = 1', "no valid TOML at line 2, "),
    ],
)
def test_a_wrong_credentials_file_is_told_without_its_passwords(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = credentials(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    told = str(caught.value)
    assert told.startswith(f"gridgate: {tmp_path / 'credentials.toml'}: {sentence}")
    assert "12345678" not in told
    assert caught.value.__cause__ is None
