"""What is written down of a master meter and of its slaves."""

from typing import TYPE_CHECKING

from gateway.store.inventory import Meter

if TYPE_CHECKING:
    from gateway.meters.identification import Identity, SlaveFound


def master_record(identity: "Identity", before: Meter | None, now_s: float) -> Meter:
    """Return what a master meter said of itself, and what was known before."""
    return Meter(
        usn=identity.usn,
        msn_meter=identity.msn_meter,
        msn_module=identity.msn_module,
        firmware_meter=identity.firmware_meter,
        firmware_module=identity.firmware_module,
        config_id=identity.config_id,
        param_id=identity.param_id,
        found_at_s=int(now_s) if before is None else before.found_at_s,
        clock_deviation_s=None if before is None else before.clock_deviation_s,
        clock_contact_at_s=None if before is None else before.clock_contact_at_s,
    )


def slave_record(slave: "SlaveFound", parent_usn: str, before: Meter | None, now_s: float) -> Meter:
    """Return what a master meter said of one of its slaves."""
    return Meter(
        usn=slave.usn,
        msn_meter=slave.msn_meter,
        msn_module=slave.msn_module,
        config_id=slave.config_id,
        parent_usn=parent_usn,
        channel=slave.place.channel,
        medium=int(slave.place.medium),
        found_at_s=int(now_s) if before is None else before.found_at_s,
    )
