"""The link between the modem's process and the line's."""

import asyncio
from pathlib import Path

import pytest

from hil.air import (
    AirBroken,
    AirEvent,
    AlarmHeard,
    FirstCopySent,
    Heard,
    HeardBad,
    LineTerms,
    Transmit,
    decode_record,
    encode_record,
)
from hil.air_socket import AirServer, connect_air

pytestmark = pytest.mark.rig

TERMS = LineTerms(bit_rate_bps=24_000, packing="A")
RECORDS: list[AirEvent | Transmit] = [
    TERMS,
    FirstCopySent(),
    Heard(b"\x6c\x6c"),
    HeardBad(b""),
    AlarmHeard(b"\x12\x34"),
    Transmit(bytes(266)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_go_both_ways(record: AirEvent | Transmit) -> None:
    octets = encode_record(record)
    assert int.from_bytes(octets[:2], "big") == len(octets) - 2
    assert decode_record(octets[2], octets[3:]) == record


@pytest.mark.parametrize(
    ("kind", "body"), [(0x03, b""), (0x02, b"x"), (0x80, b"\0"), (0x81, b"x"), (0x84, b"x")]
)
def test_records_that_are_none(kind: int, body: bytes) -> None:
    with pytest.raises(AirBroken, match="no record"):
        decode_record(kind, body)


def test_a_conversation_and_a_cancelled_wait(tmp_path: Path) -> None:
    async def scene() -> None:
        sent: list[bytes] = []
        server = AirServer(tmp_path / "air", terms=TERMS, on_transmit=sent.append)
        assert server.tell(FirstCopySent()) is False
        await server.start()
        air = await connect_air(tmp_path / "air")
        assert await air.next_event() == TERMS
        air.transmit(b"\x6c\x6cframe")
        while not sent:
            await asyncio.sleep(0.01)
        assert sent == [b"\x6c\x6cframe"]
        for number in range(50):
            waiting = asyncio.create_task(air.next_event())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert server.tell(Heard(bytes([number]))) is True
            assert await air.next_event() == Heard(bytes([number]))
        await server.close()
        with pytest.raises(AirBroken, match="hung up"):
            await air.next_event()
        await air.close()
        await air.close()
        with pytest.raises(AirBroken, match="no line"):
            await connect_air(tmp_path / "air")

    asyncio.run(asyncio.wait_for(scene(), 20))


def test_the_modem_that_connects_last_is_the_modem(tmp_path: Path) -> None:
    async def scene() -> None:
        changes: list[bool] = []
        sent: list[bytes] = []
        server = AirServer(
            tmp_path / "air", terms=TERMS, on_transmit=sent.append, on_modem_change=changes.append
        )
        await server.start()
        first = await connect_air(tmp_path / "air")
        await first.next_event()
        second = await connect_air(tmp_path / "air")
        await second.next_event()
        with pytest.raises(AirBroken):
            await first.next_event()
        second.transmit(b"x")
        while not sent:
            await asyncio.sleep(0.01)
        await second.close()
        while server.modem_present:
            await asyncio.sleep(0.01)
        assert changes == [True, True, False]
        await first.close()
        await server.close()

    asyncio.run(asyncio.wait_for(scene(), 20))


def test_nonsense_costs_the_connection_only(tmp_path: Path) -> None:
    async def scene() -> None:
        server = AirServer(tmp_path / "air", terms=TERMS, on_transmit=lambda _: None)
        await server.start()
        for nonsense in (b"\x00\x00", b"\xff\xff\x01", b"\x00\x02\x55\x55"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "air")
            writer.write(nonsense)
            await reader.read()
            writer.close()
        air = await connect_air(tmp_path / "air")
        assert await air.next_event() == TERMS
        await air.close()
        await server.close()

    asyncio.run(asyncio.wait_for(scene(), 20))
