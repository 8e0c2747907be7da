"""One question to a control socket: a JSON object a line there, one back."""

import asyncio
import json
from pathlib import Path
from typing import Any

ANSWER_WITHIN_S = 5.0
_ANSWER_OCTETS_MAX = 4 * 1024 * 1024


class NoJsonAnswer(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """Nobody is there, nobody answers in time, or the answer is no JSON object."""


async def ask(
    socket: Path, question: dict[str, Any], *, within_s: float = ANSWER_WITHIN_S
) -> dict[str, Any]:
    """Return the answer.

    Raises:
        NoJsonAnswer: there is none.
    """
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_unix_connection(socket, limit=_ANSWER_OCTETS_MAX)
            try:
                writer.write(json.dumps(question).encode() + b"\n")
                answer = json.loads(await reader.readline())
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError, ValueError) as error:
        raise NoJsonAnswer(f"no answer from {socket}: {str(error) or 'in time'}") from error
    if not isinstance(answer, dict):
        raise NoJsonAnswer(f"{socket} answers with no JSON object")
    return answer
