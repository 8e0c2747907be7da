"""The files that the configuration names: there, readable, and secret where they must be."""

import ssl
import stat
from pathlib import Path

from gateway.core.errors import SettingFault


def check_secret_file(config: Path, key: str, path: Path) -> list[SettingFault]:
    """Return what is wrong with a file that holds passwords: absent, or open to others."""
    found = check_file(config, key, path)
    if found:
        return found
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~0o600:
        problem = f"{path} has mode {mode:04o}, so others may read the passwords in it"
        return [_fault(config, key, problem, f"run chmod 600 {path}")]
    return []


def check_file(config: Path, key: str, path: Path) -> list[SettingFault]:
    """Return what keeps a file from being read."""
    try:
        with path.open("rb") as opened:
            opened.read(1)
    except FileNotFoundError:
        return [_fault(config, key, f"{path} does not exist", "correct the path or make the file")]
    except IsADirectoryError:
        return [_fault(config, key, f"{path} is a directory", "name a file")]
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror})"
        return [_fault(config, key, problem, "let the daemon's user read it")]
    return []


def check_authorities(config: Path, key: str, path: Path) -> list[SettingFault]:
    """Return what is wrong with a file of certificate authorities."""
    found = check_file(config, key, path)
    if found:
        return found
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (ssl.SSLError, ValueError):
        problem = f"{path} holds no readable certificate"
        return [_fault(config, key, problem, "give a PEM file with the authority's certificate")]
    return []


def check_own_certificate(
    config: Path, section: str, certificate: Path, private_key: Path | None
) -> list[SettingFault]:
    """Return what is wrong with the certificate and key that this box shows to the broker.

    Args:
        config: the configuration file.
        section: of the keys certificate_file and key_file.
        certificate: PEM; the chain may follow in the same file.
        private_key: PEM without a passphrase; None when it is in the certificate's file.
    """
    certificate_key, key_key = f"[{section}] certificate_file", f"[{section}] key_file"
    found = check_file(config, certificate_key, certificate)
    if private_key is not None:
        found += check_file(config, key_key, private_key)
    if found:
        return found
    secret, secret_key = (private_key, key_key) if private_key else (certificate, certificate_key)
    mode = stat.S_IMODE(secret.stat().st_mode)
    if mode & 0o007:
        problem = f"{secret} has mode {mode:04o}, so everybody may use the private key in it"
        found.append(_fault(config, secret_key, problem, f"run chmod 600 {secret}"))
    return found + _check_pair(config, (certificate_key, key_key), certificate, private_key)


def _check_pair(
    config: Path, keys: tuple[str, str], certificate: Path, private_key: Path | None
) -> list[SettingFault]:
    certificate_key, key_key = keys
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=certificate)
    except (ssl.SSLError, ValueError):
        problem = f"{certificate} holds no readable certificate"
        return [_fault(config, certificate_key, problem, "give a PEM file with the certificate")]
    try:
        # An empty passphrase: without one, OpenSSL would ask at the terminal.
        context.load_cert_chain(certificate, private_key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        mismatch = getattr(error, "reason", None) == "KEY_VALUES_MISMATCH"
        source = private_key or certificate
        problem = (
            f"{source} holds another certificate's key"
            if mismatch
            else f"{source} holds no readable private key"
        )
        remedy = "give the PEM file with the certificate's own key, without a passphrase"
        return [_fault(config, key_key, problem, remedy)]
    return []


def _fault(config: Path, key: str, problem: str, remedy: str) -> SettingFault:
    return SettingFault(file=config, key=key, problem=problem, remedy=remedy)
