"""What types and ranges cannot say: settings that contradict, and files that must be good."""

from pathlib import Path
from typing import Final

from gateway.core.control_socket import SOCKET_PATH_OCTETS_MAX
from gateway.core.errors import SettingFault
from gateway.core.named_files import (
    check_authorities,
    check_own_certificate,
    check_secret_file,
)
from gateway.core.settings import BoardSection, ConcentratorSettings, DlmsSettings, PlcSettings
from gateway.head_end.settings import HeadEndSettings
from hal.board import RTS, BoardKind

MAINS_FREQUENCIES_HZ: Final = (50, 60)


def contradictions(
    file: Path, board: BoardSection, plc: PlcSettings, head_end: HeadEndSettings
) -> list[SettingFault]:
    """Return what is wrong with settings taken together."""
    found: list[SettingFault] = []

    def add(key: str, problem: str, remedy: str) -> None:
        found.append(SettingFault(file=file, key=key, problem=problem, remedy=remedy))

    if board.kind is BoardKind.RIG and board.plc_t_req != RTS and board.pin_chip is None:
        add("[board] plc_t_req", "a pin of no chip", f'add pin_chip, or write "{RTS}"')
    if plc.mains_frequency_hz not in MAINS_FREQUENCIES_HZ:
        add(
            "[plc] mains_frequency_hz",
            f"no mains has {plc.mains_frequency_hz} Hz",
            "write 50 or 60",
        )
    if plc.mark_hz == plc.space_hz:
        add("[plc] mark_hz", "both tones are the same", "write different mark_hz and space_hz")
    if plc.discover_slots_min > plc.discover_slots_max:
        add(
            "[plc] discover_slots_min",
            f"{plc.discover_slots_min} is more than discover_slots_max = {plc.discover_slots_max}",
            "write the smaller number here",
        )
    if plc.node_lost_after_s <= plc.node_silent_ping_s:
        add(
            "[plc] node_lost_after_s",
            f"a node would be lost after {plc.node_lost_after_s:g} s, before it is pinged",
            f"write more than node_silent_ping_s = {plc.node_silent_ping_s:g}",
        )
    if plc.node_forgets_after_s <= plc.node_silent_ping_s:
        add(
            "[plc] node_silent_ping_s",
            f"a node forgets its address after {plc.node_forgets_after_s:g} s, before it is pinged",
            f"write less than node_forgets_after_s = {plc.node_forgets_after_s:g}",
        )
    if head_end.password_file is not None and head_end.username is None:
        add("[head_end] password_file", "a password without a name", "add the key username")
    tls = head_end.tls
    if tls is not None and tls.key_file is not None and tls.certificate_file is None:
        add("[head_end.tls] key_file", "a key without a certificate", "add certificate_file")
    return found


def faults_in_named_files(
    file: Path, dlms: DlmsSettings, head_end: HeadEndSettings, concentrator: ConcentratorSettings
) -> list[SettingFault]:
    """Return what is wrong with the files and places that the settings name."""
    found = _faults_in_places(file, concentrator)
    if dlms.credentials_file is not None:
        found += check_secret_file(file, "[dlms] credentials_file", dlms.credentials_file)
    if head_end.password_file is not None:
        found += check_secret_file(file, "[head_end] password_file", head_end.password_file)
    if head_end.tls is not None:
        tls = head_end.tls
        found += check_authorities(file, "[head_end.tls] ca_file", tls.ca_file)
        if tls.certificate_file is not None:
            found += check_own_certificate(file, "head_end.tls", tls.certificate_file, tls.key_file)
    return found


def _faults_in_places(file: Path, concentrator: ConcentratorSettings) -> list[SettingFault]:
    found = []
    socket, directory = concentrator.control_socket, concentrator.data_directory
    if len(str(socket).encode()) > SOCKET_PATH_OCTETS_MAX:
        found.append(
            SettingFault(
                file=file,
                key="[concentrator] control_socket",
                problem=f"longer than the {SOCKET_PATH_OCTETS_MAX} octets a socket's path may have",
                remedy="choose a shorter path",
            )
        )
    if directory.exists() and not directory.is_dir():
        found.append(
            SettingFault(
                file=file,
                key="[concentrator] data_directory",
                problem=f"{directory} is no directory",
                remedy="name a directory, or a path that does not exist yet",
            )
        )
    return found
