"""Write a configuration file: only what differs from the defaults stands in it."""

import dataclasses
import json
from collections.abc import Collection, Iterator
from enum import Enum
from pathlib import Path

from gateway.core.config import Sections


def config_text(sections: Sections, heading: str, always: Collection[str] = ()) -> str:
    """Return a file that says the same as `sections`.

    Args:
        sections: the settings.
        heading: a comment for its top.
        always: "section.key" of settings that are said even where they are the default.
    """
    lines = [f"# {line}" for line in heading.splitlines()]
    for name, settings in sections:
        lines += _table(name, settings, always)
    return "\n".join(lines) + "\n"


def _table(name: str, settings: object, always: Collection[str]) -> Iterator[str]:
    assert dataclasses.is_dataclass(settings)
    changed = {
        field.name: value
        for field in dataclasses.fields(settings)
        if (value := getattr(settings, field.name)) is not None
        and (value != field.default or f"{name}.{field.name}" in always)
    }
    inner = {key: value for key, value in changed.items() if dataclasses.is_dataclass(value)}
    if changed:
        yield f"\n[{name}]"
    for key, value in changed.items():
        if key not in inner:
            yield f"{key} = {_value(value)}"
    for key, value in inner.items():
        yield from _table(f"{name}.{key}", value, always)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return _value(value.value)
        case bytes():
            return f'"{value.hex()}"'
        case int() | float():
            return repr(value)
        case Path() | str():
            # JSON's escapes are TOML's; of what TOML wants escaped, JSON lets DEL pass.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            raise TypeError(f"a setting of a kind that no file holds: {value!r}")
