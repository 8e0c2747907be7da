"""`gridgate`, the daemon's command line."""

import os
import sys

from gateway.cli.command_line import run_command_line


def main() -> int:
    """Run the command that the process was started with; return its exit status."""
    try:
        status = run_command_line(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: not our trouble, and no traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
