from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from scipy import integrate, special, stats

from cximpact.core.errors import ConfigError, DataError, MissingValueError
from cximpact.data import SurveyWave, cells
from cximpact.imputation import crossed as cr
from cximpact.imputation.links import category_probabilities
from cximpact.imputation.priors import Priors
from cximpact.imputation.quadrature import log_mean, normal_rule
from cximpact.imputation.response_stages import (
    REACHED,
    STAGE_DIM,
    build_staged,
    count_stages,
    log_progress,
)
from cximpact.imputation.selection import build_selection
from cximpact.scores import CSAT5

NAMES = ("delivered", "opened", "completed")
P0 = np.array([0.1, 0.15, 0.25, 0.3, 0.2])
CUTS = special.logit(np.cumsum(P0)[:-1])
EFFECT = {"a": 0.3, "b": -0.3}
LEVEL, LAM = np.array([1.5, -0.4, 0.2, 0.9]), np.array([0.5, -0.7, 1.1, 0.3])
RESPONSE = {"a": np.array([-0.2, 0.1, 0.3, -0.1]), "b": np.array([0.2, -0.1, -0.3, 0.1])}
PEOPLE = [  # segment, stages passed of delivered, opened, completed; the answer
    ("a", 0, None),
    ("a", 1, None),
    ("a", 1, None),
    ("a", 3, 5.0),
    ("a", 3, 2.0),
    ("b", 2, None),
    ("b", 3, None),
    ("b", 3, 4.0),
]


def frame_of(people):
    rows = [
        {"segment": s, "answer": answer, "weight": 1.0 + i}
        | {name: float(k < passed) for k, name in enumerate(NAMES)}
        for i, (s, passed, answer) in enumerate(people)
    ]
    return pd.DataFrame(rows)


def wave_of(frame, names=NAMES, **options):
    stages = {name: name for name in names}
    return SurveyWave(
        frame, answer="answer", scale=CSAT5, factors=["segment"], stages=stages, **options
    )


def graph_value(graph, values):
    given = {graph[name]: np.asarray(value, dtype=float) for name, value in values.items()}
    return float(graph["answers"].eval(given, mode="FAST_COMPILE"))


def progress(u, segment, passed, n_stages=4):
    """Probability of passing so many stages and no more."""
    pi = special.expit(LEVEL + RESPONSE[segment] + LAM * u)
    return np.prod(pi[:passed]) * (1 - pi[passed] if passed < n_stages else 1.0)


def integrated(person):
    segment, passed, answer = person

    def density(u):
        p = 1.0 if answer is None else category_probabilities(EFFECT[segment] + u, CUTS)
        p = p if answer is None else p[int(answer) - 1]
        return stats.norm.pdf(u) * progress(u, segment, passed + (answer is not None)) * p

    return np.log(integrate.quad(density, -9, 9, epsabs=1e-13)[0])


def staged_value(nodes):
    counts = count_stages(wave_of(frame_of(PEOPLE)), ["segment"])
    crossed = (cr.cross(counts.index, ["segment"]),) * 2
    graph = build_staged(counts, crossed, Priors(), 0.5, normal_rule(nodes))
    at = {"p0": P0, "effect_segment": list(EFFECT.values()), "response": LEVEL, "lam": LAM}
    for s, stage in enumerate(counts.stages):
        at[f"response_{stage}_segment"] = [RESPONSE[segment][s] for segment in "ab"]
    return graph_value(graph, at)


@pytest.mark.parametrize(("nodes", "error"), [(60, 1e-9), (15, 1e-5)])
def test_likelihood_equals_adaptive_integration(nodes, error):
    expected = sum(map(integrated, PEOPLE))
    assert staged_value(nodes) == pytest.approx(expected, rel=error)


def test_one_stage_has_the_likelihood_of_the_model_without_stages():
    people = [(s, 3 if answer else 0, answer) for s, _, answer in PEOPLE]
    wave = wave_of(frame_of(people).assign(delivered=1), ("delivered", "completed"))
    staged, plain = count_stages(wave, ["segment"]), cells(wave)
    assert staged.stages == ("completed",)
    assert staged.left_out == ("delivered",)
    crossed = (cr.cross(plain.index, ["segment"]),) * 2
    one = build_selection(plain, crossed, Priors(), 0.5, normal_rule())
    other = build_staged(staged, crossed, Priors(), 0.5, normal_rule())
    at = {"p0": P0, "effect_segment": [0.3, -0.3]}
    expected = graph_value(
        one, at | {"response": -0.4, "lam": 0.6, "response_segment": [0.2, -0.2]}
    )
    several = at | {"response": [-0.4], "lam": [0.6], "response_completed_segment": [0.2, -0.2]}
    assert graph_value(other, several) == pytest.approx(expected, rel=1e-13)


def test_people_are_counted_where_they_stopped():
    counts = count_stages(wave_of(frame_of(PEOPLE)), ["segment"])
    assert counts.stages == (*NAMES, "answered")
    np.testing.assert_array_equal(counts.stopped, [[1, 2, 0, 0], [0, 0, 1, 1]])
    np.testing.assert_array_equal(counts.answered, [[0, 1, 0, 0, 1], [0, 0, 0, 1, 0]])
    assert counts.cells.by == ("segment", REACHED)
    assert counts.cells.n_frame == len(PEOPLE)


def test_cost_does_not_grow_with_people():
    once, often = (count_stages(wave_of(frame_of(PEOPLE * k)), ["segment"]) for k in (1, 50))
    assert often.cells.n_cells == once.cells.n_cells
    np.testing.assert_array_equal(often.stopped, 50 * once.stopped)


def test_without_columns_there_is_one_row():
    counts = count_stages(wave_of(frame_of(PEOPLE)), [])
    np.testing.assert_array_equal(counts.stopped, [[1, 2, 1, 1]])


def test_weights_are_kept():
    counts = count_stages(wave_of(frame_of(PEOPLE), weight="weight"), ["segment"]).cells
    assert counts.frame_weight.sum() == pytest.approx(sum(range(1, 9)))
    assert counts.weight.sum() == pytest.approx(4 + 5 + 8)


def test_engines_agree():
    frame = frame_of(PEOPLE)
    expected = count_stages(wave_of(frame), ["segment"]).cells.data_hash
    flags = {name: frame[name] == 1 for name in NAMES}
    for other in (pl.from_pandas(frame), duckdb.from_df(frame), frame.assign(**flags)):
        assert count_stages(wave_of(other), ["segment"]).cells.data_hash == expected


def test_partial_answers_count_once_the_last_stage_is_left_out():
    frame = frame_of([*PEOPLE, ("b", 2, 1.0)])
    with pytest.raises(DataError, match="1 answers come from people .*stages=\\[...\\]"):
        count_stages(wave_of(frame), ["segment"])
    counts = count_stages(wave_of(frame), ["segment"], ["opened", "delivered"])
    assert counts.stages == ("delivered", "opened", "answered")
    assert counts.answered.sum() == 4


def draws_at():
    variables = {"response": LEVEL, "lam": LAM}
    data = {name: (("sample", STAGE_DIM), value[None]) for name, value in variables.items()}
    for s, stage in enumerate((*NAMES, "answered")):
        effect = np.array([[RESPONSE[segment][s] for segment in "ab"]])
        data[f"response_{stage}_segment"] = (("sample", "segment"), effect)
    return xr.Dataset(data)


def test_evidence_is_the_probability_of_stopping_there():
    counts = count_stages(wave_of(frame_of(PEOPLE)), ["segment"])
    nodes = np.array([-1.3, 0.0, 2.1])
    found = log_progress(draws_at(), counts, cr.cross(counts.index, ["segment"]), nodes)[0]
    for row, (segment, reached) in enumerate(counts.cells.index.itertuples(index=False)):
        expected = [progress(u, segment, reached) for u in nodes]
        np.testing.assert_allclose(np.exp(found[row]), expected, rtol=1e-12)


def test_ways_to_stop_add_up_to_one():
    people = [("a", k, None) for k in range(4)] + [("a", 3, 1.0), ("b", 3, 1.0)]
    counts = count_stages(wave_of(frame_of(people)), ["segment"])
    nodes = normal_rule().nodes
    found = log_progress(draws_at(), counts, cr.cross(counts.index, ["segment"]), nodes)[0]
    in_a = (counts.cells.index["segment"] == "a").to_numpy()
    np.testing.assert_allclose(np.exp(found[in_a]).sum(axis=0), 1, rtol=1e-12)
    assert log_mean(found, normal_rule()).max() < 0


def test_flags_must_be_there():
    frame = frame_of(PEOPLE)
    with pytest.raises(ConfigError, match=r"delivered, opened, started, completed.*has none"):
        count_stages(wave_of(frame, ()), ["segment"])
    with pytest.raises(ConfigError, match=r"delivered, opened, started, completed.*Fit the wave"):
        count_stages(cells(wave_of(frame)), ["segment"])
    with pytest.raises(ConfigError, match="names 'started'; the wave has"):
        count_stages(wave_of(frame), ["segment"], ["started"])


def test_flags_must_make_sense():
    frame = frame_of(PEOPLE)
    with pytest.raises(DataError, match="did not pass the stage before"):
        count_stages(wave_of(frame.assign(delivered=0.0, answer=np.nan)), ["segment"])
    with pytest.raises(MissingValueError, match="'delivered' is missing"):
        count_stages(wave_of(frame.assign(delivered=np.nan)), ["segment"])


def test_names_that_are_used_inside_are_refused():
    frame = frame_of(PEOPLE).assign(reached=1)
    with pytest.raises(ConfigError, match="'reached' has a name that is used inside"):
        count_stages(wave_of(frame), ["segment", "reached"])
