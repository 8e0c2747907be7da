"""What the driver of one power-line modem is told, each value with its unit and its reason."""

from dataclasses import dataclass

from hal.plc_modem.config_record import RATES_BPS, ModemConfig, frequency_step, line_options
from hal.plc_modem.mac_record import HEADER_OCTETS
from hal.plc_modem.status import Mode

_SLOT_BITS = 360
_SUBFRAME_OCTETS = 36
_LINE_OVERHEAD_OCTETS = (
    8  # the smaller of both packings (docs/plc.md 2.4): a lower bound of airtime
)
_SUBFRAMES_MAX = 7
_COPIES_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PlcModemSettings:
    """Line, addresses, and patience.

    The chip's own timers are Tpoll 20 ms, Tack 40 ms, Tsr 200 ms. The host waits much longer
    than the chip may take, because a loaded machine wakes late; the slack costs time only when
    something went wrong.
    """

    baud_bps: int = 38_400
    bit_rate_bps: int = 2_400  # a rate outside the chip's table is a bench rate, see line_options
    mains_frequency_hz: int = 50
    space_hz: int = 63_300
    mark_hz: int = 74_000
    initiator_mac: int = 0xC00
    first_initiator_mac: int = 0xC00  # FIMA
    last_initiator_mac: int = 0xDFF  # LIMA
    synchro_confirm_s: int = 30
    frame_not_ok_s: int = 45
    not_addressed_min: int = 1_440
    search_initiator_s: int = 30
    repeater_level_dbuv: int = 104  # a pattern this loud makes a repeater superfluous (from memory)

    status_wait_s: float = 0.5  # from T_REQ low to the status message
    ack_wait_s: float = 0.3  # from the end of our frame to ACK or NAK
    reply_wait_s: float = 1.0  # from ACK to the confirm of a command that needs no airtime
    confirm_slack_s: float = 1.0  # beyond the airtime of the first copy
    octet_gap_s: float = 0.25  # a pause that ends a frame; generous, or a late wake-up cuts frames
    link_tries: int = 5  # frames NAKed or unanswered before the modem is reset
    status_tries: int = 3  # polls without a status before the modem counts as silent
    resets_while_silent: int = 5  # attempts to bring up a silent modem before giving up
    pause_after_failure_s: float = 0.1  # doubles up to the next value
    pause_after_failure_max_s: float = 2.0
    pll_wait_s: float = 5.0  # from configured to locked on the mains
    watch_period_s: float = 10.0  # an idle modem is asked for its status this often
    frames_kept_max: int = 256  # heard, and not yet fetched

    @property
    def octet_s(self) -> float:
        """Return the time of one octet on the serial line (8N1)."""
        return 10 / self.baud_bps

    @property
    def slot_s(self) -> float:
        """Return the time slot of the power line."""
        return _SLOT_BITS / self.bit_rate_bps

    @property
    def is_bench_rate(self) -> bool:
        """Tell whether the chip's configuration cannot carry the bit rate."""
        return self.bit_rate_bps not in RATES_BPS[self.mains_frequency_hz]

    @property
    def line_busy_max_s(self) -> float:
        """Return how long one frame with all its repetitions can hold the modem."""
        return _SUBFRAMES_MAX * _COPIES_MAX * self.slot_s + self.confirm_slack_s

    def first_copy_s(self, record_octets: int) -> float:
        """Return the least airtime of the first copy of a MAC_Frame record of so many octets."""
        on_line = record_octets - HEADER_OCTETS + _LINE_OVERHEAD_OCTETS
        return -(-on_line // _SUBFRAME_OCTETS) * self.slot_s

    def confirm_wait_s(self, record_octets: int) -> float:
        """Return how long to wait for an MA_Data_Confirm: next slot, one to spare, slack."""
        return self.first_copy_s(record_octets) + 3 * self.slot_s + self.confirm_slack_s

    def master_config(self) -> ModemConfig:
        """Return the configuration that makes the chip master of this line."""
        return self._config(Mode.MASTER, self.initiator_mac)

    def monitor_config(self) -> ModemConfig:
        """Return the configuration that makes the chip listen to this line and never send."""
        return self._config(Mode.MONITOR, 0)

    def _config(self, mode: Mode, local_mac: int) -> ModemConfig:
        options = line_options(
            mode, bit_rate_bps=self.bit_rate_bps, mains_hz=self.mains_frequency_hz
        )
        return ModemConfig(
            first_initiator_mac=self.first_initiator_mac,
            last_initiator_mac=self.last_initiator_mac,
            local_mac=local_mac,
            synchro_confirm_s=self.synchro_confirm_s,
            frame_not_ok_s=self.frame_not_ok_s,
            not_addressed_min=self.not_addressed_min,
            space_step=frequency_step(self.space_hz),
            mark_step=frequency_step(self.mark_hz),
            line_options=options,
            search_initiator_s=self.search_initiator_s,
        )
