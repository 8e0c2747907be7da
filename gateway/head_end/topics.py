"""Where messages go on the broker; described in docs/head_end_interface.md."""

from dataclasses import dataclass

ROOT = "gridgate/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The topics of one concentrator.

    Attributes:
        dc_id: its name, one level of a topic.
    """

    dc_id: str

    @property
    def batch(self) -> str:
        """Concentrator to head-end: readings and journal."""
        return f"{ROOT}/{self.dc_id}/batch"

    @property
    def ack(self) -> str:
        """Head-end to concentrator: what is committed there."""
        return f"{ROOT}/{self.dc_id}/ack"

    @property
    def status(self) -> str:
        """Concentrator to head-end, retained: whether it is connected."""
        return f"{ROOT}/{self.dc_id}/status"
