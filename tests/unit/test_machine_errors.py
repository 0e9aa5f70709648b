"""Errors of the disk, of permissions and of limits: one line with the file and the cure."""

import errno

import pytest

from textrnn.machine_errors import of_machine


@pytest.mark.parametrize(
    ("number", "says", "do"),
    [
        (errno.ENOSPC, "no space left on device", "free some space or raise the quota"),
        (errno.EDQUOT, "disk quota exceeded", "free some space or raise the quota"),
        (errno.EFBIG, "file too large", "raise the limit of the size of files, `ulimit -f`"),
        (errno.EACCES, "permission denied", "give this user permission to read and write it"),
        (errno.EPERM, "operation not permitted", "give this user permission to read and write it"),
        (errno.EROFS, "read-only file system", "mount the file system for writing, or use another folder"),
        (errno.ENAMETOOLONG, "file name too long", "use a shorter name"),
        (errno.ENOTDIR, "not a directory", "move away the file that has the name of a folder"),
        (errno.EEXIST, "file exists", "move away the file that has the name of a folder"),
        (errno.EISDIR, "is a directory", "move away the folder that has the name of a file"),
        (errno.EMFILE, "too many open files", "raise the limit of open files, `ulimit -n`, or lower TEXTRNN_WORKERS"),
        (errno.EBUSY, "device or resource busy", "end the program that uses it, or unmount it if it is a mount point"),
        (errno.EXDEV, "invalid cross-device link", "move it away, or write to a folder on a single file system"),
        (errno.EIO, "input/output error", "see the system log"),
    ],
)
def test_an_error_of_the_machine_is_a_line_with_the_file_and_the_cure(number, says, do):
    told = of_machine(OSError(number, "whatever", "data/a"))
    assert str(told) == f"data/a: {says}; {do}, then the same command again"


def test_an_error_of_a_rename_names_where_it_should_go():
    told = of_machine(OSError(errno.EACCES, "no", "data/.textrnn/a", None, "data/b"))
    assert str(told).startswith("data/b: permission denied; ")


def test_notes_say_what_was_kept():
    error = OSError(errno.ENOSPC, "no", "a")
    error.add_note("the same command continues after the 3 finished shards")
    assert str(of_machine(error)).endswith("; the same command continues after the 3 finished shards")


def test_an_error_without_a_name_and_one_with_a_long_name_are_told_too():
    assert str(of_machine(OSError(errno.ENOSPC, "no"))).startswith("this machine: no space left on device; ")
    long = str(of_machine(OSError(errno.ENAMETOOLONG, "no", "a" * 5000)))
    assert long.startswith(f"{'a' * 100}...{'a' * 100}: file name too long; ")


def test_no_temporary_folder_is_told_as_such():
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/p']")
    assert str(of_machine(error)).startswith(
        "temporary folder: none can be written; free some space there, or set TMPDIR"
    )


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "no", "a"), OSError(errno.EINVAL, "no", "a"), OSError("Invalid data stream")],
)
def test_other_errors_of_the_system_are_not_the_users(error):
    assert of_machine(error) is None
