"""Certificates and keys, judged when the configuration is checked, not at the first connect."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from gateway.core.config import load_config
from gateway.core.errors import ConfigError


def make_pair(directory: Path, name: str, encryption: KeySerializationEncryption) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    owner = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(owner)
        .issuer_name(owner)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    (directory / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = directory / f"{name}.key"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    secret.chmod(0o600)


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    make_pair(tmp_path, "box", NoEncryption())
    make_pair(tmp_path, "other", NoEncryption())
    make_pair(tmp_path, "locked", BestAvailableEncryption(b"passphrase"))
    (tmp_path / "open.key").write_bytes((tmp_path / "box.key").read_bytes())
    (tmp_path / "open.key").chmod(0o644)
    (tmp_path / "junk.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n", encoding="utf-8")
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "directory.pem").mkdir()
    return tmp_path


def faults_of(directory: Path, tls: str) -> list[str]:
    file = directory / "gridgate.toml"
    file.write_text(f"[head_end.tls]\n{tls}\n", encoding="utf-8")
    try:
        load_config(file)
    except ConfigError as error:
        head = f"gridgate: {file}: [head_end.tls] "
        lines = str(error).replace(f"{directory}/", "").splitlines()
        return [line.removeprefix(head.replace(f"{directory}/", "")) for line in lines]
    return []


def test_good_files_are_good(directory: Path) -> None:
    tls = "ca_file='other.pem'\ncertificate_file='box.pem'\nkey_file='box.key'"
    assert faults_of(directory, tls) == []


@pytest.mark.parametrize(
    ("ca_file", "sentence"),
    [
        ("none.pem", "none.pem does not exist; correct the path or make the file"),
        ("directory.pem", "directory.pem is a directory; name a file"),
        ("junk.pem", "junk.pem holds no readable certificate; "),
        ("empty.pem", "empty.pem holds no readable certificate; "),
        ("box.key", "box.key holds no readable certificate; "),
    ],
)
def test_an_unreadable_authority(directory: Path, ca_file: str, sentence: str) -> None:
    """Shown-by 7: an unreadable certificate is one sentence, exit status 2."""
    (fault,) = faults_of(directory, f"ca_file='{ca_file}'")
    assert fault.startswith(f"ca_file: {sentence}")


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        ("none.pem", "box.key", "certificate_file: none.pem does not exist; "),
        ("junk.pem", "box.key", "certificate_file: junk.pem holds no readable certificate; "),
        ("box.pem", "none.key", "key_file: none.key does not exist; "),
        ("box.pem", "box.pem", "key_file: box.pem holds no readable private key; "),
        ("box.pem", "other.key", "key_file: other.key holds another certificate's key; "),
        ("box.pem", "locked.key", "key_file: locked.key holds no readable private key; "),
        ("box.pem", "open.key", "key_file: open.key has mode 0644, so everybody may use "),
    ],
)
def test_an_unusable_certificate_or_key(
    directory: Path, certificate: str, key: str, sentence: str
) -> None:
    """Shown-by 7, and SEC: a private key that everybody can read is refused."""
    (directory / "box.pem").chmod(0o600)
    tls = f"ca_file='other.pem'\ncertificate_file='{certificate}'\nkey_file='{key}'"
    (fault,) = faults_of(directory, tls)
    assert fault.startswith(sentence)


def test_a_key_in_no_file_at_all(directory: Path) -> None:
    (directory / "box.pem").chmod(0o600)
    (fault,) = faults_of(directory, "ca_file='other.pem'\ncertificate_file='box.pem'")
    assert fault.startswith("key_file: box.pem holds no readable private key; ")
