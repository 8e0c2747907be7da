"""A file that is there as a whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from gateway.core.errors import TakeoverRefused
from gateway.core.whole_file import PRIVATE, READABLE, write_whole


@pytest.mark.parametrize("mode", [PRIVATE, READABLE])
def test_is_there_with_its_permissions_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    """INV-6."""
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "x", b"all of it", mode, force=False)
    finally:
        os.umask(before)
    assert (tmp_path / "x").read_bytes() == b"all of it"
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_overwrites_only_when_told_to(tmp_path: Path) -> None:
    """INV-6: and then the old permissions do not stay."""
    file = tmp_path / "x"
    file.write_bytes(b"old")
    file.chmod(0o666)
    with pytest.raises(TakeoverRefused, match="exists"):
        write_whole(file, b"new", PRIVATE, force=False)
    assert file.read_bytes() == b"old"
    write_whole(file, b"new", PRIVATE, force=True)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == PRIVATE


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """INV-6: neither one that leads somewhere, nor one that leads nowhere yet."""
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    for name, to in (("one", target), ("two", tmp_path / "nothing")):
        link = tmp_path / name
        link.symlink_to(to)
        with pytest.raises(TakeoverRefused, match="exists"):
            write_whole(link, b"new", PRIVATE, force=False)
        write_whole(link, b"new", PRIVATE, force=True)
        assert not link.is_symlink()
    assert target.read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """INV-6."""
    (tmp_path / "file").touch()
    with pytest.raises(TakeoverRefused, match="is a directory"):
        write_whole(tmp_path, b"x", PRIVATE, force=True)
    with pytest.raises(TakeoverRefused, match="cannot be written"):
        write_whole(tmp_path / "no" / "where", b"x", PRIVATE, force=False)
    with pytest.raises(TakeoverRefused, match="cannot be written"):
        write_whole(tmp_path / "file" / "x", b"x", PRIVATE, force=False)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
