"""Counts of cells against pandas by hand, and the same from every engine."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cximpact.core.errors import DuplicateColumnError, MissingColumnError, MissingValueError
from cximpact.core.scale import ScoreScale
from cximpact.data import SurveyWave, cells
from tests.support.engines import ENGINES, spark_session

SCALE = ScoreScale(name="CSAT", low=1, high=5, higher_is_better=True)


def answers(n=300):
    rng = np.random.default_rng(1)
    score = pd.array(rng.integers(1, 6, n), dtype="Int64")
    score[rng.random(n) < 0.4] = pd.NA
    return pd.DataFrame(
        {
            "score": score,
            "segment": rng.choice(["b", "a", "ü"], n),
            "month": rng.integers(1, 4, n),
            "w": rng.uniform(0.5, 2, n),
            "size": pd.Categorical(rng.choice(["small", "large"], n), ["small", "large"]),
        }
    )


def wave(frame, **options):
    given = {"factors": ["segment"], "period": "month"} | options
    return SurveyWave(frame, answer="score", scale=SCALE, **given)


def check_equal(found, expected):
    pd.testing.assert_frame_equal(found.index, expected.index, check_dtype=False)
    for name in ("cell", "category", "count", "frame_count"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    for name in ("weight", "weight_sq", "frame_weight"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)


def test_counts_by_hand():
    table = answers()
    found = cells(wave(table, weight="w"))
    keys = ["segment", "month"]
    given = table.dropna(subset="score")
    assert found.index.apply(tuple, axis=1).tolist() == sorted(set(map(tuple, table[keys].values)))
    for row, (segment, month) in enumerate(found.index.itertuples(index=False)):
        here = (given["segment"] == segment) & (given["month"] == month)
        counts = given[here]["score"].value_counts().reindex([1, 2, 3, 4, 5], fill_value=0)
        np.testing.assert_array_equal(found.dense()[row], counts)
        sums = given[here].groupby("score")["w"].agg(["sum", lambda w: (w**2).sum()])
        sums = sums.reindex([1, 2, 3, 4, 5], fill_value=0.0).to_numpy(float)
        np.testing.assert_allclose(found.dense(found.weight)[row], sums[:, 0])
        np.testing.assert_allclose(found.dense(found.weight_sq)[row], sums[:, 1])
    by_cell = table.groupby(keys)["w"].agg(["size", "sum"])
    np.testing.assert_array_equal(found.frame_count, by_cell["size"])
    np.testing.assert_allclose(found.frame_weight, by_cell["sum"])
    assert (found.n_frame, found.n_answered) == (300, len(given))
    np.testing.assert_array_equal(found.answered, given.groupby(keys).size())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("weight", [None, "w"])
def test_every_engine_gives_the_same_counts(engine, weight):
    table = answers()
    options = {"weight": weight, "factors": ["segment", "size"]}
    expected = cells(wave(table, **options))
    found = cells(wave(ENGINES[engine](table), **options))
    check_equal(found, expected)
    if weight is None:
        assert found.data_hash == expected.data_hash


@pytest.mark.parametrize("dtype", ["float64", "Float32", "Int8", "float64[pyarrow]"])
def test_the_type_of_the_answers_does_not_matter(dtype):
    table = answers()
    found = cells(wave(table.assign(score=table["score"].astype(dtype))))
    check_equal(found, cells(wave(table)))


@pytest.mark.parametrize("engine", ["polars", "lazy polars", "pyarrow", "duckdb"])
def test_nan_is_a_missing_answer_and_so_is_null(engine):
    table = answers()
    values = table["score"].astype("float64").tolist()
    gaps = [i for i, v in enumerate(values) if np.isnan(v)]
    mixed = [None if i in gaps[::2] else v for i, v in enumerate(values)]
    frame = pl.from_pandas(table).with_columns(score=pl.Series(mixed, dtype=pl.Float64))
    assert frame["score"].is_nan().sum() > 0 < frame["score"].null_count()
    if engine == "pyarrow":
        frame = frame.to_arrow()
    elif engine == "duckdb":
        import duckdb

        frame = duckdb.from_arrow(frame.to_arrow())
    elif engine == "lazy polars":
        frame = frame.lazy()
    found = wave(frame)
    assert found.n_answered == 300 - len(gaps)
    check_equal(cells(found), cells(wave(table)))


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_same_counts():
    table = answers().assign(size=lambda d: d["size"].astype(str))
    plain = table.astype({"score": "float64"}).astype(object).where(table.notna(), None)
    rows = [tuple(row) for row in plain.itertuples(index=False)]
    schema = "score double, segment string, month long, w double, size string"
    frame = spark_session().createDataFrame(rows, schema=schema)
    check_equal(cells(wave(frame, weight="w")), cells(wave(table, weight="w")))


def test_other_cells_and_one_cell():
    table = answers()
    by_size = cells(wave(table), by=["size"])
    assert by_size.index["size"].tolist() == ["large", "small"]
    whole = cells(wave(table), by=[])
    assert (whole.n_cells, whole.n_frame) == (1, 300)
    np.testing.assert_array_equal(whole.dense()[0], by_size.dense().sum(axis=0))


def test_the_fingerprint_knows_counts_and_not_rows():
    table = answers()
    one = cells(wave(table)).data_hash
    assert cells(wave(table.sample(frac=1, random_state=1))).data_hash == one
    assert cells(wave(table.assign(score=table["score"].replace({5: 4})))).data_hash != one


def test_the_buffers_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        cells(wave(answers())).count[0] = 9


def test_a_wave_without_answers_has_cells_and_no_counts():
    found = cells(wave(answers().assign(score=np.nan)))
    assert found.n_answered == 0
    assert found.n_frame == 300
    assert found.dense().sum() == 0


@pytest.mark.parametrize(
    ("by", "error", "match"),
    [
        (["sgment"], MissingColumnError, "Did you mean 'segment'"),
        (["segment", "segment"], DuplicateColumnError, "more than once"),
        (["score"], DuplicateColumnError, "more than once"),
        (["extra"], MissingValueError, "'extra' is missing in 1 row, at position 0"),
    ],
)
def test_bad_cells_are_refused(by, error, match):
    table = answers().assign(extra=lambda d: d["segment"].mask(d.index == 0))
    before = table.copy(deep=True)
    with pytest.raises(error, match=match):
        cells(wave(table), by=by)
    pd.testing.assert_frame_equal(table, before)
