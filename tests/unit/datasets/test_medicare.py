"""Medicare Advantage star ratings."""

from pathlib import Path

import pandas as pd
import pytest

from cximpact.core.errors import DatasetUnavailableError, DtypeError, MissingColumnError
from cximpact.datasets import load_medicare_stars, medicare


def test_it_has_the_known_contracts(real_data: Path):
    frame = load_medicare_stars(download=False)
    assert frame.shape == (8_211, 29)
    assert frame["contract_id"].nunique() == 1_405
    assert not frame.duplicated(["contract_id", "star_year"]).any()
    assert (frame["star_year"].min(), frame["star_year"].max()) == (2010, 2022)
    shares = frame[medicare._SHARES]
    assert shares.min().min() >= 0
    assert shares.max().max() <= 1
    missing = frame["cahps_rating_plan"].isna().groupby(frame["star_year"]).mean()
    assert 0.2 <= missing.min() < missing.max() <= 0.475
    assert frame.loc[frame["star_year"] == 2011, "pct_leaving_plan"].isna().all()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXIMPACT_DATA", str(tmp_path))
    (tmp_path / "medicare_advantage_stars").mkdir()
    return tmp_path / "medicare_advantage_stars"


def table(**columns: list[object]) -> pd.DataFrame:
    names = [*medicare._TEXT, *medicare._NUMBERS]
    return pd.DataFrame({name: [None] for name in names} | {"star_year": [2020]} | columns)


def test_a_table_of_ones_own_making_gets_the_documented_types(folder: Path):
    table(contract_id=["H1"]).to_parquet(folder / medicare.NAME)
    frame = load_medicare_stars()
    assert frame["cahps_rating_plan"].dtype == "float64"
    assert frame["leaving_note"].isna().all()
    assert frame["contract_id"].tolist() == ["H1"]


def test_a_table_without_a_column_says_which(folder: Path):
    table().rename(columns={"flu_vaccine": "flu_vacine"}).to_parquet(folder / medicare.NAME)
    with pytest.raises(MissingColumnError, match=r"'flu_vaccine'.*Did you mean 'flu_vacine'"):
        load_medicare_stars()


def test_text_where_numbers_should_be_is_refused(folder: Path):
    table(flu_vaccine=["many"]).to_parquet(folder / medicare.NAME)
    with pytest.raises(DtypeError, match="another type"):
        load_medicare_stars()


def test_what_is_no_parquet_file_is_refused(folder: Path):
    (folder / medicare.NAME).write_bytes(b"no")
    with pytest.raises(DtypeError, match="not a Parquet file"):
        load_medicare_stars()


def test_without_the_file_the_message_says_how_to_make_it(folder: Path, tmp_path: Path):
    with pytest.raises(DatasetUnavailableError, match=r"cms\.gov.*medicarestars at commit 64251f"):
        load_medicare_stars(cache=tmp_path / "cache")
