"""Reads the test vectors of the power-line stack, which are data with a name and a source."""

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Vector: TypeAlias = dict[str, Any]

PLC_VECTORS = Path(__file__).parent.parent / "vectors" / "plc_vectors.json"


@cache
def all_vectors() -> tuple[Vector, ...]:
    vectors: list[Vector] = json.loads(PLC_VECTORS.read_text(encoding="utf-8"))
    return tuple(vectors)


def of_layer(layer: str) -> list[Vector]:
    return [vector for vector in all_vectors() if vector["layer"] == layer]


def named(name: str) -> Vector:
    (vector,) = (vector for vector in all_vectors() if vector["name"] == name)
    return vector


def octets_of(name: str) -> bytes:
    return bytes.fromhex(named(name)["hex"])


def name_of(vector: Vector) -> str:
    return str(vector["name"])
