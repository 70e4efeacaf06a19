"""CSV is read whole and without guessing."""

from pathlib import Path

import pandas as pd
import pytest

from cximpact.core import errors
from cximpact.repository import Repository
from tests.unit.repository.conftest import SCALE, contacts

HEAD = "customer,time,channel,wait,resolved"


@pytest.fixture
def write(tmp_path: Path):
    def to_file(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "rows.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return to_file


def test_a_file_gives_the_batch_of_the_frame(repo: Repository, tmp_path: Path):
    frame = contacts(wait=[1.5, None], note=["Grüße", None], resolved=[True, False])
    frame.to_csv(tmp_path / "a.csv", index=False)
    receipt = repo.add("interactions", tmp_path / "a.csv")
    assert repo.add("interactions", frame, if_exists="skip").batch == receipt.batch


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_separators_quotes_and_line_ends_are_understood(repo: Repository, write, mark: str):
    lines = ["customer", "time", "channel", "note"], ["1", "2024-01-05", "web", f'"a{mark}\n""b"']
    repo.add("interactions", write("\ufeff" + "\r\n".join(mark.join(line) for line in lines)))
    assert repo.table("interactions")["note"].tolist() == [f'a{mark}\n"b']


def test_leading_zeros_stay(repo: Repository, write):
    text = "customer,time,channel,zip,number\n1,2024-01-05,web,00123,5\n2,2024-01-05,web,,6.5\n"
    repo.add("interactions", write(text))
    table = repo.table("interactions")
    assert table["zip"].tolist()[0] == "00123"
    assert table["number"].tolist() == [5.0, 6.5]


def test_text_ids_stay_text(write):
    with Repository() as repo:
        repo.add("customers", pd.DataFrame({"customer": ["7", "A"]}))
        repo.add("interactions", write("customer,time,channel\n7,2024-01-05,web\n"))
        assert repo.table("interactions")["customer"].tolist() == ["7"]


def test_ids_with_leading_zeros_are_not_numbers(shared: Repository, write):
    with pytest.raises(errors.IdTypeError, match="is text"):
        shared.add("interactions", write("customer,time,channel\n01,2024-01-05,web\n"))


@pytest.mark.parametrize(
    ("line", "error", "match"),
    [
        ('1,2024-01-05,web,"7,5",1', errors.DtypeError, "'wait' is not a number .* position 1"),
        ("1,2024-01-05,web,NA,1", errors.DtypeError, "'wait' is not a number"),
        ("1,2024-01-05,web,inf,1", errors.DtypeError, "'wait' is not a number"),
        ("1,2024-01-05,web,5,maybe", errors.DtypeError, "'resolved' is not a flag"),
        ("1,05/01/2024,web,5,1", errors.DtypeError, "'time' is not an ISO date"),
        ("1,2024-02-30,web,5,1", errors.DtypeError, "'time' is not an ISO date"),
        ("1,2024-01-05T10:00+02:00,web,5,1", errors.TimezoneError, "mixes times"),
        (",2024-01-05,web,5,1", errors.IdTypeError, "'customer' is missing"),
        ("1,2024-01-05,web,5", errors.DataError, "same number of fields"),
        ("1,2024-01-05,web,5,1,6", errors.DataError, "same number of fields"),
    ],
)
def test_a_bad_line_is_refused(shared: Repository, write, line: str, error, match: str):
    with pytest.raises(error, match=match):
        shared.add("interactions", write(f"{HEAD}\n2,2024-01-01,web,1,true\n{line}\n"))
    assert shared.table("interactions").empty


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", errors.EmptyDataError),
        ("\n", errors.EmptyDataError),
        (f"{HEAD}\n", errors.EmptyDataError),
        ("customer,customer,time,channel\n1,1,2024-01-05,web\n", errors.DuplicateColumnError),
        ("customer,,time,channel\n1,1,2024-01-05,web\n", errors.ColumnError),
    ],
)
def test_a_file_without_rows_or_names_is_refused(shared: Repository, write, text: str, error):
    with pytest.raises(error):
        shared.add("interactions", write(text))


def test_another_encoding_is_refused(shared: Repository, write):
    text = f"{HEAD},note\n1,2024-01-05,web,5,1,Grüße\n"
    with pytest.raises(errors.DataError, match="expected UTF-8"):
        shared.add("interactions", write(text, "latin-1"))


def test_zoned_times_are_utc(repo: Repository, write):
    text = "customer,time,channel\n1,2024-01-05T10:00:00+02:00,web\n2,2024-01-05T10:00:00Z,web\n"
    repo.add("interactions", write(text))
    assert [t.isoformat() for t in repo.table("interactions")["time"]] == [
        "2024-01-05T08:00:00+00:00",
        "2024-01-05T10:00:00+00:00",
    ]


def test_periods_answers_and_flags_are_typed(repo: Repository, write):
    repo.add("behavior", write("customer,period,retained,orders\n1,2024-01-01,True,2\n"))
    text = "customer,invited,survey,delivered,opened,answer\n1,3,a,1,,7\n2,3,a,0.0,,\n"
    repo.add("surveys", write(text), scale=SCALE)
    assert repo.table("behavior")["period"].tolist() == [pd.Timestamp("2024-01-01")]
    assert repo.table("surveys")["delivered"].tolist() == [True, False]
    assert repo.table("surveys")["invited"].tolist() == [3, 3]
