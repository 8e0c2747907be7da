"""What a scenario demands against what the figures of its run say."""

from collections.abc import Iterator
from dataclasses import dataclass

from hil.judge.figures import RunFigures, percentile
from hil.judge.meter_lists import MeterLists
from hil.scenario import Demands, ListDemand


@dataclass(frozen=True, slots=True)
class Judgement:
    """One demand and what became of it, in words."""

    demand: str
    found: str
    holds: bool


def judge_demands(demands: Demands, figures: RunFigures) -> list[Judgement]:
    """Return every demand of a scenario with its outcome."""
    rows = figures.rows
    counts = (
        ("rows obtainable and missing", demands.rows_obtainable_missing, len(rows.missing)),
        ("rows crossed", demands.rows_crossed, len(rows.crossed)),
        ("rows doubled", demands.rows_doubled, len(rows.doubled)),
        ("rows altered", demands.rows_altered, len(rows.altered)),
        ("rows unexplained", demands.rows_unexplained, len(rows.unexplained)),
    )
    measures = (
        ("airtime used by ideal", demands.airtime_ratio_max, figures.airtime_ratio),
        ("overhead share", demands.overhead_share_max, figures.overhead_share),
        ("row age p95, s", demands.row_age_p95_max_s, percentile(figures.ages_s, 95)),
        (
            "answer to an ad-hoc read, s",
            demands.ad_hoc_wait_max_s,
            percentile(figures.waits_s, 100),
        ),
    )
    return [
        Judgement("rows committed: more than 0", str(rows.committed), holds=rows.committed > 0),
        *(
            Judgement(f"{name}: {most} at most", str(found), holds=found <= most)
            for name, most, found in counts
            if most is not None
        ),
        *(
            Judgement(
                f"{name}: {most_measured:g} at most",
                "nothing" if measured is None else f"{measured:.4g}",
                holds=measured is not None and measured <= most_measured,
            )
            for name, most_measured, measured in measures
            if most_measured is not None
        ),
        *(judgement for demand in demands.lists for judgement in _judge_lists(demand, figures)),
    ]


def _judge_lists(demand: ListDemand, figures: RunFigures) -> Iterator[Judgement]:
    lists = figures.lists.get(demand.line) or MeterLists("nobody")
    everywhere = {meter.number for meter in figures.run.meters.values()}
    wanted = (
        ("registered", demand.registered, lists.registered),
        ("lost", demand.lost, lists.lost),
        ("found", demand.found, lists.found),
        ("found again", demand.found_again, lists.found_again),
        ("told lost", demand.told_lost, lists.told_lost),
    )
    for name, places, found in wanted:
        if places is not None:
            yield _exactly(f"{name} at {demand.line}", set(places), found)
    if demand.all_registered_but is not None:
        rest = everywhere - set(demand.all_registered_but)
        yield _exactly(f"registered at {demand.line}", rest, lists.registered)
    for notice in demand.notices:
        yield Judgement(
            f"notice at {demand.line}: {notice}",
            "told" if notice in lists.notices else "not told",
            holds=notice in lists.notices,
        )


def _exactly(what: str, wanted: set[int], found: set[int]) -> Judgement:
    differences = [
        *(f"{place} is not" for place in sorted(wanted - found)),
        *(f"{place} is, too" for place in sorted(found - wanted)),
    ]
    return Judgement(
        f"{what}: {len(wanted)} meters",
        ", ".join(differences[:10]) or "those",
        holds=not differences,
    )
