"""The kinds of meters on the emulated line: what differs from one type to the next."""

from dataclasses import dataclass

from drivers.dlms.companion import Medium
from hil.meter.registers import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterKind:
    """One type of meter with one configuration: all of them have the same object list.

    Attributes:
        config_id: with `firmware_module` it tells a client which object list this is.
        phases: 1 or 3.
        disconnecter: has one, thus a second event log.
        status_octets: width of the status word in the rows of the meter's own profiles, 1 or 2.
        periodic: registers of the periodic profile.
        daily: registers of the daily and the monthly profile, at most 4.
        slave_media: which medium the configuration expects on channel 0, 1, 2, 3.
        first_base_name: short name of the first object that has no reserved one.
        pdu_octets_max: longest APDU that the module takes or gives.
        bare_block_data: the blocks of its long answers hold bare data, without counts and choices.
    """

    name: str
    config_id: str
    firmware_meter: str
    firmware_module: str
    phases: int
    disconnecter: bool
    status_octets: int
    periodic: tuple[Quantity, ...]
    daily: tuple[Quantity, ...]
    slave_media: tuple[Medium, Medium, Medium, Medium]
    first_base_name: int
    pdu_octets_max: int
    bare_block_data: bool


SINGLE_PHASE = MeterKind(
    name="single-phase",
    config_id="ZCF110-AD1P-01",
    firmware_meter="M17",
    firmware_module="T04",
    phases=1,
    disconnecter=True,
    status_octets=1,
    periodic=(Quantity.IMPORT,),
    daily=(Quantity.IMPORT, Quantity.IMPORT_RATE_1, Quantity.IMPORT_RATE_2, Quantity.EXPORT),
    slave_media=(Medium.GAS, Medium.WATER_COLD, Medium.HEAT, Medium.WATER_HOT),
    first_base_name=0x2000,
    pdu_octets_max=239,
    bare_block_data=False,
)

POLYPHASE = MeterKind(
    name="polyphase",
    config_id="ZMF120-AD3P-02",
    firmware_meter="M21",
    firmware_module="T07",
    phases=3,
    disconnecter=False,
    status_octets=2,
    periodic=(Quantity.IMPORT, Quantity.EXPORT, Quantity.COMBINED, Quantity.IMPORT_RATE_1),
    daily=(
        Quantity.IMPORT_RATE_1,
        Quantity.IMPORT_RATE_2,
        Quantity.EXPORT_RATE_1,
        Quantity.EXPORT_RATE_2,
    ),
    slave_media=(Medium.WATER_COLD, Medium.GAS, Medium.WATER_HOT, Medium.HEAT),
    first_base_name=0x1400,
    pdu_octets_max=239,
    bare_block_data=True,
)
