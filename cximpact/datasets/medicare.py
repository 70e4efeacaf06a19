"""Medicare Advantage star ratings: health-plan contracts by year, 2010 to 2022."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from cximpact.core.errors import DtypeError, MissingColumnError
from cximpact.datasets.files import ENVIRONMENT, DataFile, DataSource

NAME = "ma_contract_year_2010_2022.parquet"
SOURCE = DataSource(
    dataset="medicare_advantage_stars",
    origin="US Centers for Medicare and Medicaid Services, Part C and D Performance Data",
    license="work of the US federal government, in the public domain (17 USC 105)",
    files=[DataFile(name=NAME, local=NAME)],
    manual=(
        "No public address serves this table, so it cannot be downloaded. The numbers are in the "
        "Part C and D Performance Data of cms.gov, and collected as R data files in "
        "github.com/degan0103/medicarestars at commit "
        "64251f91bfa2a019e2fc4402e7b183fa9176aa3b (data/measure_score_df.rda, contract_df.rda, "
        "summary_stars_df.rda). Make one row a contract (H and R contracts) and year with the "
        f"columns that load_medicare_stars documents, and save it as {NAME} in the folder "
        f"'medicare_advantage_stars' of a folder named by {ENVIRONMENT}."
    ),
)
_TEXT = [
    *("contract_id", "org_type", "contract_name", "marketing_name", "parent_name"),
    *("part_d_cut_point_type", "contract_type", "cahps_rating_plan_note"),
    *("cahps_rating_plan_stars", "leaving_note"),
]
_SHARES = [
    *("breast_screen", "cahps_care_coord", "cahps_customer_service", "cahps_getting_appts"),
    *("cahps_getting_needed_care", "cahps_rating_care", "cahps_rating_drug_plan"),
    *("cahps_rating_plan", "call_center_interp_tty", "flu_vaccine", "mtm_cmr"),
    *("pct_appeals_upheld", "pct_leaving_plan", "pct_timely_appeals"),
]
_NUMBERS = [*_SHARES, "complaints_per_1000", "stars_overall", "stars_part_c", "stars_part_d"]


def load_medicare_stars(*, cache: str | Path | None = None, download: bool = True) -> pd.DataFrame:
    """Load Medicare Advantage ratings, 8,211 rows of 1,405 contracts from 2010 to 2022.

    Parameters
    ----------
    cache : path, optional
        Folder of the cache; the user's cache folder by default.
    download : bool, default True
        Accepted for symmetry with the other loaders; this table has no download.

    Returns
    -------
    pandas.DataFrame
        One row a contract and year, 29 columns. ``contract_id``, ``star_year`` and names; members'
        ratings ``cahps_*`` and other shares from 0 to 1 (``pct_leaving_plan``, ``flu_vaccine``,
        ``breast_screen``, ``call_center_interp_tty``, ``pct_timely_appeals``,
        ``pct_appeals_upheld``, ``mtm_cmr``); ``complaints_per_1000``; ``stars_overall``,
        ``stars_part_c``, ``stars_part_d``; and why a value is missing in
        ``cahps_rating_plan_note`` and ``leaving_note``. ``attrs`` says where the data come from.

    Raises
    ------
    DatasetUnavailableError
        If the file is absent; the message says how to make it.
    MissingColumnError
        If the file lacks a column.
    DtypeError
        If it is no Parquet file, or a column has another type.

    Notes
    -----
    Ratings are missing for 20 to 47 % of the contracts of a year, mostly new or small ones: that
    is non-response, to be modeled or declared. The star year is not the year of measurement:
    ratings of 2022 come from March to May 2021, leaving from the calendar year 2020. Star year
    2021 repeats ratings from before the pandemic. ``complaints_per_1000`` was redefined in 2011,
    and ``pct_leaving_plan`` is missing for 2011.

    References
    ----------
    Centers for Medicare and Medicaid Services, Part C and D Performance Data, 2010 to 2022.
    """
    content = SOURCE.read(cache=cache, download=download)[NAME]
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:
        raise DtypeError(f"{NAME} is not a Parquet file: {error}") from error
    expected = [*_TEXT, "star_year", *_NUMBERS]
    if missing := [name for name in expected if name not in frame.columns]:
        raise MissingColumnError.from_names(missing, frame.columns, role=NAME)
    types = {**dict.fromkeys(_TEXT, "str"), **dict.fromkeys(_NUMBERS, "float64")}
    try:
        return SOURCE.label(frame.astype({**types, "star_year": "int64"}))
    except (TypeError, ValueError) as error:
        raise DtypeError(f"{NAME} has a column of another type: {error}") from error
