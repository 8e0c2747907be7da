"""`gridgate`, the daemon's command line: from words to a command's exit status."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from gateway.cli.arguments import DEFAULT_CONFIG_FILE, read_arguments
from gateway.core.errors import NotReachable, RequestRefused, SettingError, TakeoverRefused
from gateway.core.exit_status import ExitStatus

# Each command loads its own modules when it is given: `status` must not wait for pydantic.


def main() -> int:
    """Run the command that the process was started with; return its exit status."""
    try:
        status = run_command_line(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: not our trouble, and no traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.GOOD
    except KeyboardInterrupt:
        return 130
    return status


def run_command_line(words: Sequence[str], stdin: TextIO, out: TextIO, err: TextIO) -> int:
    """Run one command.

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
    except (RequestRefused, TakeoverRefused) as error:
        print(f"gridgate: {error}", file=err)
        return ExitStatus.ANSWER_IS_NO


def _execute(arguments: argparse.Namespace, stdin: TextIO, out: TextIO, err: TextIO) -> int:
    if arguments.command == "run":
        return _run(arguments)
    if arguments.command == "check-config":
        return _check_config(arguments, out)
    if arguments.command == "decode":
        from gateway.cli import decode_command  # noqa: PLC0415

        return decode_command.execute(arguments, stdin, out, err)
    if arguments.command == "sniff":
        from gateway.cli import sniff_command  # noqa: PLC0415

        return sniff_command.execute(arguments, out, err)
    if arguments.command in {"export", "import"}:
        return _hand_over(arguments, out)
    from gateway.cli import ask_commands  # noqa: PLC0415

    return ask_commands.execute(arguments, out)


def _hand_over(arguments: argparse.Namespace, out: TextIO) -> int:
    if arguments.command == "export":
        from gateway.cli import export_command  # noqa: PLC0415

        return export_command.execute(arguments, out)
    from gateway.cli import import_command  # noqa: PLC0415

    return import_command.execute(arguments, out)


def _run(arguments: argparse.Namespace) -> int:
    from gateway.core.config import load_config  # noqa: PLC0415
    from gateway.core.log import set_up_logging  # noqa: PLC0415

    config = load_config(arguments.config)
    set_up_logging(config.log)
    # All of the daemon; only once the check is over.
    from gateway.app import build, ports_on  # noqa: PLC0415
    from gateway.process import Makers, run  # noqa: PLC0415

    return run(config, Makers(build=build, ports_on=ports_on))


def _check_config(arguments: argparse.Namespace, out: TextIO) -> int:
    from gateway.core.config import load_config  # noqa: PLC0415

    load_config(arguments.file or arguments.config or DEFAULT_CONFIG_FILE)
    print("ok", file=out)
    return ExitStatus.GOOD


if __name__ == "__main__":
    sys.exit(main())
