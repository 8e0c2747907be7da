"""docs/requirements.md is generated, not typed."""

from tests.architecture.requirements_page import PAGE, ids_in, page


def test_the_page_is_as_the_code_and_tests_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run python -m tests.architecture.requirements_page"
    )


def test_ranges_stand_for_each_of_their_ids() -> None:
    assert ids_in("[INV-1..3, ACQ-2] but not XYZ-1") == {
        ("INV", 1),
        ("INV", 2),
        ("INV", 3),
        ("ACQ", 2),
    }
