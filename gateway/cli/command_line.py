"""From words to a command's exit status."""

import argparse
from collections.abc import Sequence
from typing import TextIO

from gateway.cli.arguments import read_arguments
from gateway.core.errors import NotReachable, RequestRefused, SettingError
from gateway.core.exit_status import ExitStatus


def run_command_line(words: Sequence[str], stdin: TextIO, out: TextIO, err: TextIO) -> int:
    """Run one command; each loads only what it needs.

    Args:
        words: what follows the program's name.
        stdin: where `decode` reads frames when none are given.
        out: where answers go.
        err: where errors go, a sentence each.

    Returns:
        The exit status.
    """
    try:
        arguments = read_arguments(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitStatus.USAGE
    try:
        return _execute(arguments, stdin, out, err)
    except SettingError as error:
        print(error, file=err)
        return ExitStatus.USAGE
    except NotReachable as error:
        print(f"gridgate: {error}; is it running?", file=err)
        return ExitStatus.NOT_REACHABLE
    except RequestRefused as error:
        print(f"gridgate: {error}", file=err)
        return ExitStatus.ANSWER_IS_NO


def _execute(arguments: argparse.Namespace, stdin: TextIO, out: TextIO, err: TextIO) -> int:
    # Each command loads its own modules only: `--version` and `status` must not wait for pydantic.
    if arguments.command in {"run", "check-config"}:
        from gateway.cli import run_commands  # noqa: PLC0415

        return run_commands.execute(arguments, out)
    if arguments.command == "decode":
        from gateway.cli import decode_command  # noqa: PLC0415

        return decode_command.execute(arguments, stdin, out, err)
    from gateway.cli import ask_commands  # noqa: PLC0415

    return ask_commands.execute(arguments, out)
