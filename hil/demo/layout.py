"""Where the files of a demo stand."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template

from hil.demo.options import DemoOptions
from hil.report import REPORT_FILE
from hil.verdict import HEAD_END_FILE, TRUTH_FILE

_SOCKET_PATH_OCTETS_MAX = 100  # unix(7) allows 107
_SETTINGS = Path(__file__).parents[1] / "demo.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoLayout:
    """The files of one run.

    Attributes:
        directory: what stays behind.
        run: sockets and links; gone with the run. Elsewhere if the path would be too long.
    """

    directory: Path
    run: Path

    @property
    def truth(self) -> Path:
        """Return the meters' own rows."""
        return self.directory / TRUTH_FILE

    @property
    def head_end(self) -> Path:
        """Return the head-end's rows."""
        return self.directory / HEAD_END_FILE

    @property
    def logs(self) -> Path:
        """Return the directory of one log for each process."""
        return self.directory / "logs"

    @property
    def daemon_config(self) -> Path:
        """Return the daemon's configuration file."""
        return self.directory / "gridgate.toml"

    @property
    def daemon_data(self) -> Path:
        """Return the directory of the daemon's store."""
        return self.directory / "daemon"

    @property
    def plot(self) -> Path:
        """Return the picture of --plot."""
        return self.directory / "plot.png"

    def socket(self, name: str) -> Path:
        """Return the path of a socket or link."""
        return self.run / name

    def write_daemon_config(self, options: DemoOptions, *, broker_port: int) -> None:
        """Fill in hil/demo.toml for this run."""
        text = Template(_SETTINGS.read_text(encoding="utf-8")).substitute(
            data_directory=self.daemon_data,
            control_socket=self.socket("control.sock"),
            plc_port=self.socket("plc_port"),
            pin_chip=self.socket("pins.sock"),
            bit_rate_bps=options.line_rate_bps,
            broker_port=broker_port,
        )
        self.daemon_config.write_text(text, encoding="utf-8")

    def remove_run(self) -> None:
        """Remove sockets and links."""
        shutil.rmtree(self.run, ignore_errors=True)


def lay_out(directory: Path) -> DemoLayout:
    """Make the directories; what an earlier run left in them is removed, and nothing else."""
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    run = directory / "run"
    layout = DemoLayout(directory=directory, run=run)
    for old in (run, layout.logs, layout.daemon_data):
        shutil.rmtree(old, ignore_errors=True)
    for file in (layout.truth, layout.head_end):
        for suffix in ("", "-wal", "-shm", "-journal"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
    for file in (directory / REPORT_FILE, layout.daemon_config, layout.plot):
        file.unlink(missing_ok=True)
    if len(bytes(layout.socket("control.sock"))) > _SOCKET_PATH_OCTETS_MAX:
        layout = DemoLayout(directory=directory, run=Path(tempfile.mkdtemp(prefix="gridgate-")))
    layout.run.mkdir(exist_ok=True)
    layout.logs.mkdir()
    layout.daemon_data.mkdir()
    return layout
