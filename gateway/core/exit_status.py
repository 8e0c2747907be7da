"""The exit status of every command, one meaning each."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a process tells the one that started it."""

    GOOD = 0
    ANSWER_IS_NO = 1
    USAGE = 2
    NOT_REACHABLE = 3
