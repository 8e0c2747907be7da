"""The command line as a test sees it: words in, exit status and texts out."""

import io
from dataclasses import dataclass

from gateway.__main__ import run_command_line


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    out: str
    err: str


def gridgate(*words: str, stdin: str = "") -> Ended:
    out, err = io.StringIO(), io.StringIO()
    status = run_command_line(words, io.StringIO(stdin), out, err)
    return Ended(status, out.getvalue(), err.getvalue())
