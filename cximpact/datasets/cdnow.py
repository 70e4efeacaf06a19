"""CDNOW: what customers of a record shop bought, January 1997 to June 1998."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from cximpact.core.validate import check_choice
from cximpact.datasets.files import DataFile, DataSource

_ADDRESS = (
    "https://raw.githubusercontent.com/CamDavidsonPilon/lifetimes/"
    "bd3ae6e13bc82b46fca7ce93130b2cfce4e8d7cf/lifetimes/datasets/"
)
_ORIGIN = "Fader and Hardie's CDNOW data, as in the package lifetimes 0.11.3"
_LICENSE = "put online by Fader and Hardie for teaching; the copy is in an MIT-licensed package"


def _source(name: str, sha256: str) -> DataSource:
    file = DataFile(name=name, local=f"{name}.gz", sha256=(sha256,), url=_ADDRESS + name)
    return DataSource(dataset="cdnow", origin=_ORIGIN, license=_LICENSE, files=[file])


SOURCES = {
    "transactions": _source(
        "CDNOW_master.txt", "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"
    ),
    "sample": _source(
        "CDNOW_sample.txt", "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a"
    ),
    "summary": _source(
        "cdnow_customers_summary.csv",
        "09d92ca80daaabe8be0f997d4c539f9c9606106baa5b199081fe01cbce5fa9f6",
    ),
}
_COLUMNS = ["customer_id", "date", "number_of_cds", "dollar_value"]


def load_cdnow(
    table: str = "transactions", *, cache: str | Path | None = None, download: bool = True
) -> pd.DataFrame:
    """Load the purchase histories of CDNOW, 69,659 transactions of 23,570 customers.

    Parameters
    ----------
    table : {"transactions", "sample", "summary"}
        All transactions; those of the 1-in-10 sample of 2,357 customers; or the sample counted
        over a calibration period of 39 weeks.
    cache : path, optional
        Folder of the cache; the user's cache folder by default.
    download : bool, default True
        Whether a file that is not on this machine may be downloaded.

    Returns
    -------
    pandas.DataFrame
        Transactions: ``customer_id`` (text with leading zeros), ``date``, ``number_of_cds``,
        ``dollar_value`` (dollars); the sample also has ``sample_id``. Summary: ``ID``,
        ``frequency`` (repeat purchases), ``recency`` and ``T`` (weeks). ``attrs`` says where the
        data come from.

    Raises
    ------
    DatasetUnavailableError
        If the file is absent and cannot be fetched, or is not the published one.
    ConfigError
        For another table.

    Notes
    -----
    Several purchases on one day count as one transaction in the published fits: add them up
    before counting repeat purchases.

    References
    ----------
    Fader, P. S., Hardie, B. G. S., Lee, K. L. (2005). Counting your customers the easy way: an
    alternative to the Pareto/NBD model. Marketing Science 24(2), 275-284.
    """
    source = SOURCES[check_choice(table, "table", list(SOURCES))]
    (content,) = source.read(cache=cache, download=download).values()
    if table == "summary":
        return source.label(pd.read_csv(io.BytesIO(content)))
    ids = ["customer_id", "sample_id"] if table == "sample" else ["customer_id"]
    frame = pd.read_csv(
        io.BytesIO(content),
        sep=r"\s+",
        header=None,
        skiprows=0 if table == "sample" else 1,
        names=[*ids, *_COLUMNS[1:]],
        dtype={**dict.fromkeys(ids, str), "date": str},
    )
    frame["date"] = pd.to_datetime(frame["date"], format="%Y%m%d")
    return source.label(frame)
