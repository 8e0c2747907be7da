"""Write a file so that it is there as a whole, or not at all."""

import contextlib
import os
from pathlib import Path
from typing import Final

from gateway.core.errors import TakeoverRefused

PRIVATE: Final = 0o600
READABLE: Final = 0o644


def check_place(path: Path, *, force: bool) -> None:
    """Check that a file may be written here.

    Raises:
        TakeoverRefused: something is there, and `force` is not given; or it is no file.
    """
    try:
        is_directory = path.is_dir()
    except OSError as error:
        raise TakeoverRefused(f"{path} cannot be written ({error.strerror})") from error
    if is_directory:
        raise TakeoverRefused(f"{path} is a directory; name a file")
    if os.path.lexists(path) and not force:
        raise TakeoverRefused(f"{path} exists; name another file, or give --force to overwrite it")


def write_whole(path: Path, octets: bytes, mode: int, *, force: bool) -> None:
    """Write a file, on the disk when this returns.

    Args:
        path: a link that is there is replaced, not followed.
        octets: all of it.
        mode: permissions, whatever the umask.
        force: overwrite.

    Raises:
        TakeoverRefused: it was not written, and what was there before still is.
    """
    check_place(path, force=force)
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        try:
            _write(part, octets, mode)
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
        _sync_directory(path.parent)
    except OSError as error:
        raise TakeoverRefused(f"{path} cannot be written ({error.strerror})") from error


def _write(path: Path, octets: bytes, mode: int) -> None:
    # O_EXCL: nobody else may have laid out a file or a link to catch what is written.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as opened:
        with contextlib.suppress(PermissionError):  # a stick has no permissions
            os.fchmod(descriptor, mode)
        opened.write(octets)
        opened.flush()
        os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # some file systems have nothing to do here
            os.fsync(directory)
    finally:
        os.close(directory)
