"""What the daemon tells about itself on its control socket."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from drivers.dlms.companion import Entity
from gateway.ad_hoc_read import AdHocReader
from gateway.control_answers import ControlAnswers, LineView
from gateway.core.errors import RequestRefused
from gateway.line_history import LineHistory
from gateway.statistics_answers import StatisticsAnswers
from gateway.store.errors import StoreFull
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.meter_lab import Lab, open_lab, stream_of


class Pushing:
    """Implements gateway.control_answers.Pushing."""

    async def progress(self) -> Mapping[str, Any]:
        return {"connected": True, "batches_open": 0}


def _answers(lab: Lab) -> ControlAnswers:
    return ControlAnswers(
        identity={"dc_id": "GG-1", "version": "0"},
        database=lab.database,
        registry=lab.registry,
        buffer=lab.buffer,
        link_of=lab.book.link_of,
        line=LineView(doing=lambda: "idle", busy_s=lambda: 12.34),
        pushing=Pushing(),
        clock=lab.clock,
        modem_counters=lambda: {"frames_sent": 3},
        statistics=StatisticsAnswers(
            LineHistory(lab.database, list), lab.registry, lab.clock.now_s
        ),
        ad_hoc=AdHocReader(lab.access, lambda: lab.book.meters, lambda: 0.0),
    )


async def _collected(lab: Lab) -> None:
    meter = await lab.identify()
    meter.deviation_s = 0.0
    await lab.collect(meter, stream_of(meter, Entity.PERIODIC))


@jumping
async def test_status(tmp_path: Path) -> None:
    """REQ-1: line, store, clock and head-end in one answer, as JSON."""
    async with open_lab(tmp_path) as lab:
        await _collected(lab)
        await lab.book.give_address(b"NODE02")
        status = await _answers(lab).ask({"ask": "status"})
        json.dumps(status)
        assert status["dc_id"] == "GG-1"
        assert status["healthy"]
        line = status["line"]
        assert (line["registered"], line["new"], line["lost"]) == (1, 1, 0)
        assert (line["meters"], line["slaves"], line["busy_s"]) == (1, 1, 12.3)
        assert status["store"]["rows"] > 0
        assert status["channel"]["utilisation_last_hour_percent"] is None


@jumping
async def test_status_of_a_daemon_whose_disk_is_gone(tmp_path: Path) -> None:
    """REQ-1: that is when somebody asks."""
    async with open_lab(tmp_path) as lab:
        answers = _answers(lab)
        await lab.database.close()
        status = await answers.ask({"ask": "status"})
        assert (status["channel"], status["line"]["doing"]) == ({}, "idle")


@jumping
async def test_statistics_are_asked_in_the_same_place(tmp_path: Path) -> None:
    """PLC-3, REQ-1."""
    async with open_lab(tmp_path) as lab:
        await _collected(lab)
        answers = _answers(lab)
        statistics = await answers.ask({"ask": "statistics"})
        (master,) = [meter.usn for meter in lab.book.meters.values()]
        assert [node["usn"] for node in statistics["nodes"]] == [master]
        assert await answers.ask({"ask": "availability", "by": "day"}) == {"daily": []}


@jumping
async def test_meters_with_their_slaves_and_nodes_without_a_name(tmp_path: Path) -> None:
    """INV-4, INV-8: masters first, slaves under them; a node still unknown is listed as well."""
    async with open_lab(tmp_path) as lab:
        await _collected(lab)
        await lab.book.give_address(b"NODE02")
        meters = (await _answers(lab).ask({"ask": "meters"}))["meters"]
        master, slave, nameless = meters
        assert slave["parent_usn"] == master["usn"]
        assert master["state"] == slave["state"] == "REGISTERED"
        assert (nameless["usn"], nameless["state"]) == (None, "NEW")
        assert master["rows"] == 60
        assert master["missing"] == 0


@jumping
async def test_readings(tmp_path: Path) -> None:
    """ACQ-4: the newest, with time, status, unit and scaler."""
    async with open_lab(tmp_path) as lab:
        await _collected(lab)
        answers = _answers(lab)
        found = (await answers.ask({"ask": "readings", "last": 2, "stream": "periodic"}))[
            "readings"
        ]
        assert len(found) == 2
        assert found[-1]["columns"][0]["unit"] == "Wh"
        assert (await answers.ask({"ask": "readings", "meter": "nobody"})) == {"readings": []}


@pytest.mark.parametrize(
    "request_",
    [
        {"ask": "secrets"},
        {"ask": ["status"]},
        {},
        {"ask": "readings", "last": 0},
        {"ask": "readings", "last": True},
        {"ask": "readings", "last": "20"},
        {"ask": "readings", "last": 10**9},
        {"ask": "readings", "meter": ["U1"]},
        {"ask": "readings", "stream": {"a": 1}},
    ],
)
def test_a_wrong_question_is_refused(tmp_path: Path, request_: dict[str, Any]) -> None:
    """REQ-1: with a reason; whatever stands in it, the daemon goes on."""

    @jumping
    async def ask() -> None:
        async with open_lab(tmp_path) as lab:
            with pytest.raises(RequestRefused):
                await _answers(lab).ask(request_)

    ask()


@jumping
async def test_what_is_lost(tmp_path: Path) -> None:
    """INV-4, ACQ-3: nodes that do not answer, and rows that no meter holds."""
    async with open_lab(tmp_path) as lab:
        await _collected(lab)
        module = lab.meter.module
        module.power_off(lab.meter.now_s)
        lab.meter.pass_s(9000)
        module.power_on(lab.meter.now_s)
        lab.meter.pass_s(1800)
        (meter,) = lab.book.meters.values()
        await lab.collect(meter, stream_of(meter, Entity.PERIODIC))
        await lab.book.lost(meter.link)
        lost = (await _answers(lab).ask({"ask": "lost"}))["lost"]
        assert [entry["what"] for entry in lost] == ["node", "gap"]
        assert lost[1]["rows"] >= 9


@jumping
async def test_a_full_store_can_still_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQ-1: that is when somebody asks."""
    async with open_lab(tmp_path) as lab:
        await _collected(lab)

        async def full() -> None:
            raise StoreFull("no pages left for readings", tmp_path)

        monkeypatch.setattr(lab.buffer, "flush", full)
        assert len((await _answers(lab).ask({"ask": "meters"}))["meters"]) == 2
        assert (await _answers(lab).ask({"ask": "lost"})) == {"lost": []}
