"""Numbers, times and tables as people read them."""

import pytest

from gateway.cli.tables import in_words, quantity, span, table, utc


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (2.25, "2.2 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3661, "1 h 1 min"),
        (90_061, "1 d 1 h"),
        (86_400, "1 d"),
        (86_430, "1 d"),
        (-90, "-1 min 30 s"),
    ],
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_times() -> None:
    assert utc(0) == "1970-01-01 00:00:00Z"
    assert utc(None) == "-"
    assert utc(1e20) == "1e+20 s"


@pytest.mark.parametrize(
    ("value", "scaler", "unit", "words"),
    [
        (123456, -3, "kWh", "123.456 kWh"),
        (5, 2, "Wh", "500 Wh"),
        (-7, 0, None, "-7"),
        (1, -3, None, "0.001"),
        (None, -3, "kWh", "-"),
        (4_294_967_295, -3, "kWh", "4294967.295 kWh"),
    ],
)
def test_quantities_are_exact(value: int | None, scaler: int, unit: str | None, words: str) -> None:
    assert quantity(value, scaler, unit) == words


def test_columns_of_numbers_stand_to_the_right() -> None:
    assert table(("NAME", "N"), [("a", "5"), ("bcdef", "120")]).splitlines() == [
        "NAME     N",
        "a        5",
        "bcdef  120",
    ]


def test_values_by_the_unit_in_their_name() -> None:
    assert in_words("free_octets", 10_485_760) == "10.0 MiB"
    assert in_words("free_octets", 12) == "12 octets"
    assert in_words("rows", 123_456_789) == "123456789"
    assert in_words("list", []) == "-"
    assert in_words("list", [1, "a"]) == "1, a"
