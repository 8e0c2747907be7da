"""The configuration that makes a modem master, slave or monitor (WriteConfig 71, 72).

Octets 0..32 are documented (AMIS-49587 datasheet, configuration table, docs/plc.md 8.6). Octets
33..35 are inferred (I): repeater options first, then the time-out of the initiator search.
The datasheet says 36 octets but prints a Length that fits 35: both are read, 36 are written.
"""

from dataclasses import dataclass

from hal.errors import MalformedModemFrame
from hal.plc_modem.field_reader import FieldReader
from hal.plc_modem.record_lengths import CONFIG_OCTETS, SHORT_CONFIG_OCTETS
from hal.plc_modem.status import Mode

GROUPS = 5

RATES_BPS = {50: (300, 600, 1200, 2400), 60: (360, 720, 1440, 2880)}
TIC_10_MS = 0x80  # bit 7 of the repeater options

_STEPS_PER_HZ = (1 << 18) / 3_000_000  # formula from memory (M); 63.3 kHz -> 159B


def frequency_step(frequency_hz: int) -> int:
    """Return the synthesiser's step for a carrier in Hz. Mark M, the one place it stands."""
    return round(frequency_hz * _STEPS_PER_HZ)


def line_options(mode: Mode, *, bit_rate_bps: int, mains_hz: int) -> int:
    """Return octet 30: mode, bit rate and mains frequency.

    A rate outside the chip's table is a bench rate, which this octet cannot carry: it then says
    the fastest rate of the table, and an emulated modem learns the true one from its line.
    """
    rates = RATES_BPS[mains_hz]
    code = rates.index(bit_rate_bps) if bit_rate_bps in rates else len(rates) - 1
    return mode << 3 | code << 1 | (mains_hz == 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemConfig:
    """All fields, in their order on the wire; packed octets keep their datasheet layout."""

    first_initiator_mac: int  # FIMA
    last_initiator_mac: int  # LIMA
    local_mac: int
    active_initiator_mac: int = 0  # 0 in a master and in an unlocked slave
    synchro_confirm_s: int = 30
    frame_not_ok_s: int = 45
    not_addressed_min: int = 1440
    group_macs: tuple[int, ...] = (0,) * GROUPS
    space_step: int
    mark_step: int
    zero_crossing_adjust: int = 0
    alarm_and_attenuation: int = 0
    line_options: int
    search_options: int = 0x01
    gain_options: int = 0
    repeater_options: int = TIC_10_MS
    search_initiator_s: int = 30

    @property
    def mode(self) -> Mode:
        """Return the mode, NOT_SET when the bits name none."""
        code = self.line_options >> 3 & 7
        return Mode(code) if code in tuple(Mode) else Mode.NOT_SET

    @property
    def mains_hz(self) -> int:
        """Return 50 or 60."""
        return 60 if self.line_options & 1 else 50

    @property
    def bit_rate_bps(self) -> int:
        """Return the rate that octet 30 says; see `line_options` for bench rates."""
        return RATES_BPS[self.mains_hz][self.line_options >> 1 & 3]

    @property
    def tic_is_10_ms(self) -> bool:
        """Tell whether the gap that ends a frame is 10 ms at every baud rate."""
        return bool(self.repeater_options & TIC_10_MS)

    def encode(self) -> bytes:
        """Return the 36 octets."""
        words = [self.first_initiator_mac, self.last_initiator_mac, self.local_mac]
        words += [self.active_initiator_mac, self.synchro_confirm_s, self.frame_not_ok_s]
        words += [self.not_addressed_min, *self.group_macs, self.space_step, self.mark_step]
        packed = [self.zero_crossing_adjust, self.alarm_and_attenuation, self.line_options]
        packed += [self.search_options, self.gain_options, self.repeater_options]
        start = b"".join(word.to_bytes(2, "little") for word in words)
        return start + bytes(packed) + self.search_initiator_s.to_bytes(2, "little")

    @classmethod
    def decode(cls, octets: bytes) -> "ModemConfig":
        """Return the configuration that `octets` are (36, or 35 with a one-octet last field).

        Raises:
            MalformedModemFrame: any other length.
        """
        if len(octets) not in {CONFIG_OCTETS, SHORT_CONFIG_OCTETS}:
            raise MalformedModemFrame(f"configuration of {len(octets)} octets", octets)
        reader = FieldReader(octets)
        return cls(
            first_initiator_mac=reader.number(2),
            last_initiator_mac=reader.number(2),
            local_mac=reader.number(2),
            active_initiator_mac=reader.number(2),
            synchro_confirm_s=reader.number(2),
            frame_not_ok_s=reader.number(2),
            not_addressed_min=reader.number(2),
            group_macs=tuple(reader.number(2) for _ in range(GROUPS)),
            space_step=reader.number(2),
            mark_step=reader.number(2),
            zero_crossing_adjust=reader.number(1),
            alarm_and_attenuation=reader.number(1),
            line_options=reader.number(1),
            search_options=reader.number(1),
            gain_options=reader.number(1),
            repeater_options=reader.number(1),
            search_initiator_s=reader.number(reader.left()),
        )
