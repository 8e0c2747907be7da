"""`run` and `check-config`: the commands that read the whole configuration."""

import argparse
from typing import TextIO

from gateway.cli.arguments import DEFAULT_CONFIG_FILE
from gateway.core.config import load_config
from gateway.core.exit_status import ExitStatus
from gateway.core.log import set_up_logging


def execute(arguments: argparse.Namespace, out: TextIO) -> int:
    """Run the command; return its exit status.

    Raises:
        SettingError: the configuration is wrong, or the machine does not offer what it names.
    """
    if arguments.command == "check-config":
        load_config(arguments.file or arguments.config or DEFAULT_CONFIG_FILE)
        print("ok", file=out)
        return ExitStatus.GOOD
    config = load_config(arguments.config)
    set_up_logging(config.log)
    from gateway.app import run  # noqa: PLC0415  (all of the daemon; not before the check is over)

    return run(config)
