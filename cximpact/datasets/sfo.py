"""San Francisco airport's customer survey, 2010 to 2018, from its nine yearly files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cximpact.datasets import sfo_codes as codes
from cximpact.datasets.files import DataFile, DataSource

_ADDRESS = (
    "https://raw.githubusercontent.com/ronyarmon/SFO/8f50307b45911b26b01159d824bdbe13ac9be24c"
    "/data/raw/{year}_SFO_Customer_Survey_20250817.csv"
)
_SHA256 = {
    2010: "b10dc295a52beed9d27750a8ac3b781f4550a34dd04cb025b6dfed60dc951912",
    2011: "fb1a2528dd1228c5c9fefbdd1115bc9a6309cc7e9c7bd32971b360bd811431f2",
    2012: "75ac4c62748225cbe23fe04ace9497c06cc0b24c27983c49b603af49dcade409",
    2013: "fe29692cc54c9f4b62d21aaf983a358d3e07bfe5054e45fee7e69703edaeec50",
    2014: "ee0c6f93b60df7ea059ffca98bce4a2eb6fd76d81a9000d7d1cf82be7cab3afe",
    2015: "9de50756cfb8e0cfdc71c9182997aa5dcf070243fea3bc0e790cd86eb7ee244a",
    2016: "731ea430d8ab64c0e1cced851b629f7a2e15b0ed0f5a51632b3947ac8fa19f8c",
    2017: "171423b74247f1c0144a93104ef19265975be6a78c6665a7319d8efbc7d1493e",
    2018: "8d8e368dffb048679044159486bf89c5b838c7dbff731304ba02d4a8a2099c8b",
}
SOURCE = DataSource(
    dataset="sfo_airport_survey",
    origin="San Francisco International Airport, published by DataSF",
    license="Open Data Commons Public Domain Dedication and License, by DataSF policy",
    files=[
        DataFile(
            name=_ADDRESS.format(year=year).rsplit("/", 1)[1],
            local=f"raw_{year}.csv.gz",
            sha256=(_SHA256[year],),
            url=_ADDRESS.format(year=year),
        )
        for year in codes.YEARS
    ],
)
_MINUTES_A_DAY = 1440


def load_sfo_survey(*, cache: str | Path | None = None, download: bool = True) -> pd.DataFrame:
    """Load the customer survey of San Francisco airport, 28,665 passengers from 2010 to 2018.

    Parameters
    ----------
    cache : path, optional
        Folder of the cache; the user's cache folder by default.
    download : bool, default True
        Whether files that are not on this machine may be downloaded.

    Returns
    -------
    pandas.DataFrame
        One row a passenger, 59 columns. Answers are nullable integers (``Int64``) and missing
        where the passenger left them blank, refused, did not know, was not asked, or wrote
        something outside the code list.

        - ``year``, ``resp`` (number within the year), ``date`` (2016 only), ``airline`` (as in
          the file: a code to 2015, a name from 2016), ``airline_name`` (the same spelling in all
          years), ``gate``, ``area`` (A to G), ``strata`` (1 before 11 am, 2 to 5 pm, 3 later),
          ``peak``, ``saq`` (1 interviewer, 2 self), ``dest_geo``, ``lang`` (1 English, 2 Spanish,
          3 Chinese, 4 Japanese), ``weight``
        - ``overall``: satisfaction with the airport as a whole, 1 to 5; ``nps``: 0 to 10, 2017-18
        - ratings from 1 to 5: ``art food shops signs walkways screens roads parking airtrain
          clean_board clean_rest safe wifi clean_all``; the column with ``_na`` is 1 where the
          passenger ticked "never used"; ``find`` and ``security``: ease from 1 to 5
        - 0 or 1: ``bags store food_buy problem use_sjc use_oak tsapre``
        - ``fly12`` (flights a year, classes 1 to 6), ``tenure``, ``age``, ``sex``, ``income``;
          ``dwell_min``: minutes from arrival to departure

        ``attrs`` says where the data come from.

    Raises
    ------
    DatasetUnavailableError
        If the files are absent and cannot be fetched, or are not the published ones.

    Notes
    -----
    Airline codes change meaning from year to year: 30 is Virgin America in 2010 and 2011 but
    Swiss in 2012. Compare airlines over years by ``airline_name``. Up to 2011 ``United`` includes
    international flights.

    The files of 2010 and 2011 are read for identification and ``overall`` alone; their other
    questions are worded otherwise. The weights of 2011 and 2012 were never published. Boarding
    area is derived from the gate in 2010, 2011 and 2013.

    References
    ----------
    San Francisco International Airport, "SFO Customer Survey" 2010 to 2018, DataSF.
    """
    contents = SOURCE.read(cache=cache, download=download)
    raw = {
        year: read_raw(contents[file.name])
        for year, file in zip(codes.YEARS, SOURCE.files, strict=True)
    }
    return SOURCE.label(harmonize(raw))


def read_raw(content: bytes) -> pd.DataFrame:
    """Read the columns that are used of one yearly file, uninterpreted.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    pandas.DataFrame
        Codes as numbers where a whole column is, times and names as text; column names in one
        spelling.
    """
    names = pd.read_csv(io.BytesIO(content), nrows=0).columns
    frame = pd.read_csv(
        io.BytesIO(content),
        dtype={name: str for name in names if _spelled(name) in codes.TEXT},
        keep_default_na=False,
        na_values=codes.BLANKS,
        usecols=[name for name in names if _spelled(name) in codes.USED],
    )
    return frame.rename(columns=_spelled)


def harmonize(raw: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Bring the yearly files into one table with one coding.

    Parameters
    ----------
    raw : mapping of int to pandas.DataFrame
        Year to its file, as `read_raw` gives it.

    Returns
    -------
    pandas.DataFrame
        See `load_sfo_survey`.
    """
    return pd.concat([_one_year(year, frame) for year, frame in raw.items()], ignore_index=True)


def _spelled(name: str) -> str:
    return name.strip().lstrip("*").upper()


def _one_year(year: int, raw: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, object] = {"year": np.full(len(raw), year)}
    for column, names in codes.RAW_NAMES.items():
        found = raw[names[year]] if year in names else None
        if column in ("airline", "gate"):
            columns[column] = raw[names[year]].str.strip()
        elif column == "weight":
            columns[column] = np.nan if found is None else _numbers(found)
        else:
            columns[column] = _answers(column, found, len(raw))
    for rating in codes.RATINGS:
        name = codes.RAW_NAMES[rating].get(year)
        never = None if name is None else (_numbers(raw[name]) == 6).astype(float)
        columns[f"{rating}_na"] = _integers(never, len(raw))
    frame = pd.DataFrame(columns)
    frame.insert(2, "date", _dates(year, raw))
    frame.insert(4, "airline_name", _airline_names(year, frame["airline"]))
    frame.insert(6, "area", _areas(year, raw, frame["gate"]))
    frame["dwell_min"] = _minutes(year, raw)
    return frame


def _numbers(found: pd.Series) -> np.ndarray:
    return pd.to_numeric(found, errors="coerce").to_numpy(dtype=float)


def _integers(numbers: np.ndarray | None, n: int) -> pd.api.extensions.ExtensionArray:
    return pd.array(np.full(n, np.nan) if numbers is None else numbers, dtype="Int64")


def _answers(column: str, found: pd.Series | None, n: int) -> pd.api.extensions.ExtensionArray:
    if found is None:
        return _integers(None, n)
    numbers = _numbers(found)
    if column in ("age", "sex") and pd.api.types.is_string_dtype(found):
        numbers = np.where(np.isnan(numbers), _numbers(found.map(codes.WORDS)), numbers)
    if column in codes.ALLOWED:
        low, high = codes.ALLOWED[column]
        known = (numbers >= low) & (numbers <= high) & (numbers % 1 == 0)
        numbers = np.where(known, numbers, np.nan)
    return _integers(2 - numbers if column in codes.YES_NO else numbers, n)


def _dates(year: int, raw: pd.DataFrame) -> pd.Series:
    if year != 2016:
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us]")
    dates = pd.to_datetime(raw["INTDATE"], format="%m/%d/%Y %I:%M:%S %p")
    return dates.astype("datetime64[us]")


def _airline_names(year: int, airline: pd.Series) -> pd.Series:
    if year in codes.AIRLINES:
        return airline.map(codes.AIRLINES[year])
    upper = airline.str.upper()
    return upper.map(codes.SPELLINGS).fillna(upper.str.title())


def _areas(year: int, raw: pd.DataFrame, gate: pd.Series) -> pd.Series:
    if year in codes.AREA_NAMES:
        return raw[codes.AREA_NAMES[year]].str.strip()
    number = pd.to_numeric(gate)
    area = pd.Series(None, index=gate.index, dtype="str")
    for name, (first, last) in codes.AREA_GATES.items():
        area[number.between(first, last)] = name
    return area


def _minutes(year: int, raw: pd.DataFrame) -> pd.api.extensions.ExtensionArray:
    """Minutes from arrival to departure; what cannot be one stay at an airport is missing."""
    if year < codes.FIRST_CLOCK_YEAR:
        return _integers(None, len(raw))
    minutes = (_clock(raw["DEPTIME"]) - _clock(raw["ARRTIME"])) % _MINUTES_A_DAY
    low, high = codes.MINUTES_RANGE
    return _integers(np.where((minutes >= low) & (minutes <= high), minutes, np.nan), len(raw))


def _clock(text: pd.Series) -> np.ndarray:
    """Minutes since midnight of a time such as ``9:20 PM`` or ``18:05``; NaN for anything else."""
    parts = text.str.extract(r"(\d{1,2}):(\d{1,2})(?::\d{2})?(?: ([AP]M))?$")
    hour, minute, half = _numbers(parts[0]), _numbers(parts[1]), parts[2]
    hour = np.where(half.notna(), hour % 12 + 12 * (half == "PM"), hour)
    return hour * 60 + minute
