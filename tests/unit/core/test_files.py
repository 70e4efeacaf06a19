"""A file is there whole or not at all."""

import os

import pytest

from cximpact.core.errors import FileError
from cximpact.core.files import write_whole


def test_a_file_is_written_and_folders_are_made(tmp_path):
    path = write_whole(tmp_path / "a" / "b.txt", lambda p: p.write_text("new"))
    assert path.read_text() == "new" and [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_a_failure_half_way_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "b.txt"
    path.write_text("old")

    def fail(place):
        place.write_text("half")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        write_whole(path, fail)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["b.txt"]


def test_a_full_disk_is_named(tmp_path):
    def fail(place):
        raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match=r"cannot write .*b\.txt.*No space left"):
        write_whole(tmp_path / "b.txt", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot write"):
        write_whole(tmp_path / "file" / "b.txt", lambda p: p.write_text("x"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="Permission denied"):
        write_whole(tmp_path / "b.txt", lambda p: p.write_text("x"))
    tmp_path.chmod(0o700)


def test_the_umask_of_the_user_is_kept(tmp_path):
    before = os.umask(0o077)
    try:
        path = write_whole(tmp_path / "b.txt", lambda p: p.write_text("x"))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
