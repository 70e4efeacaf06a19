"""A result is a claim with its conditions, and nobody can change it afterwards."""

from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cximpact.core import draws as dr
from cximpact.core.errors import (
    AlignmentError,
    ConfigError,
    CxImpactError,
    NonFiniteError,
    UnitsError,
)
from cximpact.core.results import (
    TIDY_COLUMNS,
    Assumption,
    EffectPosterior,
    Estimand,
    Provenance,
    quantile,
    result_html,
)

LABELS = ["before", "after"]
TRENDS = Assumption(
    name="parallel trends", statement="Equal trends.", tested=True, evidence="p = 0.4"
)
ESTIMAND = Estimand(
    target="att", contrast="treated minus not", scale="points", population="treated stores"
)


def draws(n=400, **options):
    values = np.random.default_rng(1).normal([1.0, 3.0], 0.5, size=(n, 2))
    options = {"dims": ["when"], "coords": {"when": LABELS}} | options
    return dr.from_array(values, source="effect", **options)


def result(**changes):
    settings = {
        "draws": draws(),
        "estimand": ESTIMAND,
        "draw_kind": "bootstrap",
        "n": 1234,
        "assumptions": (TRENDS,),
        "diagnostics": {"clusters": 12},
        "provenance": Provenance(method="did", notes=("12 rows without an answer were dropped.",)),
        "would_change_it": "A trend of 2 points a year.",
    }
    return EffectPosterior(**(settings | changes))


def stored(values, labels=LABELS):
    return xr.DataArray(np.asarray(values, dtype=float), dims="when", coords={"when": labels})


# --- tables --------------------------------------------------------------------------------


def test_a_tidy_table_has_the_promised_columns():
    table = result().tidy()
    assert list(table.columns) == ["when", *TIDY_COLUMNS]
    assert table["term"].tolist() == ["when[before]", "when[after]"]
    assert table["n"].tolist() == [1234, 1234] and table["conf_level"].tolist() == [0.9, 0.9]


def test_a_result_without_dimensions_is_named_after_its_target():
    one = result(draws=draws().sel(when="after", drop=True)).tidy()
    assert one["term"].tolist() == ["att"] and list(one.columns) == list(TIDY_COLUMNS)


def test_a_summary_of_draws_uses_the_draws():
    table = result().summary(prob=0.8, kind="hdi")
    np.testing.assert_allclose(table["estimate"], draws().values.mean(0))
    assert (table["mcse"] > 0).all()


@pytest.mark.parametrize("kind", ["eti", "hdi"])
@pytest.mark.parametrize("df", [4.0, None])
def test_an_asymptotic_result_gives_its_own_interval(df, kind):
    table = result(
        draw_kind="asymptotic", estimate=stored([1.1, 2.9]), std_error=stored([0.5, 0.4]), df=df
    ).summary(prob=0.95, kind=kind)
    z = stats.norm.ppf(0.975) if df is None else stats.t.ppf(0.975, df)
    np.testing.assert_allclose(table["conf_low"], [1.1 - z * 0.5, 2.9 - z * 0.4])
    np.testing.assert_allclose(table["conf_high"], [1.1 + z * 0.5, 2.9 + z * 0.4])
    assert table["mcse"].tolist() == [0, 0] and table["conf_level"].tolist() == [0.95, 0.95]


def test_a_bootstrap_keeps_the_quantiles_of_its_draws_beside_a_stored_estimate():
    table = result(estimate=stored([1.1, 2.9]), std_error=stored([0.5, 0.4])).summary()
    assert table["estimate"].tolist() == [1.1, 2.9] and table["std_error"].tolist() == [0.5, 0.4]
    np.testing.assert_allclose(table["conf_low"], np.quantile(draws(), 0.05, axis=0))


def test_quantiles_come_from_t_or_normal():
    assert quantile(None, 0.975) == pytest.approx(1.959964)
    assert quantile(5, 0.975) == pytest.approx(2.570582)


def test_stored_numbers_are_laid_out_like_the_draws():
    wide = dr.from_array(
        np.random.default_rng(0).normal(size=(50, 2, 3)), source="e", dims=["a", "b"],
        coords={"a": [0, 1], "b": [0, 1, 2]},
    )  # fmt: skip
    turned = wide.mean("sample").transpose("b", "a").drop_attrs()
    table = result(draws=wide, estimate=turned, std_error=turned * 0 + 1).summary()
    np.testing.assert_allclose(table["estimate"], wide.values.mean(0).ravel())


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"estimate": stored([1, 2], ["after", "before"])}, AlignmentError, "other coordinates"),
        ({"estimate": stored([1, 2, 3], list("abc"))}, AlignmentError, "other coordinates"),
        ({"estimate": xr.DataArray(1.0)}, AlignmentError, "dimensions"),
        ({"estimate": stored([1, np.nan])}, NonFiniteError, "estimate"),
        ({"std_error": stored([1, 2])}, ConfigError, "without an estimate"),
        ({"estimate": stored([1, 2]), "std_error": stored([1, -2])}, ConfigError, "below 0"),
        ({"n": -1}, ConfigError, "n is -1"),
        ({"n": 3.5}, ConfigError, "n is 3.5"),
        ({"df": 0}, ConfigError, "df is 0"),
        ({"draw_kind": "posteriors"}, ConfigError, "Did you mean 'posterior'"),
        ({"draws": draws().where(draws() > 1)}, NonFiniteError, "effect draws"),
        ({"draws": draws().isel(sample=[3, 2, 1])}, AlignmentError, "sample_key"),
        ({"draws": xr.DataArray([1.0], dims="sample")}, AlignmentError, "sample_order"),
    ],
)
def test_results_that_contradict_themselves_are_refused(changes, error, words):
    with pytest.raises(error, match=words):
        result(**changes)


@pytest.mark.parametrize("scale", ["percent", "%", "pct"])
def test_a_bare_percentage_is_refused(scale):
    with pytest.raises(UnitsError, match="three meanings"):
        Estimand(target="att", contrast="a minus b", scale=scale, population="all")


def test_an_unknown_scale_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="Did you mean 'relative'"):
        Estimand(target="att", contrast="a minus b", scale="relativ", population="all")


@pytest.mark.parametrize("prob", [0, 1, 95, -1, "0.9", None, np.nan])
def test_only_fractions_are_interval_masses(prob):
    for method in (result().summary, result().tidy, result().explain):
        with pytest.raises(CxImpactError):
            method(prob)


# --- frozen ------------------------------------------------------------------------------------


def test_a_result_cannot_be_changed():
    one = result(estimate=stored([1, 2]), std_error=stored([1, 1]), details={"a": 1})
    for array in (one.draws, one.estimate, one.std_error):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9.0
    with pytest.raises(AttributeError):
        one.n = 3
    for mapping in (one.diagnostics, one.details, one.provenance.settings):
        with pytest.raises(TypeError):
            mapping["a"] = 2


def test_a_result_does_not_freeze_or_follow_what_it_was_given():
    mine, settings = draws().copy(deep=True), {"a": 1}
    one = result(draws=mine, details=settings)
    mine[0, 0] = 99
    settings["a"] = 2
    assert float(one.draws[0, 0]) != 99 and one.details["a"] == 1


def test_draws_of_a_result_can_be_paired():
    other = dr.from_array(np.arange(400.0), source="other")
    assert dr.check_joint(*dr.pair(result().draws, other, rng=1)).keys() == {"effect", "other"}


# --- words -------------------------------------------------------------------------------------


def test_the_explanation_holds_estimate_interval_conditions_and_notes():
    text = result().explain(prob=0.975)
    for words in (
        "ATT: treated minus not (points), treated stores",
        "97.5% confidence interval",
        "from 1,234 rows",
        "parallel trends (tested: p = 0.4)",
        "What would change it: A trend of 2 points a year.",
        "12 rows without an answer were dropped.",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("kind", "word"),
    [("posterior", "credible"), ("bootstrap", "confidence"), ("simulation", "simulation")],
)
def test_the_kind_of_draws_decides_the_word(kind, word):
    assert f"{word} interval" in result(draw_kind=kind).explain()


def test_marks_on_the_draws_are_spoken_out():
    marked = draws().assign_attrs(unreliable="m: R-hat 1.2", assumed_independent="two samples")
    text = result(draws=marked).explain()
    assert "UNRELIABLE: m: R-hat 1.2." in text and "Assumed independent: two samples." in text


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)


def test_hostile_names_are_escaped_on_every_surface():
    evil = "<script>alert('x')</script><img src=x onerror=y>"
    one = result(
        draws=draws(dims=[evil], coords={evil: [evil, "</table>"]}),
        estimand=Estimand(target=evil, contrast=evil, scale="points", population=evil),
        assumptions=(Assumption(name=evil, statement=evil, tested=False, evidence=evil),),
        would_change_it=evil,
        provenance=Provenance(method=evil, notes=(evil,)),
    )
    parser = Tags()
    parser.feed(one._repr_html_())
    assert parser.seen <= {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert "<script" not in result_html(evil, one.tidy(), evil)


def test_plot_hands_a_summary_to_the_plotting_room(monkeypatch):
    seen = {}

    class Plots:
        @staticmethod
        def effect(table, **options):
            seen.update(table=table, options=options)
            return "axes"

    monkeypatch.setattr("cximpact.core.results.plotting", lambda: Plots)
    assert result().plot(prob=0.5, title="x") == "axes"
    assert seen["table"]["conf_level"].tolist() == [0.5, 0.5]
    assert seen["options"] == {"title": "x", "unit": "points"}


def test_a_fraction_is_told_in_the_words_of_its_scale():
    claim = Estimand(target="att", contrast="a against b", scale="pp", population="all")
    shares = dr.from_array([0.05, 0.07], source="fit")
    text = result(draws=shares, estimand=claim, draw_kind="posterior").explain(prob=0.5)
    assert "att is 6 percentage points (50% credible interval 5.5 to 6.5)" in text
