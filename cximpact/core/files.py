"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cximpact.core.errors import FileError


def write_whole(path: Path, write: Callable[[Path], Any]) -> Path:
    """Write a file under a temporary name beside it, then put it in place.

    Parameters
    ----------
    path : Path
        Final place. Missing folders are made; a file that is there is replaced.
    write : callable
        Writes to the path that it is given.

    Returns
    -------
    Path
        The final place.

    Raises
    ------
    FileError
        If the place cannot be written to; what was there before is still there.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        reason = error.strerror or str(error)
        raise FileError(f"cannot write {str(path)!r}: {reason}.") from error
    finally:
        _remove(temporary)
    return path


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
