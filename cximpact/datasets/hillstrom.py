"""Kevin Hillstrom's e-mail experiment of 2008: 64,000 customers, three arms at random."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from cximpact.datasets.files import DataFile, DataSource

SOURCE = DataSource(
    dataset="hillstrom",
    origin="Kevin Hillstrom, MineThatData E-Mail Analytics And Data Mining Challenge, 2008",
    license="free to use by the author's announcement; no formal license, so not redistributed",
    files=[
        DataFile(
            name="hillstrom.csv",
            local="hillstrom.csv.gz",
            # The published bytes, and the same table with spend written as 0.0 for 0.
            sha256=(
                "ff9e59285e9dc3f5fa3e0975419e6631ea5bdccd65d818991473d2367e02979c",
                "00a6a868e05a9ffe7382da51629f6d6dce88c5acfc945e79d314ebc78fd3a2c0",
            ),
            url="https://raw.githubusercontent.com/carlosquintanillaa/Datasets/"
            "bd475633095c8a007be32c47ea695abe318197b6/hillstrom.csv",
        )
    ],
)


def load_hillstrom(*, cache: str | Path | None = None, download: bool = True) -> pd.DataFrame:
    """Load the e-mail experiment, 64,000 customers assigned at random to three arms.

    Parameters
    ----------
    cache : path, optional
        Folder of the cache; the user's cache folder by default.
    download : bool, default True
        Whether a file that is not on this machine may be downloaded.

    Returns
    -------
    pandas.DataFrame
        One row a customer, no missing values. Before: ``recency`` (months since the last
        purchase), ``history_segment``, ``history`` (spend in the past year, dollars), ``mens``,
        ``womens`` (0/1: bought from that line), ``zip_code``, ``newbie`` (0/1), ``channel``. Arm:
        ``segment`` (``Mens E-Mail``, ``Womens E-Mail``, ``No E-Mail``). In the two weeks after:
        ``visit``, ``conversion`` (0/1), ``spend`` (dollars). ``attrs`` says where the data come
        from.

    Raises
    ------
    DatasetUnavailableError
        If the file is absent and cannot be fetched, or is not the published one.

    Notes
    -----
    Spend is 0 for 99 % of the customers. Pick two arms before an estimator of a binary treatment.

    References
    ----------
    Hillstrom, K. (2008). The MineThatData E-Mail Analytics And Data Mining Challenge.
    """
    content = SOURCE.read(cache=cache, download=download)["hillstrom.csv"]
    frame = pd.read_csv(io.BytesIO(content), dtype={"spend": float})
    return SOURCE.label(frame)
