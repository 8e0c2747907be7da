"""The vectors are all here, and each says where it comes from."""

from collections import Counter

from tests.drivers.vector_file import all_vectors


def test_all_84_vectors_are_carried() -> None:
    assert Counter(vector["layer"] for vector in all_vectors()) == {
        "uart": 29,
        "dlms-sn": 17,
        "ciase": 10,
        "phy-time": 8,
        "mac": 7,
        "llc": 5,
        "uart-status": 5,
        "acse": 2,
        "phy": 1,
    }


def test_each_vector_has_a_name_of_its_own_and_a_source() -> None:
    names = [vector["name"] for vector in all_vectors()]
    assert len(set(names)) == len(names) == 84
    assert all(vector["source"] for vector in all_vectors())
