"""Client and nodes wired together over a line in plain numbers: found, registered, read."""

import random

import pytest

from drivers.errors import NoAnswer
from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.ciase import Discover, RegisterEntry
from drivers.plc.credit import CreditLedger
from drivers.plc.discovery import DiscoverRound, HeardReport, PingExchange, Registration
from drivers.plc.mac_frame import CREDIT_MAX, INITIATOR
from drivers.plc.node import NodeState, PlcNode
from drivers.plc.slot_choice import SlotChoice
from drivers.plc.unicast import UnicastAnswer, UnicastRequest
from tests.drivers.plc.lossy_line import LossyLine

TIMING = LineTiming(bit_rate_bps=2400, host_latency_s=0.2)
CLIENT = bytes.fromhex("474701000001")


def _title(number: int) -> bytes:
    return b"GGM" + number.to_bytes(3, "big")


def _line(nodes: int, *, loss: float, seed: int, hops_max: int = 3) -> LossyLine:
    rng = random.Random(seed)
    stations = [PlcNode(system_title=_title(number)) for number in range(nodes)]
    hops = {station.system_title: rng.randint(0, hops_max) for station in stations}
    return LossyLine(
        nodes=stations,
        hops=hops,
        timing=TIMING,
        rng=rng,
        loss=loss,
        application=lambda node, apdu: apdu + node.system_title,
    )


def _discover(line: LossyLine, slots: int, probability: int) -> tuple[HeardReport, ...]:
    discover = Discover(
        response_probability=probability,
        allowed_time_slots=slots,
        report_initial_credit=CREDIT_MAX,
    )
    return line.run(
        DiscoverRound(
            initiator=INITIATOR, discover=discover, initial_credit=CREDIT_MAX, timing=TIMING
        )
    )


def _register(line: LossyLine, title: bytes, mac: int) -> None:
    line.run(
        Registration(
            initiator=INITIATOR,
            initiator_system_title=CLIENT,
            entries=(RegisterEntry(system_title=title, mac=mac),),
            initial_credit=CREDIT_MAX,
            timing=TIMING,
        )
    )


def _is_there(line: LossyLine, title: bytes, mac: int) -> bool:
    ping = PingExchange(
        initiator=INITIATOR, node=mac, system_title=title, initial_credit=CREDIT_MAX, timing=TIMING
    )
    try:
        return line.run(ping).system_title == title
    except NoAnswer:
        return False


def _read(line: LossyLine, mac: int, apdu: bytes, credit: int) -> UnicastAnswer:
    return line.run(
        UnicastRequest(
            initiator=INITIATOR,
            node=mac,
            destination_lsap=llc.MANAGEMENT_LD,
            source_lsap=llc.PUBLIC_CLIENT,
            apdu=apdu,
            initial_credit=credit,
            timing=TIMING,
            answer_octets_max=40,
        )
    )


def _find_all(line: LossyLine, *, deaf: bool = False) -> dict[bytes, int]:
    """Discover, register and ping until every node is registered; return who has which MAC."""
    choice = SlotChoice()
    macs: dict[bytes, int] = {}
    for _ in range(60):
        terms = choice.next_terms()
        damaged_before = line.damaged
        reports = _discover(line, terms.slots, terms.response_probability)
        damaged = 0 if deaf else line.damaged - damaged_before
        choice.round_over(answers=len(reports), collisions=damaged)
        for report in reports:
            mac = macs.setdefault(report.system_title, len(macs) + 1)
            _register(line, report.system_title, mac)
            _is_there(line, report.system_title, mac)
        if all(node.state is NodeState.REGISTERED for node in line.nodes):
            return macs
    raise AssertionError("some node was never registered")


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize(("nodes", "loss"), [(1, 0.0), (12, 0.0), (12, 0.2), (60, 0.1)])
def test_a_line_never_seen_is_registered_whole(nodes: int, loss: float, *, deaf: bool) -> None:
    """INV-1, INV-2: all nodes get an address of their own, with hops, losses and collisions.

    Also where the modem notices no collision.
    """
    line = _line(nodes, loss=loss, seed=nodes)
    macs = _find_all(line, deaf=deaf)
    assert {node.system_title: node.mac for node in line.nodes} == macs
    assert sorted(macs.values()) == list(range(1, nodes + 1))
    assert _discover(line, 10, 100) == ()


def test_each_answer_is_from_the_node_asked_and_credit_settles() -> None:
    """PLC-1, INV-7: 600 reads over a lossy line; the credit comes down to what each needs."""
    line = _line(6, loss=0.05, seed=11)
    macs = _find_all(line)
    ledgers = {title: CreditLedger() for title in macs}
    silent = 0
    for number in range(600):
        title = _title(number % 6)
        apdu = number.to_bytes(2, "big")
        try:
            answer = _read(line, macs[title], apdu, ledgers[title].credit)
        except NoAnswer:  # one exchange in ten loses a try, so one in a thousand loses all three
            silent += 1
            for credit in (ledgers[title].credit, CREDIT_MAX, CREDIT_MAX):
                ledgers[title].failure(credit)
            continue
        assert answer.apdu == apdu + title
        assert answer.need == line.hops[title]
        assert answer.answer_octets == len(apdu + title) + llc.HEADER_OCTETS
        if answer.tries_used > 1:
            ledgers[title].failure(ledgers[title].credit)
        ledgers[title].success(answer.need_down, answer.need_up, answer.initial_credit_used)
        assert ledgers[title].credit >= line.hops[title]
    assert silent <= 4
    asked = [line.hops[title] for title in macs]
    used = [ledgers[title].credit for title in macs]
    assert sum(used) <= sum(asked) + 2 * len(macs)


def test_the_time_awaited_covers_the_longest_way() -> None:
    """A node that needs all seven repetitions is answered on the first try."""
    line = _line(1, loss=0.0, seed=1)
    title = _title(0)
    line.hops = {title: 7}
    macs = _find_all(line)
    answer = _read(line, macs[title], bytes(31), 7)
    assert (answer.tries_used, answer.need) == (1, 7)
    assert answer.line_busy_s == 0.0


def test_a_dead_node_fails_after_its_tries_and_harms_nobody() -> None:
    """PLC-5."""
    line = _line(2, loss=0.0, seed=2)
    macs = _find_all(line)
    dead = line.nodes.pop(0)
    with pytest.raises(NoAnswer):
        _read(line, macs[dead.system_title], b"\x05", 2)
    alive = line.nodes[0].system_title
    assert _read(line, macs[alive], b"\x05", 3).apdu == b"\x05" + alive
