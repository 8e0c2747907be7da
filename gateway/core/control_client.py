"""Ask the running daemon a question; blocking, because a command line has nothing else to do."""

import json
import socket
from pathlib import Path
from typing import Any, Final

from gateway.core.errors import NotReachable, RequestRefused

ANSWER_LIMIT_S: Final = 10.0
ANSWER_OCTETS_MAX: Final = 64 * 1024 * 1024
_CHUNK_OCTETS: Final = 65536


def ask_daemon(
    path: Path, request: dict[str, Any], limit_s: float = ANSWER_LIMIT_S
) -> dict[str, Any]:
    """Return the daemon's answer to one request.

    Args:
        path: the daemon's control socket.
        request: an object with at least "ask".
        limit_s: patience for each step.

    Raises:
        NotReachable: nobody listens there, or what answers is no gridgate daemon.
        RequestRefused: the daemon said no, and why.
    """
    line = json.dumps(request).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(limit_s)
            link.connect(str(path))
            link.sendall(line)
            answer = json.loads(_read_line(link))
    except TimeoutError as error:
        raise NotReachable(f"the daemon did not answer within {limit_s:g} s on {path}") from error
    except PermissionError as error:
        raise NotReachable(f"no permission to talk to the daemon on {path}") from error
    except OSError as error:
        raise NotReachable(f"no daemon answers on {path}") from error
    except ValueError as error:
        raise NotReachable(f"what answers on {path} is no gridgate daemon") from error
    if not isinstance(answer, dict):
        raise NotReachable(f"what answers on {path} is no gridgate daemon")
    if isinstance(answer.get("error"), str):
        raise RequestRefused(answer["error"])
    return answer


def _read_line(link: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = link.recv(_CHUNK_OCTETS)
        if not chunk or len(received) > ANSWER_OCTETS_MAX:
            break
        received += chunk
    return bytes(received)
