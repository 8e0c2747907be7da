"""The passwords of meters: by meter or by kind of meter, never shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.dlms.password import Password


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Low-level-security passwords.

    Attributes:
        by_meter: USN -> password; goes before the kind's.
        by_kind: "config_id/firmware" -> password, firmware being the meter's module's.
    """

    by_meter: Mapping[str, Password] = field(default_factory=dict)
    by_kind: Mapping[str, Password] = field(default_factory=dict)

    def password_for(
        self, *, usn: str | None = None, config_id: str | None = None, firmware: str | None = None
    ) -> Password | None:
        """Return the password to open this meter with; None when it takes none."""
        if usn is not None and usn in self.by_meter:
            return self.by_meter[usn]
        if config_id is not None and firmware is not None:
            return self.by_kind.get(f"{config_id}/{firmware}")
        return None
