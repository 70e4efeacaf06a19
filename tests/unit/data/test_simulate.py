"""The onboarding world against the numbers printed for it, by integration and by simulation."""

import numpy as np
import pandas as pd
import pytest

from cximpact.core.errors import ConfigError
from cximpact.data import Panel, simulate
from cximpact.data.simulate import onboarding_truth, simulate_onboarding

# Printed for this design from one simulation of four million customers: value and four MCSE
# (rounding included), from sd / 2000.
PRINTED = {
    "retention_untreated": (0.5522, 0.0010),
    "ate": (0.05803, 0.00004),
    "ces_untreated": (4.679, 0.0043),
    "ces_treated": (5.220, 0.0040),
    "ces_lift": (0.541, 0.0005),
    "ces_sd_untreated": (1.905, 0.0025),
    "break_even_ate": (0.041049, 0.0000005),
    "net": (88_041, 208),
    "roi": (0.4137, 0.001),
    "cost": (212_800, 0),
}


@pytest.mark.parametrize("name", PRINTED)
def test_the_integrated_truth_agrees_with_the_printed_simulation(name: str):
    value, tolerance = PRINTED[name]
    assert onboarding_truth()[name] == pytest.approx(value, abs=tolerance)


def test_the_integrated_truth_is_pinned():
    truth = onboarding_truth()
    assert truth["retention_untreated"] == pytest.approx(0.5522838177514, abs=1e-12)
    assert truth["ate"] == pytest.approx(0.0580378379876, abs=1e-12)
    assert truth["ces_untreated"] == pytest.approx(4.6804730951759, abs=1e-11)
    assert truth["ces_treated"] == pytest.approx(5.2214996892913, abs=1e-11)
    assert truth["roi"] == pytest.approx(0.4138540983442, abs=1e-11)


def test_more_nodes_do_not_change_the_integrals(monkeypatch: pytest.MonkeyPatch):
    coarse = simulate._monthly_means.__wrapped__(0.6, 0.4)
    nodes, ease = simulate._normal_nodes, simulate._ease_nodes
    monkeypatch.setattr(simulate, "_normal_nodes", lambda n: nodes(n + 12))
    monkeypatch.setattr(simulate, "_ease_nodes", lambda: ease(28))
    fine = simulate._monthly_means.__wrapped__(0.6, 0.4)
    pd.testing.assert_frame_equal(coarse, fine, rtol=1e-11)


def test_the_simulation_agrees_with_the_integrals():
    _assert_simulated(simulate_onboarding(11, kappa=0.4, n_stores=600, joiners=20))


@pytest.mark.slow
def test_four_million_customers_agree_with_the_integrals():
    worlds = [simulate_onboarding(s, kappa=0.4, n_stores=80_000, joiners=1) for s in range(4)]
    for world in worlds:
        _assert_simulated(world)
    lift = pd.concat(
        [w.truth_frame.eval("retention_treated - retention_untreated") for w in worlds]
    )
    error = lift.std() / np.sqrt(len(lift))
    assert error == pytest.approx(1e-5, rel=0.5)
    assert lift.mean() == pytest.approx(0.05803, abs=4 * error + 5e-6)


def _assert_simulated(world: simulate.OnboardingWorld) -> None:
    seen, hidden, truth = world.customers, world.truth_frame, world.truth
    expected = {
        "retention_untreated": hidden["retention_untreated"],
        "retention_treated": hidden["retention_treated"],
        "ate": hidden["retention_treated"] - hidden["retention_untreated"],
        "ces_everyone": hidden["ces"],
        "response_rate": seen["ces"].notna(),
    }
    for name, values in expected.items():
        _close(values.astype(float), seen["store"], truth[name], name)
    answered = seen["ces"].notna()
    _close(
        seen.loc[answered, "ces"].astype(float),
        seen.loc[answered, "store"],
        truth["ces_respondents"],
        "ces_respondents",
    )
    chance = np.where(
        seen["treated"] == 1, hidden["retention_treated"], hidden["retention_untreated"]
    )
    _close(seen["retained"] - chance, seen["store"], 0, "retained")


def _close(values: pd.Series, store: pd.Series, truth: float, name: str) -> None:
    """Within four standard errors of the mean, with stores as clusters."""
    off = (values - values.mean()).groupby(store).sum()
    error = np.sqrt((off**2).sum()) / len(values)
    assert abs(values.mean() - truth) < 4 * error, name


def test_respondents_are_happier_than_everyone_even_when_answers_are_missing_at_random():
    truth = onboarding_truth(kappa=0)
    assert truth["ces_respondents_untreated"] == pytest.approx(4.997, abs=5e-4)
    assert truth["ces_respondents_untreated"] == pytest.approx(4.99, abs=4 * 0.05)
    assert truth["ces_respondents"] == pytest.approx(5.123, abs=5e-4)


def test_silent_unhappy_customers_make_respondents_far_too_happy():
    truth = onboarding_truth(kappa=0.4)
    assert truth["ces_respondents_untreated"] == pytest.approx(5.729, abs=5e-4)
    assert truth["ces_respondents_untreated"] == pytest.approx(5.76, abs=4 * 0.044)
    world = simulate_onboarding(3, kappa=0.4)
    assert world.customers["ces"].mean() > world.truth_frame["ces"].mean() + 0.9


def test_regressing_retention_on_the_score_gives_the_printed_wrong_effects():
    world = simulate_onboarding(5, n_stores=1000)
    seen, hidden = world.customers, world.truth_frame
    score = np.column_stack([np.ones(len(seen)), hidden["ces"]])
    adjusted = np.column_stack([score, seen["x"]])
    lift = world.truth["ces_lift"]
    naive = np.linalg.lstsq(score, seen["retained"])[0][1] * lift
    given_x = np.linalg.lstsq(adjusted, seen["retained"])[0][1] * lift
    assert naive == pytest.approx(0.0611, abs=0.001)
    assert given_x == pytest.approx(0.0539, abs=0.001)
    assert given_x < world.truth["ate"] < naive


def test_the_design_is_forty_stores_of_which_twenty_never_change():
    seen = simulate_onboarding(1).customers
    assert len(seen) == 28_800
    assert (seen.groupby(["store", "join_month"]).size() == 60).all()
    first = seen.groupby("store")["first_treated"].first()
    assert first.isna().sum() == 20
    assert first.value_counts().to_dict() == {5: 10, 9: 10}
    expected = (seen["join_month"] >= seen["first_treated"]).fillna(False).astype(int)
    assert (seen["treated"] == expected).all()


def test_the_truth_stays_out_of_what_is_analyzed():
    world = simulate_onboarding(1)
    expected = [
        "customer",
        "store",
        "join_month",
        "x",
        "first_treated",
        "treated",
        "ces",
        "retained",
    ]
    assert list(world.customers.columns) == expected
    answered = world.customers["ces"].notna()
    assert 0.2 < answered.mean() < 0.3
    assert (world.customers["ces"][answered] == world.truth_frame["ces"][answered]).all()


def test_the_same_seed_gives_the_same_world():
    first, second = simulate_onboarding(8), simulate_onboarding(8)
    pd.testing.assert_frame_equal(first.customers, second.customers)
    pd.testing.assert_frame_equal(first.truth_frame, second.truth_frame)
    assert not first.customers.equals(simulate_onboarding(9).customers)


def test_how_people_respond_changes_neither_who_they_are_nor_what_they_do():
    given_x, given_ease = simulate_onboarding(8), simulate_onboarding(8, kappa=0.4)
    unchanged = given_x.customers.columns.drop("ces")
    pd.testing.assert_frame_equal(
        given_x.customers[list(unchanged)], given_ease.customers[list(unchanged)]
    )
    assert not given_x.customers["ces"].equals(given_ease.customers["ces"])


def test_no_effect_is_no_effect():
    truth = onboarding_truth(effect=0)
    assert truth["ate"] == truth["ces_lift"] == 0
    assert truth["roi"] == -1


def test_store_months_make_a_panel():
    seen = simulate_onboarding(1).customers
    cells = seen.groupby(["store", "join_month"], as_index=False).agg(
        retained=("retained", "mean"), first=("first_treated", "first")
    )
    panel = Panel(
        cells, unit="store", period="join_month", outcome="retained", first_treated="first"
    )
    assert panel.cohorts.set_index("first_treated")["units"].to_dict() == {5: 10, 9: 10, np.inf: 20}


@pytest.mark.parametrize(
    "setting",
    [{"n_stores": 3}, {"joiners": 0}, {"kappa": float("nan")}, {"kappa": 40}, {"effect": "0.6"}],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object]):
    (name,) = setting
    with pytest.raises(ConfigError, match=name):
        simulate_onboarding(1, **setting)
