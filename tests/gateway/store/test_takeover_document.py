"""The take-over document: the same out as in, and nothing believed that is not whole and sane."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import TakeoverRefused
from gateway.store import takeover_document
from gateway.store.takeover_document import SCHEMA, from_octets, to_octets
from tests.gateway.store.left_store import fill, left_in


@pytest.fixture(scope="module")
def octets(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("left") / "gridgate.db"
    fill(path)
    return to_octets(left_in(path))


def signed(content: Any) -> bytes:
    """Return a document whose sum is right, whatever it says."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({"schema": SCHEMA, "sha256": digest, "content": content}).encode()


def content_of(octets: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(octets)["content"]
    return content


def test_comes_back_as_it_was(octets: bytes) -> None:
    """INV-6: and whoever lays the JSON out anew changes nothing."""
    content = from_octets(octets)
    assert to_octets(content) == octets
    assert from_octets(json.dumps(json.loads(octets), indent=4).encode()) == content
    assert from_octets(signed(content_of(octets))) == content


def test_is_one_json_document_with_its_schema_in_front(octets: bytes) -> None:
    """INV-6."""
    assert octets.startswith(b'{"schema": "gridgate.takeover.1", "sha256": "')
    assert octets.endswith(b"}}\n")
    assert octets.isascii()


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_one_that_was_cut_off_is_refused(octets: bytes, share: float) -> None:
    """INV-6."""
    with pytest.raises(TakeoverRefused):
        from_octets(octets[: int(share * (len(octets) - 2))])


@settings(max_examples=150, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found(octets: bytes, share: float, bit: int) -> None:
    """INV-6: or it was between the tokens, where it changes nothing."""
    at = int(share * len(octets))
    flipped = octets[:at] + bytes([octets[at] ^ 1 << bit]) + octets[at + 1 :]
    try:
        assert from_octets(flipped) == from_octets(octets)
    except TakeoverRefused:
        return
    assert chr(octets[at]).isspace() or chr(octets[at]) in "eE"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "damaged or cut off"),
        (b"\xff\xfe", "damaged or cut off"),
        (b"[]", "no take-over document"),
        (b"null", "no take-over document"),
        (b'{"schema": "gridgate.batch.1"}', "schema is 'gridgate.batch.1'"),
        (b'{"schema": "gridgate.takeover.2", "sha256": "", "content": {}}', "takeover.2"),
        (b'{"schema": "gridgate.takeover.1"}', "must hold"),
        (b'{"schema": "gridgate.takeover.1", "sha256": 1, "content": {}}', "SHA-256"),
        (b'{"schema": "gridgate.takeover.1", "schema": 1}', "stands twice"),
        (b'{"schema": NaN}', "no number"),
        (b"[" * 200_000, "nested without end"),
        (b'{"schema": ' + b"9" * 5000 + b"}", "damaged or cut off"),
    ],
)
def test_what_is_no_document_is_refused(text: bytes, why: str) -> None:
    """INV-6."""
    with pytest.raises(TakeoverRefused, match=why):
        from_octets(text)


def test_one_that_is_too_long_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """INV-6."""
    monkeypatch.setattr(takeover_document, "DOCUMENT_OCTETS_MAX", 10)
    with pytest.raises(TakeoverRefused, match="longer than 10 octets"):
        from_octets(b"x" * 11)


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        *way, last = path
        for part in way:
            content = content[part]
        content[last] = to

    return change


def _again(part: str) -> Callable[[Any], None]:
    return lambda content: content[part].append(content[part][0])


HOSTILE = {
    "no content": lambda content: content.clear(),
    "one more name": _set("more", to=1),
    "no epoch": lambda content: content.pop("epoch"),
    "an epoch with a path": _set("epoch", to="../../etc"),
    "a text for a number": _set("made_at_s", to="1"),
    "true for a number": _set("made_at_s", to=True),
    "a fraction for a number": _set("made_at_s", to=1.5),
    "a number beyond all time": _set("made_at_s", to=2**41),
    "a number beyond all numbers": _set("committed", "rows", to=2**64),
    "a negative count": _set("rows_open", to=-1),
    "a list for an object": _set("committed", to=[]),
    "an object for a list": _set("nodes", to={}),
    "a title that is none": _set("nodes", 0, "system_title", to="47470100000g"),
    "a title that is too long": _set("nodes", 0, "system_title", to="4747010000010"),
    "a title with a line's end": _set("nodes", 0, "system_title", to="474701000001\n"),
    "an initiator's address": _set("nodes", 0, "mac", to=0xC00),
    "nobody's address": _set("nodes", 0, "mac", to=0),
    "a state that is none": _set("nodes", 0, "state", to="GONE"),
    "too much credit": _set("nodes", 0, "credit_need", to=8),
    "one node twice": _again("nodes"),
    "one address twice": _set("nodes", 0, "mac", to=2),
    "one meter twice": _again("meters"),
    "one kind twice": _again("kinds"),
    "one stream twice": _again("streams"),
    "a name with an escape": _set("meters", 0, "usn", to="\x1b[2J"),
    "an empty name": _set("meters", 0, "usn", to=""),
    "a long name": _set("meters", 0, "usn", to="x" * 65),
    "half a character": _set("meters", 0, "msn_meter", to="\ud800"),
    "a long text": _set("meters", 0, "msn_meter", to="x" * 300),
    "no number": _set("meters", 1, "clock_deviation_s", to=1e300),
    "a slave of nobody": _set("meters", 0, "parent_usn", to="NOBODY"),
    "its own slave": _set("meters", 0, "parent_usn", to="GAS1"),
    "a stream of nobody": _set("streams", 0, "usn", to="NOBODY"),
    "a stream of what is none": _set("streams", 0, "stream", to="../daily"),
    "a period of no length": _set("streams", 0, "capture_period_s", to=0),
    "five columns": lambda content: content["streams"][0]["columns"].extend(
        content["streams"][0]["columns"] * 2
    ),
    "a register that is none": _set("streams", 0, "columns", 0, "obis", to="1.8.0"),
    "an interval that ends before it begins": _set("streams", 0, "covered", to=[[2, 1]]),
    "intervals that overlap": _set("streams", 0, "covered", to=[[1, 5], [5, 9]]),
    "intervals out of order": _set("streams", 0, "doubted", to=[[7, 8], [1, 2]]),
    "an interval of three": _set("streams", 0, "covered", to=[[1, 2, 3]]),
    "an interval of text": _set("streams", 0, "covered", to=[["1", "2"]]),
    "a row without a time": _set("streams", 0, "known", to=[[None, 1, 0, 0, 1]]),
    "a row of four": _set("streams", 0, "known", to=[[1, 1, 0, 0]]),
    "a row of ten": _set("streams", 0, "known", to=[[1] * 10]),
    "a row of 65 bits": _set("streams", 0, "known", to=[[1, 1, 0, 0, 1, 2**63]]),
    "a row newer than the newest": _set("streams", 0, "known", to=[[2**40, 1, 0, 0, 1]]),
    "rows without a newest": _set("streams", 0, "newest_s", to=None),
    "a setting of settings": _set("settings", "plc", to={"packing": {"A": 1}}),
    "a setting that is a list": _set("settings", "plc", to={"packing": ["A"]}),
    "sections that are none": _set("settings", to=[]),
    "an entry that is no object": _set(
        "journal", to=[{"at_s": 1, "kind": "", "usn": "", "body": 1}]
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_that_makes_no_sense_is_refused(octets: bytes, name: str) -> None:
    """INV-6: though its sum is right."""
    content = content_of(octets)
    HOSTILE[name](content)
    with pytest.raises(TakeoverRefused, match="makes no sense") as refused:
        from_octets(signed(content))
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 2000


def test_of_many_faults_a_few_are_told(octets: bytes) -> None:
    """INV-6."""
    content = content_of(octets)
    content["nodes"] = [{} for _ in range(1000)]
    with pytest.raises(TakeoverRefused, match=r"nodes\.0\.mac: Field required.* and \d+ more"):
        from_octets(signed(content))
