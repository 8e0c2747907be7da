"""`decode`: any frame explained, the engineer's first tool on site."""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from drivers.plc.mac_frame import Packing
from gateway.cli.explain_dlms import explain_apdu
from gateway.cli.explain_modem import modem_explainer
from gateway.cli.explain_plc import line_explainer, record_explainer
from gateway.cli.explanation import Explainer, Explanation, Layer, explain_text
from gateway.cli.tables import named_values
from gateway.core.errors import GatewayError
from gateway.core.exit_status import ExitStatus

_OCTET_DIGITS_MAX: Final = len("0xFF")


class _InputUnreadable(GatewayError):  # noqa: N818  (reads as what it is in an except clause)
    """The file of frames is not there, or no text."""


def execute(arguments: argparse.Namespace, stdin: TextIO, out: TextIO, err: TextIO) -> int:
    """Explain every frame given; return ANSWER_IS_NO if one of them is not well formed."""
    explainer = _explainer(arguments)
    all_well = True
    try:
        for given in _frames(arguments, stdin):
            explanation = explain_text(given, explainer)
            all_well = all_well and explanation.ok
            print(_as_json(explanation) if arguments.json else _as_text(explanation), file=out)
    except _InputUnreadable as error:
        print(f"gridgate: {error}", file=err)
        return ExitStatus.USAGE
    return ExitStatus.GOOD if all_well else ExitStatus.ANSWER_IS_NO


def _explainer(arguments: argparse.Namespace) -> Explainer:
    match arguments.protocol:
        case "modem":
            return modem_explainer(record_explainer(explain_apdu))
        case "dlms":
            return explain_apdu
        case _ if arguments.host_record:
            return record_explainer(explain_apdu)
        case _:
            return line_explainer(Packing(arguments.packing), explain_apdu)


def _frames(arguments: argparse.Namespace, stdin: TextIO) -> Iterator[str]:
    yield from _frames_of_words(arguments.hex)
    if arguments.file is not None:
        yield from _frames_of_lines(_text_of(arguments.file).splitlines())
    elif not arguments.hex:
        yield from _frames_of_lines(stdin)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _InputUnreadable(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _InputUnreadable(f"{file} cannot be read: it is not text") from error


def _frames_of_words(words: Sequence[str]) -> Iterator[str]:
    if len(words) > 1 and all(len(word) <= _OCTET_DIGITS_MAX for word in words):
        yield " ".join(words)
    else:
        yield from words


def _frames_of_lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        frame = line.partition("#")[0].strip()
        if frame:
            yield frame


def _as_json(explanation: Explanation) -> str:
    return json.dumps(explanation.as_object(), separators=(",", ":"))


def _as_text(explanation: Explanation) -> str:
    lines = [explanation.given]
    lines += [_layer_as_text(layer) for layer in explanation.layers]
    verdict = "well formed" if explanation.ok else f"NOT WELL FORMED: {explanation.reason}"
    return "\n".join([*lines, f"  {verdict}", ""])


def _layer_as_text(layer: Layer) -> str:
    return f"  {layer.name}\n{named_values(layer.fields, '    ')}"
