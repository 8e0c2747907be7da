"""The commands of the emulated chip and its life as master, slave or monitor of a line.

The slave is accepted as far as a rig needs it: it finds and confirms synchronism, takes frames
that are for it, fills in its address, and can be desynchronised by its host; its time-outs are
not emulated. The monitor passes on every sub-frame. See docs/plc.md 8.5 to 8.9.
"""

from collections.abc import Callable

from drivers.errors import DriverError
from drivers.plc.mac_frame import (
    ALL_CONFIGURED,
    ALL_PHYSICAL,
    NEW,
    MacFrame,
    Packing,
    pad_octet_count,
    subframe_count,
)
from hal.plc_modem.access_db import AccessError
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.host_codec import decode_message, encode_message
from hal.plc_modem.host_frame import HostFrame
from hal.plc_modem.mac_record import MacRecord
from hal.plc_modem.messages import (
    AccessDbConfirm,
    AccessDbError,
    AccessDbRequest,
    ConfirmStatus,
    DataConfirm,
    DataIndication,
    DataRequest,
    DesynchroRequest,
    DetectionMethod,
    IsaConfirm,
    IsaRequest,
    LostCause,
    Message,
    ResetRequest,
    SpyData,
    SynchroConfirmed,
    SynchroFound,
    SynchroLost,
    WriteConfigConfirm,
    WriteConfigError,
    WriteConfigRequest,
)
from hal.plc_modem.status import ALARM_BIT, Condition, Mode, StatusMessage
from hil.air import (
    AirEvent,
    AlarmHeard,
    FirstCopySent,
    Heard,
    HeardBad,
    LineTerms,
    RepeatersCalled,
)
from hil.modem_chip.data_base import SOFTWARE_VERSION, ChipDataBase, DbRefused, check_config
from hil.modem_chip.monitor import ChipMonitor

_SLOT_BITS = 360
_SPY = SpyData(
    signal_space=3000,
    noise_space=40,
    signal_mark=2800,
    noise_mark=35,
    threshold=512,
    method=DetectionMethod.FSK,
    bit_and_gain=0x25,
)


class ChipFirmware:
    """Everything behind the serial line; octets of the power line go to `transmit`."""

    def __init__(
        self,
        *,
        tell_host: Callable[[HostFrame], None],
        transmit: Callable[[bytes], None],
        call_repeaters: Callable[[], None],
        on_config: Callable[[], None],
    ) -> None:
        """Prepare a chip after power-on; `on_config` is called when it is set or reset."""
        self.data_base: ChipDataBase | None = None
        self.terms: LineTerms | None = None
        self.on_air: MacFrame | None = None  # its first copy is not out yet
        self._tell_host = tell_host
        self._transmit = transmit
        self._call_repeaters = call_repeaters
        self._on_config = on_config
        self._busy_until = 0.0
        self._synchronised = False
        self._confirmed = False
        self._hops_from_initiator = 0
        self._alarm_heard = False
        self._monitor: ChipMonitor | None = None

    @property
    def mode(self) -> Mode:
        """Return what the chip is configured as."""
        return Mode.NOT_SET if self.data_base is None else self.data_base.config.mode

    @property
    def slot_s(self) -> float:
        """Return the slot: by the line's own word, or else by the configuration."""
        if self.terms is not None:
            return _SLOT_BITS / self.terms.bit_rate_bps
        rate = 2400 if self.data_base is None else self.data_base.config.bit_rate_bps
        return _SLOT_BITS / rate

    def first_copy_s(self, frame: MacFrame) -> float:
        """Return how long the first copy of a frame takes."""
        return subframe_count(len(frame.m_sdu), self._packing()) * self.slot_s

    def reset(self) -> None:
        """Go back to not set."""
        self.data_base = None
        self._monitor = None
        self.on_air = None
        self._busy_until = 0.0
        self._lose_synchronism()
        self._on_config()

    def status(self, now: float) -> StatusMessage:
        """Return the status message of this moment."""
        if self.data_base is None:
            return StatusMessage(Condition.NOT_SET, 0, SOFTWARE_VERSION)
        conditions = Condition.BUSY if self._is_busy(now) else Condition(0)
        last = self.data_base.invalid_frames
        if self.mode is not Mode.MASTER:
            last = 0
            known = self._synchronised if self._monitor is None else self._monitor.synchronised
            if not known:
                conditions |= Condition.NOT_SYNC
        if self.mode is Mode.SLAVE:
            config = self.data_base.config
            conditions |= Condition.NEW if config.local_mac == NEW else Condition(0)
            if not config.active_initiator_mac:
                conditions |= Condition.NOT_LOCKED
            last = self.data_base.min_delta_credit << 2
        slot_counter = int(now / self.slot_s) & 7
        alarm = ALARM_BIT if self._alarm_heard else 0
        self._alarm_heard = False
        return StatusMessage(conditions, slot_counter << 5 | alarm | 1, last)

    def handle(self, frame: HostFrame, now: float) -> None:
        """Do what an acknowledged frame of the host asks."""
        match decode_message(frame):
            case ResetRequest():
                self.reset()
            case WriteConfigRequest(config):
                self._configure(config, now)
            case AccessDbRequest() as request:
                self._access(request)
            case DataRequest(record):
                self._send_frame(record, now)
            case DesynchroRequest():
                self._desynchronise()
            case IsaRequest():
                self._call_repeaters()  # the confirm follows when the call is over
            case _:
                pass  # acknowledged and ignored

    def hear(self, event: AirEvent, now: float) -> None:
        """Take what the power line did."""
        match event:
            case LineTerms():
                self.terms = event
            case FirstCopySent():
                self._first_copy_is_out(now)
            case Heard(octets):
                self._hear_copy(octets, now)
            case HeardBad(octets):
                if self._monitor is not None:
                    self._monitor.hear(octets, self._packing(), self.slot_s, now)
                elif self.data_base is not None:
                    self.data_base.count_invalid()
            case AlarmHeard(pattern):
                self._alarm_heard = self.mode is Mode.MASTER
                if self._monitor is not None:
                    self._monitor.hear_alarm(pattern)
            case RepeatersCalled():
                self._say(IsaConfirm(bytes([ConfirmStatus.OK])))  # content of the AMIS unknown

    def deadline(self) -> float:
        """Return when `tick` is due; infinite while nothing is awaited."""
        return float("inf") if self._monitor is None else self._monitor.deadline()

    def tick(self, now: float) -> None:
        """Act on timers."""
        if self._monitor is not None:
            self._monitor.tick(now)

    def _say(self, message: Message) -> None:
        self._tell_host(encode_message(message))

    def _is_busy(self, now: float) -> bool:
        return self.on_air is not None or now < self._busy_until

    def _packing(self) -> Packing:
        return Packing(self.terms.packing) if self.terms is not None else Packing.MODEL_A

    def _configure(self, config: ModemConfig, now: float) -> None:
        set_already = self.data_base
        if set_already is not None and config.line_options != set_already.config.line_options:
            self._say(WriteConfigError(AccessError.REQUEST_NOT_ALLOWED))
            return
        try:
            check_config(config)
        except DbRefused as refusal:
            self._say(WriteConfigError(refusal.code))
            return
        self.data_base = ChipDataBase(config)
        if self.mode is Mode.MONITOR:
            self._monitor = ChipMonitor(
                self._say, _SPY, frame_not_ok_s=config.frame_not_ok_s, now=now
            )
        self._on_config()
        self._say(WriteConfigConfirm(config))

    def _access(self, request: AccessDbRequest) -> None:
        if self.data_base is None:
            self._say(AccessDbError(AccessError.UNAVAILABLE_MODE))
            return
        try:
            self._say(AccessDbConfirm(self.data_base.access(request.record)))
        except DbRefused as refusal:
            self._say(AccessDbError(refusal.code))

    def _send_frame(self, record: MacRecord, now: float) -> None:
        if self.data_base is None or self.mode is Mode.MONITOR:
            self._say(DataConfirm(ConfirmStatus.LM_TU2))
            return
        if self.mode is Mode.SLAVE and not self._synchronised:
            self._say(DataConfirm(ConfirmStatus.LM_TU2))
            return
        if self._is_busy(now):
            self._say(DataConfirm(ConfirmStatus.LM_TU3))
            return
        local_mac = self.data_base.config.local_mac
        is_slave = self.mode is Mode.SLAVE
        try:
            frame = MacFrame(
                initial_credit=record.initial_credit,
                current_credit=record.initial_credit,
                delta_credit=self._hops_from_initiator if is_slave else record.delta_credit,
                source=local_mac if is_slave else record.source,
                destination=record.destination,
                m_sdu=record.m_sdu,
            )
            octets = frame.encode(self._packing())
        except DriverError:
            self._say(DataConfirm(ConfirmStatus.LM_SE))
            return
        self.on_air = frame
        self.data_base.count("transmitted")
        self._transmit(octets)

    def _first_copy_is_out(self, now: float) -> None:
        frame, self.on_air = self.on_air, None
        if frame is not None:
            self._busy_until = now + frame.initial_credit * self.first_copy_s(frame)
            self._say(DataConfirm(ConfirmStatus.OK))

    def _hear_copy(self, octets: bytes, now: float) -> None:
        if self.data_base is None:
            return
        if self._monitor is not None:
            self._monitor.hear(octets, self._packing(), self.slot_s, now)
            return
        try:
            frame = MacFrame.decode(octets, self._packing())
        except DriverError:
            self.data_base.count_invalid()
            return
        self.data_base.count("crc_ok")
        if self.mode is Mode.SLAVE:
            self._synchronise(frame)
        if self._is_for_me(frame):
            self._say(DataIndication(_record(frame, self._packing())))

    def _is_for_me(self, frame: MacFrame) -> bool:
        assert self.data_base is not None
        config = self.data_base.config
        if frame.source == config.local_mac:
            return False  # a copy of its own frame
        mine = {config.local_mac, ALL_PHYSICAL, *(group for group in config.group_macs if group)}
        if config.local_mac != NEW:
            mine.add(ALL_CONFIGURED)
        return frame.destination in mine

    def _synchronise(self, frame: MacFrame) -> None:
        assert self.data_base is not None
        config = self.data_base.config
        if not self._synchronised:
            self._synchronised = True
            self._say(SynchroFound(_SPY))
        if config.first_initiator_mac <= frame.source <= config.last_initiator_mac:
            self._hops_from_initiator = min(frame.hop_distance, 3)
            credit = min(self.data_base.min_delta_credit, frame.hop_distance)
            self.data_base.min_delta_credit = credit
            if not self._confirmed:
                self._confirmed = True
                confirmed = SynchroConfirmed(source=frame.source, destination=frame.destination)
                self._say(confirmed)

    def _desynchronise(self) -> None:
        if self.mode is Mode.SLAVE and self._synchronised:
            assert self.data_base is not None
            config = self.data_base.config
            self._lose_synchronism()
            self._say(
                SynchroLost(
                    cause=LostCause.EXTERNAL_DESYNCHRO,
                    first_mac=config.local_mac,
                    second_mac=config.active_initiator_mac,
                )
            )

    def _lose_synchronism(self) -> None:
        self._synchronised = False
        self._confirmed = False
        self._hops_from_initiator = 0


def _record(frame: MacFrame, packing: Packing) -> MacRecord:
    return MacRecord(
        initial_credit=frame.initial_credit,
        current_credit=frame.current_credit,
        delta_credit=frame.delta_credit,
        source=frame.source,
        destination=frame.destination,
        pad_length=pad_octet_count(len(frame.m_sdu), packing),
        m_sdu=frame.m_sdu,
    )
