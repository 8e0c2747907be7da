"""What the line does on command, over its control socket (hil.json_control).

{"do": "plug_in", "usn": "..."}     a meter that was held back joins the line
{"do": "power_off", "usn": "..."}   and "power_on": mains of one meter
{"do": "stop_capture"}              -> {"ok": true, "rows": n}; the truth is complete then
{"do": "status"}                    -> {"ok": true, ...} see LineBench.status
"""

from typing import Any, Protocol


class NoSuchMeter(ValueError):  # noqa: N818  (reads as what it is in an except clause)
    """A command named a meter that this line does not have, or not in that state."""


class Commands(Protocol):
    """What can be commanded; hil.line_bench.LineBench is one. All but the last two may refuse."""

    def plug_in(self, usn: str) -> None:
        """Connect a meter that was held back. Raises NoSuchMeter."""

    def power_off(self, usn: str) -> None:
        """Take the mains from a meter. Raises NoSuchMeter."""

    def power_on(self, usn: str) -> None:
        """Give a meter the mains back. Raises NoSuchMeter."""

    def stop_capture(self) -> int:
        """End the arising of rows; return how many the meters hold."""

    def status(self) -> dict[str, object]:
        """Return what an onlooker wants to know."""


async def carry_out(bench: Commands, command: dict[str, Any]) -> dict[str, Any]:
    """Carry out one command; raise NoSuchMeter."""
    usn = str(command.get("usn", ""))
    to_one_meter = {
        "plug_in": bench.plug_in,
        "power_off": bench.power_off,
        "power_on": bench.power_on,
    }
    match command.get("do"):
        case "status":
            return bench.status()
        case "stop_capture":
            return {"rows": bench.stop_capture()}
        case str() as name if name in to_one_meter:
            to_one_meter[name](usn)
            return {"usn": usn}
        case name:
            raise NoSuchMeter(f"no command {name!r}")
