"""The airport survey, against the table that was harmonized independently from the same files."""

from pathlib import Path

import pandas as pd
import pytest

from cximpact.datasets import load_sfo_survey, sfo
from cximpact.datasets import sfo_codes as codes

# Cells that differ from the independent table, and why.
# There, codes outside the code list were kept, the words of 2016 were lost, and
# times such as 11:0 AM were not read.
DIFFERENT = {"saq": 4, "fly12": 6, "age": 3085, "sex": 3099, "income": 3, "tenure": 3}
DIFFERENT["dwell_min"] = 3


@pytest.fixture(scope="module")
def loaded() -> dict[str, pd.DataFrame]:
    return {}


@pytest.fixture
def survey(real_data: Path, loaded: dict[str, pd.DataFrame]) -> pd.DataFrame:
    if "survey" not in loaded:
        loaded["survey"] = load_sfo_survey(download=False)
    return loaded["survey"]


@pytest.fixture
def independent(real_data: Path, loaded: dict[str, pd.DataFrame]) -> pd.DataFrame:
    if "independent" not in loaded:
        path = real_data / "sfo_airport_survey" / "sfo_survey_2010_2018.parquet"
        loaded["independent"] = pd.read_parquet(path)
    return loaded["independent"]


def test_it_has_the_known_passengers(survey: pd.DataFrame):
    assert survey.shape == (28_665, 59)
    sizes = [3234, 3872, 3521, 3535, 2818, 2958, 3087, 2831, 2809]
    assert survey["year"].value_counts(sort=False).to_dict() == dict(
        zip(codes.YEARS, sizes, strict=True)
    )
    assert not survey.duplicated(["year", "resp"]).any()


def test_every_column_agrees_with_the_independent_table(
    survey: pd.DataFrame, independent: pd.DataFrame
):
    assert set(survey.columns) == {*independent.columns, "airline_name"}
    different = {}
    for column in independent.columns:
        ours, theirs = survey[column].astype(object), independent[column].astype(object)
        unequal = ~((ours == theirs) | (ours.isna() & theirs.isna())).fillna(False).astype(bool)
        if unequal.any():
            different[column] = int(unequal.sum())
    assert different == DIFFERENT


def test_where_it_differs_codes_without_a_meaning_are_missing_or_words_were_read(
    survey: pd.DataFrame, independent: pd.DataFrame
):
    for column in DIFFERENT:
        ours, theirs = survey[column].astype("Float64"), independent[column].astype("Float64")
        both = ours.notna() & theirs.notna()
        assert (ours[both] == theirs[both]).all()
        gained = survey["year"][ours.notna() & theirs.isna()]
        assert set(gained) <= {2016 if column in ("age", "sex") else 2014}
        lost = theirs[ours.isna() & theirs.notna()]
        if column in codes.ALLOWED:
            low, high = codes.ALLOWED[column]
            assert not (lost.between(low, high) & (lost % 1 == 0)).any()


def test_answers_are_nullable_integers_on_their_scales(survey: pd.DataFrame):
    for column, (low, high) in codes.ALLOWED.items():
        answers = survey[column]
        assert answers.dtype == "Int64"
        expected = (0, 1) if column in codes.YES_NO else (low, high)
        assert (answers.min(), answers.max()) == expected


def test_a_zero_for_recommending_is_an_answer_and_eleven_is_a_blank(survey: pd.DataFrame):
    assert (survey["nps"] == 0).sum() == 41
    asked = survey["year"] >= 2017
    assert survey["nps"][asked].isna().sum() == 85 + 159
    assert survey["nps"][~asked].isna().all()


def test_never_used_is_neither_a_rating_nor_a_blank(survey: pd.DataFrame):
    never = survey["parking_na"] == 1
    assert never.sum() > 10_000
    assert survey["parking"][never.fillna(False)].isna().all()
    blank = survey["parking"].isna() & (survey["parking_na"] == 0)
    assert blank.sum() > 1_000


def test_airline_codes_change_over_the_years_but_names_do_not(survey: pd.DataFrame):
    virgin = survey[survey["airline_name"] == "Virgin America"]
    used = virgin.groupby("year")["airline"].agg(["first", "nunique"])
    assert (used["nunique"] == 1).all()
    assert used["first"].tolist() == ["30", "30", "35", "36", "36", "36", *["VIRGIN AMERICA"] * 2]
    swiss = survey[(survey["year"] == 2012) & (survey["airline"] == "30")]
    assert swiss["airline_name"].unique().tolist() == ["Swiss"]
    assert survey["airline_name"].notna().all()


@pytest.mark.parametrize(("airline", "before"), [("American", "E"), ("Virgin America", "A")])
def test_the_two_airlines_that_moved_are_found_at_their_gates(
    survey: pd.DataFrame, airline: str, before: str
):
    theirs = survey[survey["airline_name"] == airline]
    area = theirs.groupby("year")["area"].agg(lambda areas: areas.mode()[0])
    assert area[2010] == before
    assert (area.drop(2010) == "D").all()


def test_it_says_where_it_comes_from(survey: pd.DataFrame):
    assert "DataSF" in survey.attrs["origin"]
    assert len(survey.attrs["sha256"]) == len(survey.attrs["urls"]) == 9
    assert all(
        "8f50307b45911b26b01159d824bdbe13ac9be24c" in url and url.startswith("https://")
        for url in survey.attrs["urls"]
    )


def raw(year: int, **columns: list[str]) -> pd.DataFrame:
    """A year's file in which everything is blank but the given columns."""
    names = [names[year] for names in codes.RAW_NAMES.values() if year in names]
    names += [name for name in ("INTDATE", "ARRTIME", "DEPTIME") if name not in names]
    names += [codes.AREA_NAMES[year]] if year in codes.AREA_NAMES else []
    n = len(next(iter(columns.values())))
    table = {name: ["0"] * n for name in names} | columns
    return pd.DataFrame(table, dtype="str")


def test_codes_are_read_as_the_code_list_says():
    year = raw(
        2018,
        Q7ALL=["5", "6", "0", "BLANK"],
        Q4BAGS=["1", "2", "3", "0"],
        NETPRO=["0", "10", "11", ""],
        Q20AGE=["7", "8", "0", "1"],
    )
    before = year.copy()
    table = sfo.harmonize({2018: year})
    pd.testing.assert_frame_equal(year, before)
    missing = pd.NA
    for column, values in {
        "overall": [5, missing, missing, missing],
        "overall_na": [0, 1, 0, 0],
        "bags": [1, 0, missing, missing],
        "nps": [0, 10, missing, missing],
        "age": [7, missing, missing, 1],
    }.items():
        pd.testing.assert_series_equal(
            table[column], pd.Series(values, dtype="Int64"), check_names=False
        )


def test_words_of_2016_become_codes():
    table = sfo.harmonize(
        {
            2016: raw(
                2016,
                Q19AGE=["18-24", "65-Over", "Under 31", "Don't Know or Refused"],
                Q20GENDER=["Male", "Female", "0", "0"],
                INTDATE=["05/11/2016 12:00:00 AM"] * 4,
            )
        }
    )
    assert table["age"].tolist()[:3] == [2, 7, 1]
    assert table["sex"].tolist()[:2] == [1, 2]
    assert table["age"].isna().tolist() == [False, False, False, True]
    assert table["date"].eq(pd.Timestamp("2016-05-11")).all()


def test_minutes_at_the_airport_pass_midnight_and_cannot_be_half_a_day():
    table = sfo.harmonize(
        {
            2018: raw(
                2018,
                ARRTIME=["12/31/1899 09:00:00 PM", "12/31/1899 10:45:00 AM", "N", "11:0 AM"],
                DEPTIME=["01/01/1900 12:35:00 AM", "12/31/1899 11:25:00 PM", "9:20 PM", "12:30"],
            )
        }
    )
    expected = pd.Series([215, pd.NA, pd.NA, 90], dtype="Int64", name="dwell_min")
    pd.testing.assert_series_equal(table["dwell_min"], expected)


def test_the_boarding_area_follows_from_the_gate():
    gates = ["1", "12", "20", "48", "59", "60", "90", "102", "0"]
    table = sfo.harmonize({2010: raw(2010, GATENUM=gates, AIRLINE=["8"] * 9)})
    assert table["area"].tolist()[:-1] == list("AABCDEFG")
    assert table["area"].isna().tolist() == [False] * 8 + [True]
    assert (table["airline_name"] == "American").all()


def test_a_file_is_read_whatever_the_spelling_of_its_columns():
    table = sfo.read_raw(b"*RESPNUM, Q14FIND ,NETPRO  ,other\n7,,BLANK,x\n")
    assert table.columns.tolist() == ["RESPNUM", "Q14FIND", "NETPRO"]
    assert table["RESPNUM"].tolist() == [7]
    assert table["NETPRO"].isna().all()
