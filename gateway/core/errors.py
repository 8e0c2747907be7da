"""What can go wrong in the daemon itself, told by whose fault it is."""

from dataclasses import dataclass
from pathlib import Path


class GatewayError(Exception):
    """Root of every error that this package raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingFault:
    """One thing that is wrong with one setting.

    Attributes:
        file: the file in which it is put right.
        key: "[section] name", "[section]", or empty when the file as a whole is meant.
        problem: what is wrong, in a few words.
        remedy: what to do about it, in the imperative.
    """

    file: Path
    key: str
    problem: str
    remedy: str

    def sentence(self) -> str:
        """Return the fault as the one line that a person at the console reads."""
        where = f"{self.file}: {self.key}" if self.key else f"{self.file}"
        return f"gridgate: {where}: {self.problem}; {self.remedy}"


class SettingError(GatewayError):
    """The daemon cannot run as it was told to; exit status 2.

    Attributes:
        faults: everything that was found wrong, in the order of the file.
    """

    def __init__(self, *faults: SettingFault) -> None:
        super().__init__("\n".join(fault.sentence() for fault in faults))
        self.faults = faults


class ConfigError(SettingError):
    """The configuration file is wrong in itself."""


class StartError(SettingError):
    """The configuration is well formed, but the machine does not offer what it names.

    Raised before READY for a port that is missing or busy, a store that another daemon holds.
    """

    @classmethod
    def of(cls, file: Path, key: str, problem: str, remedy: str) -> "StartError":
        """Return the error for a single fault; arguments as in SettingFault."""
        return cls(SettingFault(file=file, key=key, problem=problem, remedy=remedy))


class NotReachable(GatewayError):  # noqa: N818  (reads as what it is in an except clause)
    """No daemon answers on the control socket; exit status 3."""


class RequestRefused(GatewayError):  # noqa: N818
    """The daemon answered a control request, and the answer is no; exit status 1."""


class TakeoverRefused(GatewayError):  # noqa: N818
    """One box cannot go on for another like this; nothing was changed; exit status 1."""
