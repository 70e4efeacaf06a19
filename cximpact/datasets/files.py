"""Finding the files of a public data set: a folder of yours, the cache, then the network."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import platformdirs

from cximpact.core.errors import DatasetUnavailableError, join_names
from cximpact.core.files import write_whole

ENVIRONMENT = "CXIMPACT_DATA"
TIMEOUT_SECONDS = 30
MAX_BYTES = 50_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class DataFile:
    """One file of a data set.

    Parameters
    ----------
    name : str
        File name as published and as cached.
    local : str
        File name in a folder named by the environment variable ``CXIMPACT_DATA``; ``.gz`` is
        unpacked.
    sha256 : tuple of str
        Checksums of the unpacked bytes that are accepted. Empty: the content is checked by its
        columns alone.
    url : str, optional
        Public https address, pinned to a commit. None when there is none.
    """

    name: str
    local: str
    sha256: tuple[str, ...] = ()
    url: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSource:
    """A public data set: its files, where they come from and on what terms.

    Parameters
    ----------
    dataset : str
        Name, which is also the name of its folder.
    origin : str
        Who published the data.
    license : str
        Terms of use in a sentence.
    files : sequence of DataFile
        What must be there.
    manual : str, optional
        How to get the files where no address serves them as they are needed.
    """

    dataset: str
    origin: str
    license: str
    files: Sequence[DataFile]
    manual: str = ""

    def read(self, *, cache: str | Path | None, download: bool) -> dict[str, bytes]:
        """Read every file, fetching those that are nowhere on this machine.

        Parameters
        ----------
        cache : path or None
            Folder of the cache; None for the user's cache folder.
        download : bool
            Whether the network may be used.

        Returns
        -------
        dict of str to bytes
            File name to its unpacked bytes.

        Raises
        ------
        DatasetUnavailableError
            If a file is absent and cannot be fetched, or is not the published one.
        """
        cache = Path(platformdirs.user_cache_dir("cximpact") if cache is None else cache)
        folders = [cache / self.dataset]
        if root := os.environ.get(ENVIRONMENT):
            folders.insert(0, Path(root) / self.dataset)
        places = {file.name: _find(file, folders) for file in self.files}
        missing = [file for file in self.files if places[file.name] is None]
        if missing and not (download and all(file.url for file in missing)):
            raise DatasetUnavailableError(self._advice(missing, folders, download))
        out = {}
        for file in self.files:
            place = places[file.name]
            if place is None:
                out[file.name] = self._download(file, folders)
            else:
                out[file.name] = _read_checked(file, place)
        return out

    def label(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Write where the data come from into ``frame.attrs``.

        Parameters
        ----------
        frame : pandas.DataFrame
            A frame of the loader's own making.

        Returns
        -------
        pandas.DataFrame
            The same frame.
        """
        frame.attrs = {
            "dataset": self.dataset,
            "origin": self.origin,
            "license": self.license,
            "urls": [file.url for file in self.files if file.url],
            "sha256": {file.name: file.sha256[0] for file in self.files if file.sha256},
        }
        return frame

    def _download(self, file: DataFile, folders: Sequence[Path]) -> bytes:
        try:
            content = _fetch(str(file.url))
            _check_sum(file, content, str(file.url))
            write_whole(folders[-1] / file.name, lambda path: path.write_bytes(content))
        except (OSError, http.client.HTTPException) as error:
            advice = self._advice([file], folders, download=True)
            raise DatasetUnavailableError(f"{advice} The download failed: {error}") from error
        return content

    def _advice(self, missing: Sequence[DataFile], folders: Sequence[Path], download: bool) -> str:
        names = join_names([file.name for file in missing])
        looked = " and ".join(str(folder) for folder in folders)
        unset = "" if os.environ.get(ENVIRONMENT) else f" ({ENVIRONMENT} is not set)"
        urls = [file.url for file in missing if file.url]
        how = self.manual
        if urls:
            more = f" and {len(urls) - 1} more like it" if len(urls) > 1 else ""
            how = f"Get {urls[0]}{more}, put it into {folders[-1]}"
            how += f" or into the folder {self.dataset!r} of a folder named by {ENVIRONMENT}."
            how += "" if download else " Or allow download=True."
        return f"Data set {self.dataset!r}: {names} not found; looked in {looked}{unset}. {how}"


def _find(file: DataFile, folders: Sequence[Path]) -> Path | None:
    names = dict.fromkeys((file.local, file.name))
    candidates = [folder / name for folder in folders for name in names]
    return next((path for path in candidates if path.is_file()), None)


def _read_checked(file: DataFile, path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise DatasetUnavailableError(f"{path} cannot be read: {error}") from error
    _check_sum(file, content, str(path))
    return content


def _check_sum(file: DataFile, content: bytes, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if file.sha256 and found not in file.sha256:
        raise DatasetUnavailableError(
            f"{where} is not the published file: sha256 {found[:12]}..., expected "
            f"{file.sha256[0][:12]}.... Delete or replace it; nothing was loaded."
        )


def _fetch(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "cximpact"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if not (url.startswith("https://") and response.geturl().startswith("https://")):
            raise OSError(f"{response.geturl()} is not https")
        content = response.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(f"more than {MAX_BYTES} bytes")
    return content
