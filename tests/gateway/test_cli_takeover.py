"""`export` and `import` as an operator uses them, with a box that is alive or dead."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.core.config import read_sections
from gateway.store.takeover_document import DOCUMENT_OCTETS_MAX, from_octets, to_octets
from tests.gateway.command_line import Ended, gridgate
from tests.gateway.store.left_store import fill, open_left
from tests.gateway.store.store_tools import ask, open_database, run

SECRETS = ("geheim-meter", "geheim-kind", "geheim-broker", "geheim-key")

FAILED = """
[concentrator]
dc_id = "OLD"
system_title = "474701000009"
data_directory = "data"
[plc]
bit_rate_bps = 1200
initiator_mac = 0xC07
[dlms]
credentials_file = "credentials.toml"
[head_end]
host = "broker.example"
username = "old-name"
password_file = "mqtt_password"
[head_end.tls]
ca_file = "ca.pem"
key_file = "own.key"
"""
OWN = """
[concentrator]
dc_id = "OWN"
system_title = "474701000001"
data_directory = "data"
"""


class Boxes:
    """A failed box and its replacement, each in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed = folder / "failed" / "gridgate.toml"
        self.own = folder / "own" / "gridgate.toml"
        for file, text in ((self.failed, FAILED), (self.own, OWN)):
            file.parent.mkdir()
            file.write_text(text)
        (self.failed.parent / "data").mkdir()
        fill(self.failed.parent / "data" / "gridgate.db")
        self.document = folder / "left.json"
        self.written = folder / "own" / "taken.toml"
        self.store = folder / "own" / "data" / "gridgate.db"

    def export(self, *words: object) -> Ended:
        return gridgate(
            "export", "--config", str(self.failed), "--out", str(self.document), *map(str, words)
        )

    def take(self, *words: object, config: Path | None = None) -> Ended:
        """Import; with a configuration that fits, unless another is named."""
        return gridgate(
            "import", str(self.document), "--config", str(config or self.own), *map(str, words)
        )

    def take_all(self, *words: object) -> Ended:
        return self.take("--write-config", self.written, *words)

    def everything(self) -> dict[str, bytes]:
        """Return all files of the replacement."""
        files = [path for path in self.own.parent.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@pytest.fixture
def boxes(tmp_path: Path) -> Boxes:
    return Boxes(tmp_path)


def test_a_box_is_replaced(boxes: Boxes) -> None:
    """INV-6: node list and settings of one box, loaded into the next."""
    ended = boxes.export()
    assert (ended.status, ended.err) == (0, "")
    assert "rows to read again" in ended.out
    assert stat.S_IMODE(boxes.document.stat().st_mode) == 0o600
    ended = boxes.take_all()
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.endswith("\ntaken over\n")
    assert ask(boxes.store, "SELECT mac, state FROM node ORDER BY mac") == [(1, "NEW"), (2, "LOST")]
    taken = read_sections(boxes.written)
    assert taken.concentrator.system_title.hex() == "474701000009"
    assert (taken.plc.bit_rate_bps, taken.plc.initiator_mac) == (1200, 0xC07)
    assert taken.concentrator.dc_id == "OWN"
    assert taken.concentrator.data_directory == boxes.store.parent
    assert gridgate("check-config", str(boxes.written)).out == "ok\n"


def test_the_answers_as_json(boxes: Boxes) -> None:
    """INV-6: for whoever does this to many boxes."""
    left = json.loads(boxes.export("--json").out)
    assert (left["nodes"], left["meters"], left["slaves"], left["streams"]) == (2, 2, 1, 2)
    assert (left["dc_id"], left["rows_to_read_again"]) == ("OLD", 20)
    assert left["octets"] == boxes.document.stat().st_size
    done = json.loads(boxes.take_all("--json").out)
    assert done["taken_over"] is True
    assert done["from"]["epoch"] == left["epoch"]
    assert done["config_written"] == str(boxes.written)
    assert [node["usn"] for node in done["nodes"]] == ["LG1", "LG2"]
    assert done["conflicts"] == []


def test_secrets_never_travel(boxes: Boxes) -> None:
    """INV-6, SEC-2: no password, no path to one, though every file is there."""
    folder = boxes.failed.parent
    (folder / "credentials.toml").write_text(
        '[meters]\n"LG1" = "geheim-meter"\n[kinds]\n"C1/F1" = "geheim-kind"\n'
    )
    (folder / "mqtt_password").write_text("geheim-broker\n")
    (folder / "own.key").write_text("geheim-key\n")
    ended = boxes.export()
    text = boxes.document.read_text()
    for secret in (*SECRETS, "old-name", "credentials", "mqtt_password", "own.key", str(folder)):
        assert secret not in text
        assert secret not in ended.out + ended.err or secret == str(folder)
    assert "broker.example" in text


def test_files_that_the_configuration_names_need_not_be_there(boxes: Boxes) -> None:
    """INV-6: of a dead box only the card may be left."""
    assert not (boxes.failed.parent / "credentials.toml").exists()
    assert boxes.export().status == 0


def test_a_card_of_a_dead_box(boxes: Boxes) -> None:
    """INV-6: its store is somewhere else, and stays as it was."""
    card = boxes.folder / "card"
    card.mkdir()
    (boxes.failed.parent / "data" / "gridgate.db").rename(card / "gridgate.db")
    before = [(path.name, path.read_bytes()) for path in card.iterdir()]
    assert boxes.export("--store", card / "gridgate.db").status == 0
    assert [(path.name, path.read_bytes()) for path in card.iterdir()] == before
    assert len(from_octets(boxes.document.read_bytes()).nodes) == 2


def test_a_daemon_that_runs_can_be_left_but_is_no_card(boxes: Boxes) -> None:
    """INV-6: it goes on meanwhile."""
    store = boxes.failed.parent / "data" / "gridgate.db"

    async def main() -> None:
        async with open_left(store):
            ended = boxes.export("--store", store)
            assert (ended.status, ended.out) == (1, "")
            assert "a daemon runs on it; leave --store out" in ended.err
            assert not boxes.document.exists()
            assert boxes.export().status == 0

    run(main())


def test_an_export_overwrites_only_when_told_to(boxes: Boxes) -> None:
    """INV-6: the document of last night may be all there is."""
    boxes.document.write_text("precious")
    ended = boxes.export()
    assert ended.status == 1
    assert "--force" in ended.err
    assert boxes.document.read_text() == "precious"
    assert boxes.export("--force").status == 0


def test_without_a_name_the_document_is_called_as_its_box(
    boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-6."""
    monkeypatch.chdir(boxes.folder)
    assert gridgate("export", "--config", str(boxes.failed)).status == 0
    assert (boxes.folder / "OLD.takeover.json").is_file()


def test_there_is_nothing_to_export(boxes: Boxes) -> None:
    """INV-6: one sentence, and no empty store is made."""
    ended = gridgate("export", "--config", str(boxes.own), "--out", str(boxes.document))
    assert ended.status == 1
    assert ended.err == f"gridgate: {boxes.store}: there is no such file\n"
    assert list(boxes.own.parent.iterdir()) == [boxes.own]


def test_a_dry_run_changes_nothing(boxes: Boxes) -> None:
    """INV-6: not an octet, whether there is a store already or not."""
    boxes.export()
    for made in (False, True):
        if made:
            run(_make(boxes.store))
        before = boxes.everything()
        ended = boxes.take_all("--dry-run")
        assert (ended.status, ended.err) == (0, "")
        assert ended.out.endswith("dry run: nothing was changed\n")
        assert "4e4f44453031  001  REGISTERED  LG1         1        2" in ended.out
        assert "[concentrator] dc_id" in ended.out
        assert boxes.everything() == before
        assert boxes.store.exists() is made


async def _make(store: Path) -> None:
    async with open_database(store):
        pass


def test_a_dry_run_shows_conflicts(boxes: Boxes) -> None:
    """INV-6: a store that holds something is not mixed with another."""
    boxes.export()
    boxes.store.parent.mkdir()
    fill(boxes.store)
    before = boxes.everything()
    ended = boxes.take_all("--dry-run", "--json")
    assert ended.status == 1
    (conflict,) = json.loads(ended.out)["conflicts"]
    assert "2 in node, 3 in meter, 1 in kind, 2 in stream, 40 in reading" in conflict
    ended = boxes.take_all()
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == f"gridgate: {conflict}\n"
    assert "move gridgate.db* away" in conflict
    assert boxes.everything() == before


def test_a_second_import_is_refused(boxes: Boxes) -> None:
    """INV-6."""
    boxes.export()
    assert boxes.take_all().status == 0
    before = ask(boxes.store, "SELECT * FROM stream")
    assert boxes.take_all("--force").status == 1
    assert ask(boxes.store, "SELECT * FROM stream") == before


def test_a_running_daemon_is_refused(boxes: Boxes) -> None:
    """INV-6: its lock tells; a dry run tells the same."""
    boxes.export()

    async def main() -> None:
        async with open_database(boxes.store):
            for words in ((), ("--dry-run",)):
                ended = boxes.take_all(*words)
                assert ended.status == 1
                assert "a daemon runs on it; stop it first" in ended.out + ended.err
            assert not boxes.written.exists()

    run(main())
    assert ask(boxes.store, "SELECT COUNT(*) FROM node") == [(0,)]


def test_a_line_that_does_not_fit_is_refused_key_by_key(boxes: Boxes) -> None:
    """INV-6: as a wrong configuration, status 2; with what to write."""
    boxes.export()
    ended = boxes.take()
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == (
        f"gridgate: {boxes.own}: [plc] bit_rate_bps: the nodes were used to 1200, not to 2400;"
        " write bit_rate_bps = 1200 below [plc], or use --write-config\n"
    )
    assert not boxes.store.exists()


def test_another_title_is_taken_over_with_a_warning(boxes: Boxes) -> None:
    """INV-6: the nodes are found again in six hours, and their rows still are not read twice."""
    boxes.export()
    boxes.own.write_text(OWN + "[plc]\nbit_rate_bps = 1200\n")
    ended = boxes.take()
    assert ended.status == 0
    assert "fallen to NEW, 6 h after" in ended.out
    assert "never let both on the line" in boxes.take_all("--dry-run").out


def test_the_name_for_the_head_end_is_taken_over_when_asked(boxes: Boxes) -> None:
    """INV-6: not without a configuration to write it into."""
    boxes.export()
    ended = boxes.take("--take-dc-id")
    assert ended.status == 1
    assert "give both" in ended.err
    assert boxes.take_all("--take-dc-id").status == 0
    assert read_sections(boxes.written).concentrator.dc_id == "OLD"


def test_a_configuration_is_not_overwritten(boxes: Boxes) -> None:
    """INV-6: and then the store is not filled either."""
    boxes.export()
    boxes.written.write_text("# precious")
    ended = boxes.take_all()
    assert ended.status == 1
    assert "exists" in ended.err
    assert (boxes.written.read_text(), boxes.store.exists()) == ("# precious", False)
    assert boxes.take_all("--force").status == 0


def test_what_cannot_be_read_is_named(boxes: Boxes) -> None:
    """INV-6: one sentence each, never a traceback; nothing is made."""
    assert boxes.take().err == f"gridgate: {boxes.document} is no file\n"
    boxes.document.mkdir()
    assert boxes.take().err == f"gridgate: {boxes.document} is no file\n"
    boxes.document.rmdir()
    boxes.document.write_bytes(b"{")
    assert boxes.take().err.startswith(f"gridgate: {boxes.document}: damaged or cut off")
    with boxes.document.open("wb") as opened:
        opened.truncate(DOCUMENT_OCTETS_MAX + 1)
    assert "so no document of ours" in boxes.take().err
    boxes.document = boxes.folder / ("x" * 300)
    assert "File name too long" in boxes.take().err
    assert "File name too long" in boxes.export().err
    assert list(boxes.own.parent.iterdir()) == [boxes.own]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"dlms": {"credentials_file": "/etc/shadow"}}, "belongs to one machine only"),
        ({"concentrator": {"data_directory": "/"}}, "belongs to one machine only"),
        ({"concentrator": {"dc_id": "../../x"}}, "unusable name"),
        ({"concentrator": {"dc_id": 'a"\n[board]\nplc_port = "x'}}, "unusable name"),
        ({"head_end": {"username": "x"}}, "belongs to one machine only"),
        ({"plc": {"bit_rate_bps": 1200, "mark_hz": 63300}}, "both tones are the same"),
        ({"plc": {"packing": "C"}}, "unknown value"),
        ({"elsewhere": {"x": 1}}, "unknown section"),
    ],
)
def test_settings_with_tricks_are_refused(
    boxes: Boxes, settings: dict[str, dict[str, Any]], why: str
) -> None:
    """INV-6: status 2, and nothing is written."""
    boxes.export()
    content = from_octets(boxes.document.read_bytes())
    told = content.settings
    told |= {name: told.get(name, {}) | table for name, table in settings.items()}
    boxes.document.write_bytes(to_octets(content))
    ended = boxes.take_all()
    assert ended.status == 2
    assert why in ended.err
    assert list(boxes.own.parent.iterdir()) == [boxes.own]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"objects": "[]"}',
        '{"objects": "[[1, 2]]", "columns": {}}',
        '{"objects": "[[1e999, 7, 0, \\"1-0:99.1.0.255\\"]]", "columns": {}}',
        '{"objects": "[]", "columns": {"x": []}}',
        '{"objects": "[]", "columns": {"1": [["no obis", 1, 1]]}}',
        '{"objects": "[]", "columns": {"1": [[null, 1, 1]]}}',
        '{"objects": "[]", "columns": {"1": [["1-0:1.8.0.255", "30", 0]]}}',
        '{"objects": "[]", "columns": {"1": [["1-0:1.8.0.255", 30, NaN]]}}',
    ],
)
def test_an_object_list_that_the_daemon_could_not_read_is_refused(boxes: Boxes, text: str) -> None:
    """INV-6: it would end at it, and at each start."""
    boxes.export()
    content = from_octets(boxes.document.read_bytes())
    kind = content.kinds[0].model_copy(update={"object_list": text})
    boxes.document.write_bytes(to_octets(content.model_copy(update={"kinds": (kind,)})))
    ended = boxes.take_all()
    assert ended.status == 1
    assert ended.err == (
        f"gridgate: {boxes.document}: the object list of kind C1/F1 cannot be read\n"
    )
    assert not boxes.store.exists()


def test_a_store_of_a_newer_program_is_left_alone(boxes: Boxes) -> None:
    """INV-6."""
    boxes.export()
    run(_make(boxes.store))
    ask(boxes.store, "PRAGMA user_version = 99")
    ended = boxes.take_all()
    assert ended.status == 1
    assert "has version 99" in ended.err
