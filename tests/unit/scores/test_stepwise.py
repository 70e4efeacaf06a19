import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import NoRespondentsError
from cximpact.scores.design import read_design
from cximpact.scores.stepwise import fit_stage


def setting(n_groups: int, sd: float, seed: int, n: int = 6000):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n)
    effects = rng.normal(0, sd, n_groups)
    table = pd.DataFrame({"x": rng.normal(size=n), "shop": group, "count": 1.0})
    design = read_design(table, ["x"], "shop")
    x, codes = design.matrix(table), design.group_codes(table)
    passed = rng.random(n) < 1 / (1 + np.exp(-(0.3 + 0.5 * x[:, 1] + effects[codes])))
    return x, codes, passed.astype(float), design, effects


def test_the_spread_of_the_groups_is_found():
    found = [fit_stage("s", *_arguments(40, 0.7, seed)).group_sd for seed in range(4)]
    assert np.mean(found) == pytest.approx(0.7, rel=0.2)


def test_no_spread_is_found_where_there_is_none():
    found = [fit_stage("s", *_arguments(40, 0.0, seed)).group_sd for seed in range(4)]
    assert np.mean(found) < 0.12


def test_group_effects_follow_the_truth_and_are_shrunk():
    x, codes, passed, design, effects = setting(40, 0.7, 1)
    fit = fit_stage("s", x, codes, passed, np.ones(passed.size), design)
    assert np.corrcoef(fit.logit.group_effects, effects)[0, 1] > 0.9
    assert fit.logit.coefficients[1] == pytest.approx(0.5, abs=0.12)
    raw = np.array([passed[codes == g].mean() for g in range(40)])
    fitted = fit.predict(np.column_stack([np.ones(40), np.zeros(40)]), np.arange(40))
    assert fitted.std() < raw.std()


def test_a_stage_everybody_passes_needs_no_model():
    x, codes, _, design, _ = setting(5, 0.5, 1, n=100)
    fit = fit_stage("s", x, codes, np.ones(100), np.ones(100), design)
    assert fit.logit is None
    assert fit.predict(x, codes).tolist() == [1] * 100


def test_a_stage_nobody_passes_has_no_model():
    x, codes, _, design, _ = setting(5, 0.5, 1, n=100)
    with pytest.raises(NoRespondentsError, match="none of 100 people passed stage 'opened'"):
        fit_stage("opened", x, codes, np.zeros(100), np.ones(100), design)


def _arguments(n_groups: int, sd: float, seed: int):
    x, codes, passed, design, _ = setting(n_groups, sd, seed)
    return x, codes, passed, np.ones(passed.size), design
