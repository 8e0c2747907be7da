"""Random frames that are all right, built from the layers: what hostile ones begin as."""

import random
from collections.abc import Callable, Mapping
from typing import Final

from drivers.plc.scapy_layers.association import DlmsAssociation, DlmsAssociationField
from drivers.plc.scapy_layers.axdr import DlmsData
from drivers.plc.scapy_layers.ciase import (
    CiaseAlarmOfServer,
    CiaseClearAlarm,
    CiaseDiscover,
    CiaseDiscoverReport,
    CiasePingRequest,
    CiasePingResponse,
    CiaseRegister,
    CiaseRegisterEntry,
    CiaseRepeaterCall,
    CiaseServiceError,
)
from drivers.plc.scapy_layers.dlms import (
    DlmsInformationReport,
    DlmsReadRequest,
    DlmsReadResponse,
    DlmsServiceError,
    DlmsUnconfirmedWriteRequest,
    DlmsWriteRequest,
    DlmsWriteResponse,
)
from drivers.plc.scapy_layers.dlms_parts import (
    DlmsBlockNumber,
    DlmsBlockNumberAccess,
    DlmsDataBlock,
    DlmsError,
    DlmsParameterizedName,
    DlmsSuccess,
    DlmsValue,
    DlmsVariableName,
)
from drivers.plc.scapy_layers.llc import PlcLlc
from drivers.plc.scapy_layers.mac import PlcMacFrame, PlcMacRecord
from drivers.plc.scapy_layers.modem import ModemFrame
from drivers.plc.scapy_layers.modem_data import DATA_LAYERS
from drivers.plc.scapy_layers.spots import Layer, SpotKind, spots_of
from hil.fuzz.cast import (
    CLIENT_LSAP,
    CLIENT_TITLE,
    INITIATOR,
    METER,
    METER_LSAP,
    METER_TITLE,
    SHORT_NAMES,
)
from hil.fuzz.hostile_frame import FuzzLayer

_FIXED_SIZE: Final = {
    0: 0,
    3: 1,
    5: 4,
    6: 4,
    15: 1,
    16: 2,
    17: 1,
    18: 2,
    20: 8,
    21: 8,
    22: 1,
    25: 12,
}
_OTHER_COMMANDS: Final = (0x11, 0x20, 0x21, 0x31, 0x32, 0x33, 0x41, 0x42, 0x62, 0xC0)
_MAC_COMMANDS: Final = (0x50, 0x51, 0x53)


def valid_frame(layer: FuzzLayer, rng: random.Random) -> Layer:
    """Return a frame of a layer; for CIASE and DLMS the PDU alone."""
    return _MAKERS[layer](rng)


def frame_around(l_sdu: Layer | bytes, rng: random.Random, *, ciase: bool) -> Layer:
    """Return a MAC frame that carries an L_sdu, between stations that there may be."""
    lsaps = (0x00, 0x01) if ciase else (METER_LSAP, CLIENT_LSAP)
    if rng.random() < 0.3:
        lsaps = lsaps[::-1]
    credit = rng.randrange(8)
    frame = PlcMacFrame(
        packing=rng.choice("AB"),
        initial_credit=credit,
        current_credit=rng.randint(0, credit),
        delta_credit=rng.randrange(4),
        source=rng.choice([INITIATOR, INITIATOR, METER, 0xFFE, 0xC01]),
        destination=rng.choice([METER, METER, INITIATOR, 0xFFC, 0xFFE, 0xFFF]),
    )
    return frame / PlcLlc(destination_lsap=lsaps[0], source_lsap=lsaps[1]) / l_sdu


def random_data(rng: random.Random, depth: int = 0) -> DlmsData:
    """Return a value; arrays and structures nest a little."""
    kind, content = _value(rng, depth)
    return DlmsData(type=kind, content=content)


def _value(rng: random.Random, depth: int) -> tuple[int, bytes]:
    pick = rng.random()
    if pick < 0.25 and depth < 3:
        items = [bytes(random_data(rng, depth + 1)) for _ in range(rng.randrange(4))]
        return rng.choice([1, 2]), bytes([len(items)]) + b"".join(items)
    if pick < 0.45:
        octets = rng.randbytes(rng.choice([0, 1, 5, 6, 12, 30]))
        return rng.choice([9, 10, 12]), bytes([len(octets)]) + octets
    if pick < 0.5:
        return 4, b"\x09" + rng.randbytes(2)
    if pick < 0.55:
        return 19, b"\x12\x04" + rng.randbytes(4)  # a compact array of two u16
    kind = rng.choice(list(_FIXED_SIZE))
    return kind, rng.randbytes(_FIXED_SIZE[kind])


def _title(rng: random.Random) -> bytes:
    return rng.choice([METER_TITLE, CLIENT_TITLE, rng.randbytes(6)])


def _ciase(rng: random.Random) -> Layer:
    makers: list[Callable[[], Layer]] = [
        lambda: CiaseDiscover(
            response_probability=rng.randint(0, 100),
            allowed_time_slots=rng.choice([0, 1, 20, 0xFFFF]),
            report_initial_credit=rng.randrange(8),
            ic_equal_credit=rng.randrange(2),
        ),
        lambda: CiaseDiscoverReport(
            system_titles=[_title(rng) for _ in range(rng.choice([0, 1, 1, 1, 3]))],
            alarm_present=rng.randrange(2),
        ),
        lambda: CiaseRegister(
            initiator_system_title=_title(rng),
            entries=[
                CiaseRegisterEntry(system_title=_title(rng), mac=rng.choice([1, 2, 0xBFF, 0]))
                for _ in range(rng.choice([0, 1, 2, 28]))
            ],
        ),
        lambda: CiasePingRequest(system_title=_title(rng)),
        lambda: CiasePingResponse(system_title=_title(rng)),
        lambda: CiaseRepeaterCall(max_mac=rng.randrange(0xC00), threshold_present=rng.randrange(2)),
        lambda: CiaseClearAlarm(
            choice=rng.randrange(4),
            servers=[_title(rng) for _ in range(rng.randrange(4))],
            alarm_descriptors=[rng.choice([1, 0x82]) for _ in range(rng.randrange(4))],
            pairs=[CiaseAlarmOfServer(system_title=_title(rng)) for _ in range(rng.randrange(4))],
        ),
        lambda: CiaseServiceError(service=rng.randrange(256), group=rng.randrange(11)),
    ]
    return rng.choice(makers)()


def _access(rng: random.Random) -> Layer:
    name = rng.choice([*SHORT_NAMES, rng.randrange(0x10000)])
    kind, content = _value(rng, 0)
    return rng.choice(
        [
            DlmsVariableName(short_name=name),
            DlmsParameterizedName(
                short_name=name, selector=rng.choice([1, 2]), type=kind, content=content
            ),
            DlmsBlockNumberAccess(block_number=rng.choice([0, 1, 2, 0xFFFF])),
        ]
    )


def _read_result(rng: random.Random) -> Layer:
    kind, content = _value(rng, 0)
    block = rng.randbytes(rng.choice([0, 1, 30, 200]))
    return rng.choice(
        [
            DlmsValue(type=kind, content=content),
            DlmsError(error=rng.choice([0, 3, 4, 250, 99])),
            DlmsDataBlock(
                last_block=rng.randrange(2), block_number=rng.choice([1, 2]), raw_data=block
            ),
            DlmsBlockNumber(block_number=rng.randrange(3)),
        ]
    )


def _association(rng: random.Random) -> Layer:
    fields = [
        (0xA1, bytes.fromhex("060760857405080102")),
        (0xA2, bytes.fromhex("020100")),
        (0xA3, bytes.fromhex("A103020100")),
        (0x80, b"\x00"),
        (0x8A, bytes.fromhex("0780")),
        (0x8B, bytes.fromhex("60857405080201")),
        (0xAC, b"\x80\x08" + rng.randbytes(8)),
        (0xBE, bytes.fromhex("040E01000000065F1F04001C0320FFFF")),
        (0xBE, bytes.fromhex("040E0800065F1F04001C03200083FA00")),
        (0xBE, bytes.fromhex("04040E010601")),
    ]
    chosen = rng.sample(fields, rng.randint(1, len(fields)))
    contents = [DlmsAssociationField(tag=tag, value=value) for tag, value in sorted(chosen)]
    return DlmsAssociation(tag=rng.choice([0x60, 0x61, 0x62, 0x63]), contents=contents)


def _dlms(rng: random.Random) -> Layer:
    accesses = [_access(rng) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
    data = [random_data(rng) for _ in accesses]
    write_results = [DlmsSuccess(), DlmsError(), DlmsBlockNumber(choice=2)]
    makers: list[Callable[[], Layer]] = [
        lambda: DlmsReadRequest(accesses=accesses),
        lambda: DlmsWriteRequest(accesses=accesses, data=data),
        lambda: DlmsUnconfirmedWriteRequest(accesses=accesses, data=data),
        lambda: DlmsInformationReport(accesses=accesses, data=data, time_present=rng.randrange(2)),
        lambda: DlmsReadResponse(results=[_read_result(rng) for _ in range(rng.randrange(4))]),
        lambda: DlmsWriteResponse(results=rng.choices(write_results, k=rng.randrange(3))),
        lambda: DlmsServiceError(service=rng.choice([1, 5, 6]), group=rng.randrange(11)),
        lambda: _association(rng),
    ]
    return rng.choice(makers)()


def _mac(rng: random.Random) -> Layer:
    ciase = rng.random() < 0.5
    return frame_around(_ciase(rng) if ciase else _dlms(rng), rng, ciase=ciase)


def _uart(rng: random.Random) -> Layer:
    pick = rng.random()
    if pick < 0.35:
        frame = _mac(rng)
        record = PlcMacRecord(
            initial_credit=frame.initial_credit,
            current_credit=frame.current_credit,
            delta_credit=frame.delta_credit,
            source=frame.source,
            destination=frame.destination,
            pad_length=rng.randrange(36),
        )
        return ModemFrame(code=rng.choice(_MAC_COMMANDS)) / record / frame.payload
    if pick < 0.6:
        code = rng.choice([*_OTHER_COMMANDS, rng.randrange(256)])
        return ModemFrame(code=code) / rng.randbytes(rng.choice([0, 2, 3, 4, 6, 26, 38]))
    code = rng.choice(list(DATA_LAYERS))
    data = DATA_LAYERS[code]()
    for spot in spots_of(data):
        if spot.kind is SpotKind.NUMBER:
            spot.fill(rng.getrandbits(spot.bits))
    return ModemFrame(code=code) / data


_MAKERS: Final[Mapping[FuzzLayer, Callable[[random.Random], Layer]]] = {
    FuzzLayer.MAC: _mac,
    FuzzLayer.CIASE: _ciase,
    FuzzLayer.DLMS: _dlms,
    FuzzLayer.UART: _uart,
}
