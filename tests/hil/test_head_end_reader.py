"""The head-end's own reader against the interface document, and against what nobody described."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hil.head_end.json_fields import MalformedDocument
from hil.head_end.reader import BATCH_OCTETS_MAX, BatchRow, ack_octets, read_batch
from tests.hil.head_end_bench import batch_octets, some_rows

DOCUMENT = Path(__file__).parents[2] / "docs" / "head_end_interface.md"


def examples() -> dict[str, dict[str, Any]]:
    """Return the document's own examples by schema."""
    found = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return {example["schema"]: example for example in map(json.loads, found)}


def test_the_examples_of_the_document_are_read() -> None:
    """UPL-1: what the document shows is what a head-end reads."""
    example = examples()["gridgate.batch.1"]
    batch = read_batch(json.dumps(example).encode())
    assert (batch.dc_id, batch.epoch, batch.number) == ("GG-000001", example["epoch"], 17)
    (stream,) = batch.streams
    (told,) = example["streams"]
    assert (stream.usn, stream.stream, stream.capture_period_s) == (told["usn"], "periodic", 900)
    assert stream.columns == (("1-0:1.8.0.255", 30, 0), ("1-0:2.8.0.255", 30, 0))
    (row,) = stream.rows
    assert row == BatchRow(
        seq=4711,
        captured_at_s=1792540800,
        occurrence=1,
        status=0,
        mark=0,
        received_at_s=1792540832,
        values=(123456, 17),
    )
    assert [(entry.seq, entry.kind, entry.usn) for entry in batch.journal] == [
        (9, "meter_found", told["usn"])
    ]
    assert json.loads(batch.journal[0].body) == example["journal"][0]["body"]


def test_the_acknowledgement_is_that_of_the_document() -> None:
    """UPL-1: same fields as in the document, and the digest of the very octets."""
    octets = batch_octets(17, some_rows(1))
    ack = json.loads(ack_octets(read_batch(octets), hashlib.sha256(octets).hexdigest()))
    assert ack.keys() == examples()["gridgate.ack.1"].keys()
    assert (ack["schema"], ack["batch"]) == ("gridgate.ack.1", 17)
    assert ack["sha256"] == hashlib.sha256(octets).hexdigest()


def test_unknown_fields_are_passed_over() -> None:
    """UPL-1: a later concentrator may say more."""
    fields = json.loads(batch_octets(1, some_rows(1)))
    fields["later"] = {"deep": [1]}
    fields["streams"][0]["later"] = 1
    fields["streams"][0]["columns"][0]["later"] = None
    fields["journal"][0]["later"] = "x"
    assert read_batch(json.dumps(fields).encode()) == read_batch(batch_octets(1, some_rows(1)))


def test_a_row_may_end_early() -> None:
    """UPL-1: values left out at the end are null."""
    batch = read_batch(batch_octets(1, [[1, 2, 1, 0, 0, 3, 7], [2, 3, 1, 0, 0, 3]]))
    assert [row.values for row in batch.streams[0].rows] == [(7,), ()]


def test_every_truncation_is_refused() -> None:
    """INV: no beginning of a batch is taken for a batch."""
    octets = batch_octets(1, some_rows(1))
    for length in range(len(octets)):
        with pytest.raises(MalformedDocument):
            read_batch(octets[:length])


def test_every_single_octet_error_is_read_or_refused() -> None:
    """Whatever one wrong octet does, it raises nothing else."""
    octets = batch_octets(1, some_rows(1, 1))
    read = 0
    for at in range(len(octets)):
        for wrong in (0x00, 0x22, 0x7F, 0x80, 0xFF, octets[at] ^ 0x01, octets[at] ^ 0x10):
            try:
                read_batch(octets[:at] + bytes([wrong]) + octets[at + 1 :])
            except MalformedDocument:
                continue
            read += 1
    assert read > 0  # a digit or a letter of a text may well be another one


def with_row(*cells: object) -> bytes:
    return batch_octets(1, [list(cells)])  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="no object"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deep objects"),
        pytest.param(b"\xff\xfe{}", id="no UTF-8"),
        pytest.param(batch_octets(1, []).decode().encode("utf-16"), id="UTF-16"),
        pytest.param(b" " * (BATCH_OCTETS_MAX + 1), id="too long"),
        pytest.param(b'{"batch":' + b"9" * 10_000 + b"}", id="a huge number"),
        pytest.param(b'{"batch":1,"batch":2}', id="a name twice"),
        pytest.param(batch_octets(0, []), id="batch 0"),
        pytest.param(batch_octets(1, [], schema="gridgate.batch.2"), id="another schema"),
        pytest.param(batch_octets(1, [], dc_id=7), id="a number for a name"),
        pytest.param(batch_octets(1, [], dc_id=""), id="no name"),
        pytest.param(batch_octets(1, [], dc_id="\ud800"), id="half a surrogate pair"),
        pytest.param(batch_octets(1, [], epoch="e" * 257), id="a long epoch"),
        pytest.param(batch_octets(1, [], batch=True), id="true for a number"),
        pytest.param(batch_octets(1, [], batch=1.0), id="a fraction for a number"),
        pytest.param(batch_octets(1, [], batch=2**63), id="65 bits"),
        pytest.param(batch_octets(1, [], streams={}), id="an object for an array"),
        pytest.param(batch_octets(1, [], streams=[None]), id="no stream"),
        pytest.param(batch_octets(1, [], journal=[{"seq": 1}]), id="half a journal entry"),
        pytest.param(batch_octets(1, [], journal=[[]]), id="no journal entry"),
        pytest.param(batch_octets(1, [], later=float("nan")), id="no number"),
        pytest.param(with_row(1, 2, 1, 0, 0), id="a short row"),
        pytest.param(with_row(1, 2, 1, 0, 0, 3, 4, 5, 6), id="more values than columns"),
        pytest.param(with_row(0, 2, 1, 0, 0, 3, 4), id="seq 0"),
        pytest.param(with_row(1, None, 1, 0, 0, 3, 4), id="no time"),
        pytest.param(with_row(1, 2, 0, 0, 0, 3, 4), id="occurrence 0"),
        pytest.param(with_row(1, 2, 1, -1, 0, 3, 4), id="a negative status"),
        pytest.param(with_row(1, 2, 1, 0, 0, 3, "4"), id="a text for a value"),
        pytest.param(with_row(1, 2, 1, 0, 0, 3, 2**64), id="a value of 65 bits"),
    ],
)
def test_what_is_no_batch_is_refused(octets: bytes) -> None:
    """UPL-1: strict in what is described; nothing but MalformedDocument is raised."""
    with pytest.raises(MalformedDocument):
        read_batch(octets)


def test_a_deep_journal_body_is_read_or_refused() -> None:
    """Nesting near the interpreter's limit breaks neither reading nor writing it again."""
    plain = batch_octets(1, [])
    for depth in range(100, 1200, 50):
        deep = b'{"x":' * depth + b"1" + b"}" * depth
        octets = plain.replace(b'{"n": 1}', deep)
        assert octets != plain
        try:
            read_batch(octets)
        except MalformedDocument:
            continue
