from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.imputation import OrdinalImputer, Priors
from tests.support.ordinal import every_term, small_wave


def test_priors_must_be_positive():
    with pytest.raises(ConfigError, match=r"priors\.walk_scale is 0"):
        Priors(walk_scale=0)
    with pytest.raises(ConfigError, match=r"factor_scales\['agent'\] is -1"):
        Priors(factor_scales={"agent": -1})


def test_scales_of_factors_depend_on_the_link_unless_given():
    assert Priors().scale_of("segment", "exchangeable", "logit") == 1.0
    assert Priors().scale_of("segment", "exchangeable", "probit") == 0.6
    assert Priors(factor_scale=0.4).scale_of("segment", "exchangeable", "probit") == 0.4
    own = Priors(factor_scales={"segment": 0.2})
    assert own.scale_of("segment", "exchangeable") == 0.2
    assert own.scale_of("month", "walk") == 0.2
    assert own.scale_of("region", "exchangeable") == 1.0


def test_table_gives_quantiles_of_every_prior():
    table = Priors(factor_scales={"agent": 0.3}).table().set_index("parameter")
    assert table.loc["sigma_agent", "q95"] == pytest.approx(stats.halfnorm(scale=0.3).ppf(0.95))
    assert table.loc["slope", "q05"] == pytest.approx(-1.6449, abs=1e-4)
    assert "HalfNormal(0.2)" in repr(Priors())


def test_scales_reach_the_terms_of_the_model():
    posterior, _ = every_term(style="shift")
    scales = {b.term.name: b.prior for b in posterior.blocks}
    assert scales["segment"] == scales["segment:month"] == 0.5
    assert (scales["month"], scales["drift_month"], scales["style_channel"]) == (0.2, 0.05, 0.3)
    assert list(posterior.slope_sd) == [1.0, 0.1]


def test_a_scale_for_an_unknown_term_is_refused():
    imputer = OrdinalImputer(factors=["segment"], priors=Priors(factor_scales={"segmnt": 1.0}))
    with pytest.raises(ConfigError, match="names 'segmnt'; the model has 'segment'"):
        imputer.posterior(imputer.cells(small_wave()))


def test_prior_predictive_is_that_of_the_priors():
    imputer = OrdinalImputer(factors=["segment", "region"])
    found = imputer.prior_predictive(small_wave(), rng=3, draws=4000)
    p0 = found.draws["p0"].values
    assert p0.mean(axis=0) == pytest.approx(np.full(5, 0.2), abs=0.01)
    sigma = found.draws["sigma_segment"].values
    assert np.quantile(sigma, 0.95) == pytest.approx(1.96, abs=0.1)
    spread = found.draws["effect_segment"].values / sigma[:, None]
    assert spread.std() == pytest.approx(np.sqrt(3 / 4), abs=0.02)
    assert "Before any answer" in found.explain()
    assert list(found.summary()["quantity"])[1:] == [
        "sd of CSAT5 by segment",
        "sd of CSAT5 by region",
    ]


def test_prior_predictive_does_not_look_at_the_answers():
    wave = small_wave()
    other = wave.frame.assign(y=wave.frame["y"].where(wave.frame["y"].isna(), 5.0))
    imputer = OrdinalImputer(factors=["segment"])
    one = imputer.prior_predictive(wave, rng=3, draws=50).score
    again = type(wave)(other, answer="y", scale=wave.scale)
    assert (imputer.prior_predictive(again, rng=3, draws=50).score == one).all()
