from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special

from cximpact.core.errors import DtypeError, MemoryBudgetError, MissingColumnError
from cximpact.imputation import crossed as cr
from cximpact.imputation.priors import Priors

INDEX = pd.DataFrame({"segment": ["b", "a", "b"], "agent": [2, 1, 1], "brand": ["x"] * 3})
CROSSED = cr.cross(INDEX, ["segment", "agent", "brand"])


def test_a_factor_that_is_constant_has_no_effect():
    assert CROSSED.factors == ("segment", "agent")
    assert {name: v.tolist() for name, v in CROSSED.coords().items()} == {
        "segment": ["a", "b"],
        "agent": [1, 2],
    }


def test_effects_of_a_cell_add_up():
    draws = xr.Dataset(
        {
            "effect_segment": (("sample", "segment"), [[-1.0, 1.0], [-2.0, 2.0]]),
            "effect_agent": (("sample", "agent"), [[0.1, -0.1], [0.0, 0.0]]),
        }
    )
    np.testing.assert_allclose(CROSSED.latent(draws), [[0.9, -0.9, 1.1], [2, -2, 2]])


@pytest.mark.parametrize(("levels", "learned"), [(5, False), (6, True)])
def test_the_spread_of_few_levels_is_that_of_the_prior(levels, learned):
    import pymc as pm

    crossed = cr.cross(pd.DataFrame({"agent": np.arange(levels)}), ["agent"])
    with pm.Model(coords=cr.coords_of(3, crossed)) as model:
        total = cr.effects(crossed, Priors(factor_scales={"agent": 0.3}))
    assert ("sd_effect_agent" in model.named_vars) is learned
    drawn = np.stack(pm.draw(total, draws=400, random_seed=1))
    np.testing.assert_allclose(drawn.sum(axis=1), 0, atol=1e-12)
    assert drawn.std() < 0.4


def test_cutpoints_are_the_logits_of_cumulated_probabilities():
    import pymc as pm

    p0 = np.array([1e-9, 0.3, 0.5, 0.2 - 1e-9])
    with pm.Model(coords=cr.coords_of(4)) as model:
        cuts = cr.cutpoints(Priors(), 4)
    found = cuts.eval({model["p0"]: p0}, mode="FAST_COMPILE")
    np.testing.assert_allclose(found, special.logit(np.cumsum(p0)[:-1]), rtol=1e-10)


def test_sizes_and_lists_are_checked():
    with pytest.raises(MemoryBudgetError, match="200,000 cells x 15 nodes x 11 answers"):
        cr.check_size(200_000, 15, 11)
    with pytest.raises(DtypeError, match="factors is the text 'agent'"):
        cr.column_list("agent", "factors")
    with pytest.raises(MissingColumnError, match="segments"):
        cr.cross(INDEX, ["segments"])
