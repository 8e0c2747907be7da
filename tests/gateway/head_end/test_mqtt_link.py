"""The link over real brokers: versions, cuts, refusals, TLS, and the head-end as a process."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import logging
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.head_end.errors import LinkDown
from gateway.head_end.link import PublishOutcome
from gateway.head_end.mqtt_link import MqttLink
from gateway.head_end.settings import HeadEndSettings, TlsSettings
from hil.broker import BrokerKind, choose_broker
from hil.wan_forwarder import WanForwarder
from tests.gateway.head_end.push_rig import open_rig
from tests.gateway.store.store_tools import run
from tests.hil.head_end_bench import (
    HeadEndBench,
    broker,
    died_as_told,
    free_port,
    listens,
    until,
)

pytestmark = pytest.mark.rig

needs_mosquitto = pytest.mark.skipif(
    choose_broker() is not BrokerKind.MOSQUITTO, reason="mosquitto is not installed"
)


def quick(port: int, **other: object) -> HeadEndSettings:
    fields = {"port": port, "ack_timeout_s": 1.0, "push_interval_s": 0.02, "batch_rows_max": 10}
    return HeadEndSettings(**(fields | other))  # type: ignore[arg-type]  # fields of the settings


@contextlib.asynccontextmanager
async def running(link: MqttLink) -> AsyncIterator[MqttLink]:
    work = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


async def soon(holds: Callable[[], object], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", list(BrokerKind))
def test_speaks_the_version_that_the_broker_knows(
    kind: BrokerKind, caplog: pytest.LogCaptureFixture
) -> None:
    """UPL-1: MQTT 5 first; a broker that refuses it gets 3.1.1, and the log says so."""
    port = free_port()

    async def main() -> None:
        async with running(MqttLink(quick(port), "GG-1")) as link, asyncio.timeout(20):
            await link.wait_up()
            version = "5" if kind is BrokerKind.MOSQUITTO else "3.1.1"
            assert link.describe()["mqtt_version"] == version
            assert link.describe()["connected"] is True
            outcome = await link.publish("gridgate/v1/GG-1/batch", b"{}")
            nobody = PublishOutcome.NO_SUBSCRIBER
            assert outcome is (nobody if version == "5" else PublishOutcome.ACCEPTED)

    with caplog.at_level(logging.WARNING), broker(kind, port):
        run(main())
    told = "broker does not answer to this MQTT version, trying the other"
    assert (told in caplog.messages) == (kind is BrokerKind.AMQTT)


@pytest.mark.parametrize("kind", list(BrokerKind))
def test_all_rows_arrive_once_through_a_head_end_that_dies_before_its_commit(
    kind: BrokerKind, tmp_path: Path
) -> None:
    """UPL-1: killed between PUBACK and commit; the batch comes again, the rows once."""
    port = free_port()
    head_end = HeadEndBench(tmp_path, port)

    async def store(rows: int, until_committed: int) -> None:
        link = MqttLink(quick(port), "GG-1")
        async with open_rig(tmp_path / "store.db", link, quick(port)) as rig:
            await rig.store(rows)
            if until_committed:
                await rig.wait_committed(until_committed, 20)
            else:
                await soon(lambda: rig.outbox.rows_accepted() >= rows)
                assert rig.outbox.watermarks.committed_rows == 0

    with broker(kind, port):
        with head_end.running("--fault", "die-before-commit") as dying:
            run(store(25, 0))
            assert died_as_told(dying)
            assert head_end.seqs() == []
        with head_end.running():
            run(store(5, 30))
            assert head_end.seqs() == list(range(1, 31))


@needs_mosquitto
def test_comes_back_when_the_broker_does(tmp_path: Path) -> None:
    """UPL-1, UPL-3: a cut costs nothing but time."""
    port = free_port()
    head_end = HeadEndBench(tmp_path, port)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        link = MqttLink(quick(port), "GG-1")
        with contextlib.ExitStack() as first:
            broken = first.enter_context(broker(BrokerKind.MOSQUITTO, port))
            async with open_rig(tmp_path / "store.db", link, quick(port)) as rig:
                with head_end.running():
                    await rig.store(5)
                    await rig.wait_committed(5)
                    broken.kill()
                    await soon(lambda: not link.is_up)
                    await rig.store(20)
                    with pytest.raises(LinkDown):
                        await link.publish("gridgate/v1/GG-1/batch", b"{}")
                    again = broker(BrokerKind.MOSQUITTO, port)
                    await loop.run_in_executor(None, again.__enter__)
                    try:
                        await rig.wait_committed(25, 30)
                    finally:
                        again.__exit__(None, None, None)
                assert head_end.seqs() == list(range(1, 26))

    run(main())


@needs_mosquitto
def test_status_tells_online_and_offline(tmp_path: Path) -> None:
    """UPL-2: retained, so that a head-end that comes later knows too."""
    port = free_port()
    head_end = HeadEndBench(tmp_path, port)

    def status() -> str:
        return str(head_end.query("SELECT status FROM concentrators"))

    async def main() -> None:
        async with running(MqttLink(quick(port), "GG-1")) as link:
            async with asyncio.timeout(10):
                await link.wait_up()
            with head_end.running():
                await soon(lambda: '"online": true' in status())

    with broker(BrokerKind.MOSQUITTO, port):
        run(main())
        with head_end.running():
            until(lambda: '"online": false' in status(), "the end is told")


def test_a_silent_broker_does_not_hold_up_the_stop() -> None:
    """The daemon stops within five seconds, whoever does not answer."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        port = silent.getsockname()[1]

        async def main() -> float:
            async with running(MqttLink(quick(port), "GG-1")) as link:
                await asyncio.sleep(0.3)
                assert not link.is_up
                began = time.monotonic()
            return time.monotonic() - began

        assert run(main()) < 2.5


def test_nobody_there_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()

    async def main() -> None:
        async with running(MqttLink(quick(port), "GG-1")) as link:
            await soon(lambda: caplog.messages.count("head-end link failed") >= 2)
            assert link.describe()["mqtt_version"] == "5"  # nobody was there to mind it

    with caplog.at_level(logging.WARNING):
        run(main())
    reasons = [str(getattr(record, "REASON", "")) for record in caplog.records]
    assert any(f"127.0.0.1:{port}" in reason for reason in reasons)


@contextlib.contextmanager
def mosquitto(folder: Path, port: int, *settings: str) -> Iterator[None]:
    """Run mosquitto with settings of its own."""
    file = folder / "mosquitto.conf"
    user = ["user root"] if os.geteuid() == 0 else []
    file.write_text("\n".join([f"listener {port} 127.0.0.1", *user, *settings, ""]))
    program = "/usr/sbin/mosquitto"
    with subprocess.Popen([program, "-c", str(file)], stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: listens(port), "mosquitto listens")
            yield
        finally:
            process.kill()


@needs_mosquitto
def test_a_wrong_password_is_told_and_a_right_one_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """UPL-4: refused is refused, and not a matter of the version; the password is not logged."""
    port = free_port()
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "gg", "Geheim-7"],
        check=True,
        capture_output=True,
    )
    mine = tmp_path / "mine"
    mine.write_text("falsch-5\n")

    async def main() -> None:
        settings = quick(port, username="gg", password_file=mine)
        async with running(MqttLink(settings, "GG-1")) as link:
            await soon(lambda: "head-end link failed" in caplog.messages)
            assert link.describe()["mqtt_version"] == "5"
            mine.write_text("Geheim-7\n")
            async with asyncio.timeout(20):
                await link.wait_up()

    with (
        caplog.at_level(logging.DEBUG),
        mosquitto(tmp_path, port, "allow_anonymous false", f"password_file {passwords}"),
    ):
        run(main())
    told = " ".join(str(record.__dict__) for record in caplog.records)
    assert "falsch-5" not in told
    assert "Geheim-7" not in told


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._certificate(self.name, self.key, ca=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key of 127.0.0.1 under that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(self._certificate(subject, key, ca=False))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, secret

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> bytes:
        now = dt.datetime.now(dt.UTC)
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        )
        return built.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@needs_mosquitto
def test_tls_with_certificates_on_both_sides(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """UPL-4: the right certificates pass; a foreign broker and a foreign client do not."""
    ours, foreign = Authority(tmp_path, "ours"), Authority(tmp_path, "foreign")
    port = free_port()
    certificate, key = ours.issue("broker")
    mine, my_key = ours.issue("concentrator")
    not_mine, not_my_key = foreign.issue("stranger")

    async def goes_up(tls: TlsSettings) -> bool:
        caplog.clear()
        async with running(MqttLink(quick(port, tls=tls), "GG-1")) as link:
            await soon(lambda: link.is_up or "head-end link failed" in caplog.messages)
            return link.is_up

    def asked(ca: Path, own: Path | None, secret: Path | None) -> bool:
        return run(goes_up(TlsSettings(ca_file=ca, certificate_file=own, key_file=secret)))

    with (
        caplog.at_level(logging.WARNING),
        mosquitto(
            tmp_path,
            port,
            f"cafile {ours.file}",
            f"certfile {certificate}",
            f"keyfile {key}",
            "require_certificate true",
            "allow_anonymous true",
        ),
    ):
        assert asked(ours.file, mine, my_key)
        assert not asked(foreign.file, mine, my_key)
        assert not asked(ours.file, not_mine, not_my_key)
        assert not asked(ours.file, None, None)
        assert not asked(tmp_path / "missing.pem", mine, my_key)


@needs_mosquitto
def test_an_ack_that_came_before_the_crash_is_asked_for_again(tmp_path: Path) -> None:
    """UPL-1: the head-end has committed, we have not heard it: repeated, and not doubled."""
    port = free_port()
    head_end = HeadEndBench(tmp_path, port)

    async def push(rows: int, committed: int) -> None:
        link = MqttLink(quick(port), "GG-1")
        async with open_rig(tmp_path / "store.db", link, quick(port)) as rig:
            if rows:
                await rig.store(rows)
            if committed:
                await rig.wait_committed(committed, 20)
            else:
                await soon(lambda: head_end.ask({"do": "status"})["rows"] == rows)

    with broker(BrokerKind.MOSQUITTO, port):
        with head_end.running("--fault", "withhold"):
            run(push(12, 0))
        with head_end.running():
            run(push(0, 12))
            assert head_end.ask({"do": "status"})["batches_repeated"] >= 2
            assert head_end.seqs() == list(range(1, 13))


@needs_mosquitto
def test_a_line_that_was_cut_is_no_reason_to_doubt_the_version() -> None:
    """UPL-3: a router closes connections, too; the broker took version 5 before."""
    port = free_port()

    async def main() -> None:
        wan = WanForwarder(far_host="127.0.0.1", far_port=port)
        near_port = await wan.open()
        async with running(MqttLink(quick(near_port, keepalive_s=5), "GG-1")) as link:
            await asyncio.wait_for(link.wait_up(), 10)
            wan.cut()
            await soon(lambda: not link.is_up)
            await asyncio.sleep(1.5)  # it tries again, and nobody says a word
            wan.mend()
            await soon(lambda: link.is_up)
            assert link.describe()["mqtt_version"] == "5"
        await wan.close()

    with broker(BrokerKind.MOSQUITTO, port):
        run(main())
