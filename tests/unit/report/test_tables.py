"""Numbers on the page, CSV for spreadsheets, and small groups."""

import numpy as np
import pandas as pd
import pytest

from cximpact import report
from cximpact.core.errors import ConfigError, DtypeError, MissingColumnError
from cximpact.report.display import display
from tests.support.reporting import HOSTILE, effect_result


def cells(frame, **options):
    shown = display(frame, **options)
    return {h: [row[i] for row in shown.rows] for i, h in enumerate(shown.heads)}


def test_estimates_get_two_digits_of_their_error():
    frame = pd.DataFrame(
        {
            "segment": ["a", "b"],
            "estimate": [35.12345, -4.98765],
            "std_error": [2.51, 3.4],
            "conf_low": [31.0, -9.87],
            "conf_high": [39.2, 1.23],
            "conf_level": [0.9, 0.9],
            "n": [1234, 98],
        }
    )
    shown = cells(frame)
    assert list(shown) == ["Segment", "Estimate", "Std. error", "90% low", "90% high", "n"]
    assert shown["Estimate"] == ["35.1", "-5.0"] and shown["90% high"] == ["39.2", "1.2"]
    assert shown["n"] == ["1,234", "98"]


def test_rows_of_unlike_size_get_digits_of_their_own():
    frame = pd.DataFrame(
        {"term": ["npv", "roi"], "estimate": [21_243.4, 0.41372], "std_error": [34_000.0, 0.31]}
    )
    assert cells(frame)["Estimate"] == ["21,243", "0.41"]


def test_no_digit_lies_below_the_simulation_error():
    frame = pd.DataFrame(
        {"term": ["npv"], "estimate": [21_243.4], "std_error": [34.0], "mcse": [760.0]}
    )
    assert cells(frame)["Estimate"] == ["21,000"]


def test_an_error_that_is_mere_rounding_asks_for_no_digits():
    frame = pd.DataFrame({"estimate": [65_472.386422], "std_error": [1.5e-11]})
    assert cells(frame) == {"Estimate": ["65,472"], "Std. error": ["0"]}


def test_without_errors_the_interval_decides():
    frame = pd.DataFrame({"estimate": [0.01234567], "conf_low": [0.0], "conf_high": [0.033]})
    assert cells(frame)["Estimate"] == ["0.012"]


def test_fractions_are_shown_times_100_by_unit_or_row():
    frame = pd.DataFrame({"estimate": [0.058], "std_error": [0.02]})
    assert cells(frame, unit="pp") == {
        "Estimate, percentage points": ["5.8"],
        "Std. error": ["2.0"],
    }
    rows = pd.DataFrame({"label": ["a", "b"], "value": [0.058, 21.0], "unit": ["pp", "EUR"]})
    assert cells(rows)["Value"] == ["5.8", "21"]
    assert cells(rows)["Unit"] == ["percentage points", "EUR"]
    assert rows["value"].tolist() == [0.058, 21.0]


def test_terms_are_left_out_where_dimensions_say_the_same():
    assert "Term" not in cells(effect_result(["a", "b"]).tidy())
    assert cells(effect_result().tidy())["Term"] == ["att"]


def test_years_flags_and_gaps_read_well():
    frame = pd.DataFrame({"year": [2018], "binding": [True], "target": [np.nan], "note": [None]})
    assert cells(frame) == {"Year": ["2018"], "Binding": ["yes"], "Target": ["–"], "Note": ["–"]}


def test_levels_that_differ_keep_their_column():
    frame = pd.DataFrame(
        {"estimate": [1.0, 2.0], "conf_low": 0.0, "conf_high": 3.0, "conf_level": [0.5, 0.9]}
    )
    assert {"Conf level", "Interval low"} <= set(cells(frame))


def csv(frame, tmp_path):
    return report.write_csv(frame, tmp_path / "table.csv").read_text("utf-8")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_a_spreadsheet_would_run_is_disarmed(start, tmp_path):
    text = csv(pd.DataFrame({"name": [f"{start}1+1"], f"{start}x": ["ok"]}), tmp_path)
    back = pd.read_csv(tmp_path / "table.csv", keep_default_na=False)
    assert back["name"][0][0] == "'" and back.columns[1][0] == "'"
    assert "ok" in text


def test_negative_numbers_stay_numbers(tmp_path):
    frame = pd.DataFrame({"npv": [-5.5, 3.0], "n": [1, 2], "text": ["-5.5", "a-b"]})
    assert csv(frame, tmp_path) == "npv,n,text\n-5.5,1,'-5.5\n3.0,2,a-b\n"


def test_numbers_among_text_and_categories_are_handled(tmp_path):
    frame = pd.DataFrame(
        {"mixed": pd.Series([-1, "=x"], dtype=object), "kind": pd.Categorical(["=a", "b"])}
    )
    assert csv(frame, tmp_path) == "mixed,kind\n-1,'=a\n'=x,b\n"


def test_a_named_index_is_written_and_hostile_names_come_back(tmp_path):
    frame = pd.DataFrame({"value": range(len(HOSTILE))}, index=pd.Index(HOSTILE, name="=segment"))
    csv(frame, tmp_path)
    back = pd.read_csv(tmp_path / "table.csv", keep_default_na=False, lineterminator="\n")
    assert back.columns[0] == "'=segment" and len(back) == len(HOSTILE)
    assert not [c for c in back["'=segment"] if c.startswith(("=", "+", "@"))]


def test_writing_replaces_whole_files_and_leaves_the_frame_alone(tmp_path):
    frame = pd.DataFrame({"a": ["=x"]})
    csv(frame, tmp_path)
    csv(frame, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"] and frame["a"][0] == "=x"
    with pytest.raises(DtypeError, match="expected a pandas DataFrame"):
        report.write_csv({"a": 1}, tmp_path / "other.csv")


def groups(n):
    return pd.DataFrame(
        {"store": list(range(len(n))), "estimate": 1.0, "conf_low": 0.0, "conf_high": 2.0, "n": n}
    )


def test_a_small_group_takes_the_next_smallest_with_it():
    out = report.suppress_small_cells(groups([500, 7, 300, 40]))
    assert out["n"].tolist() == [500, "<10", 300, "hidden"]
    assert out["estimate"].isna().tolist() == [False, True, False, True]
    assert out["conf_low"].isna().sum() == 2
    assert out["store"].tolist() == [0, 1, 2, 3]


def test_two_small_groups_hide_each_other():
    out = report.suppress_small_cells(groups([500, 7, 9, 40]))
    assert out["n"].tolist() == [500, "<10", "<10", 40]


def test_complements_are_found_within_each_period():
    frame = groups([500, 7, 300, 40]).assign(year=[1, 1, 2, 2])
    out = report.suppress_small_cells(frame, within=["year"])
    assert out["n"].tolist() == ["hidden", "<10", 300, 40]
    assert out["year"].tolist() == [1, 1, 2, 2]


def test_the_threshold_itself_and_zero_are_shown():
    out = report.suppress_small_cells(groups([10, 0, 11]))
    pd.testing.assert_frame_equal(out, groups([10, 0, 11]))
    assert report.suppress_small_cells(groups([4, 50, 60]), threshold=5)["n"][0] == "<5"


def test_a_row_of_unknown_size_is_no_complement():
    out = report.suppress_small_cells(groups([np.nan, 7.0, 300.0]))
    assert out["n"][1] == "<10" and out["n"][2] == "hidden" and np.isnan(out["n"][0])


def test_other_counts_are_blanked_as_well():
    frame = groups([500, 7, 300]).assign(n_promoters=[100, 7, 90])
    assert report.suppress_small_cells(frame)["n_promoters"].isna().tolist() == [False, True, True]


def test_suppression_needs_counts():
    with pytest.raises(MissingColumnError, match="Did you mean 'n'"):
        report.suppress_small_cells(groups([1]), n="N")
    with pytest.raises(DtypeError, match="'n' has type"):
        report.suppress_small_cells(groups([1]).assign(n="1"))
    with pytest.raises(ConfigError, match="threshold is 0"):
        report.suppress_small_cells(groups([1]), threshold=0)


def test_suppression_leaves_its_input_alone():
    frame = groups([500, 7, 300])
    report.suppress_small_cells(frame)
    pd.testing.assert_frame_equal(frame, groups([500, 7, 300]))
