"""What each customer would answer: probabilities that add up, and files that are whole."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cximpact.core.errors import (
    ConfigError,
    DuplicateColumnError,
    MemoryBudgetError,
    MissingValueError,
    UnseenLevelError,
)
from cximpact.data import SurveyWave
from cximpact.imputation.customers import customers
from cximpact.imputation.poststratify import probabilities
from cximpact.imputation.predictive import latent_sd, predict_kinds, shortest_set
from cximpact.scores import PSAT
from tests.support.engines import ENGINES
from tests.support.synthetic_imputed import customer_frame, synthetic, wave_of


@pytest.fixture(scope="module")
def frame():
    return customer_frame()


@pytest.fixture(scope="module")
def fit(frame):
    return synthetic(wave_of(frame))


@pytest.fixture(scope="module")
def table(fit):
    return customers(fit).frame()


def test_every_customer_has_probabilities_that_add_up(table, frame):
    pmf = table[[f"p_{k}" for k in range(11)]].to_numpy()
    assert list(table["customer"]) == list(frame["customer"])
    assert pmf.sum(axis=1) == pytest.approx(np.ones(len(frame)))
    assert table["p_detractor"].to_numpy() == pytest.approx(pmf[:, :7].sum(axis=1))
    assert table["expected_answer"].to_numpy() == pytest.approx(pmf @ np.arange(11))
    nps = 100 * (pmf[:, 9:].sum(axis=1) - pmf[:, :7].sum(axis=1))
    assert table["expected_score"].to_numpy() == pytest.approx(nps)


def test_the_probabilities_are_the_posterior_mean_of_the_customers_cell(fit, table, frame):
    whole = np.concatenate(list(probabilities(fit.draws, fit.design))).mean(axis=0)
    index = fit.cells.index.reset_index(drop=True)
    row = frame.iloc[17]
    keys = ["segment", "channel", "month"]
    cell = index.index[(index[keys] == row[keys]).all(axis=1)][0]
    assert table.loc[17, [f"p_{k}" for k in range(11)]].to_numpy(float) == pytest.approx(
        whole[cell]
    )


def test_mean_expected_score_of_the_customers_is_the_score_of_the_process(fit, table):
    weights = fit.cells.frame_count / fit.cells.n_frame
    whole = np.concatenate(list(probabilities(fit.draws, fit.design))).mean(axis=0)
    expected = weights @ (whole @ fit.cells.scale.score_weights)
    assert table["expected_score"].mean() == pytest.approx(expected)


def test_who_answered_keeps_his_answer_beside_the_prediction(table, frame):
    given = frame["nps"].notna()
    assert (table["answered"] == given).all()
    assert table.loc[given, "answer"].tolist() == frame.loc[given, "nps"].tolist()
    assert table.loc[~given, "answer"].isna().all()


def test_nothing_personal_is_copied_but_what_was_asked_for(fit, table):
    assert "secret" not in table and "segment" not in table
    assert "days" in customers(fit, columns=["days"]).frame()


def test_latent_sd_is_the_spread_of_the_latent_score_over_the_draws(fit):
    effects = [fit.draws[t.effect].values[:, fit.design.codes[t.name]] for t in fit.design.effects]
    assert latent_sd(fit.draws, fit.design) == pytest.approx(sum(effects).std(axis=0, ddof=1))


def test_latent_sd_does_not_depend_on_how_much_is_held_at_once(fit, monkeypatch):
    whole = latent_sd(fit.draws, fit.design)
    monkeypatch.setattr("cximpact.imputation.predictive._HELD", 1)
    assert (latent_sd(fit.draws, fit.design) == whole).all()


@pytest.mark.parametrize(
    ("pmf", "low", "high", "mass"),
    [
        ([0.05, 0.9, 0.05], 1, 1, 0.9),
        ([0.5, 0.1, 0.4], 0, 2, 1.0),
        ([0.1, 0.3, 0.35, 0.25], 1, 3, 0.9),
        ([0.45, 0.46, 0.09], 0, 1, 0.91),
    ],
)
def test_the_set_is_the_shortest_run_with_enough_mass(pmf, low, high, mass):
    found = shortest_set(np.array([pmf]), 0.9)
    assert [int(found[0][0]), int(found[1][0])] == [low, high]
    assert found[2][0] == pytest.approx(mass)


def test_no_shorter_run_holds_the_mass():
    pmf = np.random.default_rng(0).dirichlet(np.full(7, 0.6), 200)
    low, high, mass = shortest_set(pmf, 0.8)
    width = high - low + 1
    assert (mass >= 0.8 - 1e-9).all()
    for p, w in zip(pmf, width, strict=True):
        shorter = [p[i : i + w - 1].sum() for i in range(7 - w + 2)]
        assert w == 1 or max(shorter) < 0.8


def test_sets_cover_answers_drawn_from_the_model(fit):
    rng = np.random.default_rng(4)
    kinds = predict_kinds(fit.draws, fit.design, fit.cells.scale, 0.9)
    pmf = kinds[[f"p_{k}" for k in range(11)]].to_numpy()
    drawn = np.array([rng.choice(11, 4000, p=p / p.sum()) for p in pmf])
    low, high = (kinds[c].to_numpy()[:, None] for c in ("set_low", "set_high"))
    share = ((drawn >= low) & (drawn <= high)).mean(axis=1)
    assert share == pytest.approx(kinds["set_mass"].to_numpy(), abs=0.025)
    assert (kinds["set_mass"] >= 0.9).all()


def test_chunks_add_up_to_the_frame(fit, table):
    parts = list(customers(fit).chunks(rows=97))
    assert [len(p) for p in parts[:-1]] == [97] * (len(parts) - 1)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_customers(engine, frame, table):
    fit = synthetic(wave_of(ENGINES[engine](frame)))
    found = customers(fit).frame().sort_values("customer", ignore_index=True)
    numbers = [c for c in table if c != "customer"]
    assert list(found["customer"]) == list(table["customer"])
    assert found[numbers].to_numpy(float) == pytest.approx(
        table[numbers].to_numpy(float), nan_ok=True
    )


def test_categories_are_looked_up_by_their_labels(frame, table):
    wave = wave_of(frame.assign(segment=frame["segment"].astype("category")))
    found = customers(synthetic(wave)).frame()
    assert found["p_10"].to_numpy() == pytest.approx(table["p_10"].to_numpy())


def test_customers_of_the_next_wave_are_predicted_without_answers(fit, frame, table):
    later = frame[["customer", "segment", "channel", "month"]].iloc[:50]
    found = customers(fit, later).frame()
    assert not found["answered"].any()
    assert found["p_3"].to_numpy() == pytest.approx(table["p_3"].to_numpy()[:50])


def test_an_unseen_level_is_named_with_column_count_and_rows(fit, frame):
    later = frame.iloc[:50].copy()
    later.loc[[3, 20], "segment"] = "z"
    message = "column 'segment' has 1 levels .* in 2 rows, at positions 3, 20"
    with pytest.raises(UnseenLevelError, match=message):
        customers(fit, later)


def test_new_levels_of_an_open_factor_are_drawn_from_their_distribution(frame):
    fit = synthetic(wave_of(frame), open_factors=("segment",), n_draws=2000)
    later = frame.iloc[:4].copy().assign(segment=["a", "z", "z", "y"], channel="web", month=1)
    with pytest.raises(UnseenLevelError, match="new_levels='population'"):
        customers(fit, later)
    found = customers(fit, later, new_levels="population", rng=3).frame()
    assert found.loc[1, "p_10"] == found.loc[2, "p_10"]
    assert (found["latent_sd"][1:] > 2 * found.loc[0, "latent_sd"]).all()
    others = np.sqrt(
        sum(fit.draws[f"effect_{c}"].values[:, k].var() for c, k in (("channel", 1), ("month", 0)))
        + 0.8**2
    )
    assert found.loc[3, "latent_sd"] == pytest.approx(others, rel=0.06)
    known = customers(fit).frame()
    again = customers(fit, new_levels="population").frame()
    assert (known["p_10"] == again["p_10"]).all()


def test_new_levels_of_a_closed_factor_are_refused_all_the_same(fit, frame):
    later = frame.iloc[:4].assign(segment="z")
    with pytest.raises(UnseenLevelError, match="'segment'"):
        customers(fit, later, new_levels="population")


def test_a_missing_key_is_refused(fit, frame):
    later = frame.iloc[:50].copy()
    later.loc[7, "channel"] = None
    with pytest.raises(MissingValueError, match="'channel' is missing in 1 row, at position 7"):
        customers(fit, later)


def test_a_fit_without_its_wave_asks_for_a_frame(fit, frame):
    loaded = dataclasses.replace(fit, wave=None)
    with pytest.raises(ConfigError, match=r"customers\(frame=...\)"):
        customers(loaded)
    assert len(customers(loaded, frame).frame()) == len(frame)


def test_a_copied_column_may_not_hide_a_prediction(fit, frame):
    with pytest.raises(DuplicateColumnError, match="'p_1'"):
        customers(fit, frame.assign(p_1=0), columns=["p_1"])


def test_a_table_too_large_for_memory_is_refused_with_the_fix(fit):
    many = dataclasses.replace(customers(fit), n=50_000_000)
    with pytest.raises(MemoryBudgetError, match=r"\.to_parquet\(path\)"):
        many.frame()


def test_parquet_holds_what_the_chunks_hold(fit, table, tmp_path):
    path = customers(fit, columns=["days"]).to_parquet(tmp_path / "new" / "scores.parquet", rows=70)
    read = pq.read_table(path).to_pandas()
    assert read.drop(columns="days")["p_5"].to_numpy() == pytest.approx(table["p_5"].to_numpy())
    assert read["answer"].isna().sum() == table["answer"].isna().sum()
    assert [p.name for p in path.parent.iterdir()] == ["scores.parquet"]


def test_a_failed_write_leaves_the_old_file(fit, tmp_path, monkeypatch):
    path = tmp_path / "scores.parquet"
    path.write_text("old")
    scores = customers(fit)
    monkeypatch.setattr("cximpact.imputation.customers._codes", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scores.to_parquet(path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_scale_without_detractors_has_its_own_bands():
    frame = pd.DataFrame({"g": list("aabb") * 5, "y": [0.0, 1.0, np.nan, 1.0] * 5})
    wave = SurveyWave(frame, answer="y", scale=PSAT, factors=["g"])
    found = customers(synthetic(wave)).frame()
    assert "p_detractor" not in found
    assert found["p_top"].to_numpy() == pytest.approx(found["expected_score"].to_numpy())
    assert "customer" not in found


def test_explanation_says_what_it_rests_on(fit):
    text = customers(fit).explain()
    assert "600 customers" in text and "missing at random" in text
    assert "p_detractor" in customers(fit)._repr_html_()


def test_without_factors_all_customers_are_alike(frame):
    found = customers(synthetic(wave_of(frame, factors=[], period=None))).frame()
    assert len(found) == len(frame) and found["p_10"].nunique() == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_dates_are_looked_up_in_every_engine(engine, frame, table):
    month = pd.to_datetime("2025-0" + frame["month"].astype(str) + "-01").astype("datetime64[us]")
    fit = synthetic(wave_of(ENGINES[engine](frame.assign(month=month))))
    found = customers(fit, columns=["month"]).frame().sort_values("customer", ignore_index=True)
    assert found["p_10"].to_numpy() == pytest.approx(table["p_10"].to_numpy())
