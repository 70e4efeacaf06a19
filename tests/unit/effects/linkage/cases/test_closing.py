import numpy as np
import pandas as pd
import pytest

import cximpact as cx
from cximpact.core.causal import is_causal
from cximpact.core.errors import ConfigError, NotCausalError
from cximpact.effects.linkage.cases import CaseLedger


def ledger(n: int = 2000, seed: int = 1, at: float = 60.0) -> CaseLedger:
    rng = np.random.default_rng(seed)
    opened = rng.uniform(0, at, n)
    end = rng.exponential(20.0, n)
    how = rng.choice(["resolved", "unresolved", "left"], n, p=[0.6, 0.3, 0.1])
    is_open = opened + end > at
    frame = pd.DataFrame(
        {
            "case": np.arange(n),
            "opened": opened,
            "closed": np.where(is_open, np.nan, opened + end),
            "how": pd.Series(how).mask(pd.Series(is_open)),
            "team": rng.choice(["east", "west"], n),
        }
    )
    names = {"case": "case", "opened": "opened", "closed": "closed", "outcome": "how"}
    return CaseLedger(frame, **names, at=at)


def test_open_cases_count_and_leaving_them_out_looks_quick():
    found = ledger()
    closing = found.time_to_close(times=[10.0, 20.0], rng=1)
    truth = 1 - np.exp(-np.array([10.0, 20.0]) / 20)
    table = closing.summary().set_index(["outcome", "time"])
    for name, share in {"resolved": 0.6, "unresolved": 0.3, "left": 0.1}.items():
        rows = table.loc[name]
        assert ((rows["conf_low"] < share * truth) & (share * truth < rows["conf_high"])).all()
    closed = found._cases.dropna(subset="closed")
    naive = ((closed["closed"] - closed["opened"]) <= 10).mean()
    assert naive > truth[0] + 0.1
    assert closing.diagnostics["still_open"] == 2000 - len(closed)


def test_the_median_and_its_interval():
    row = ledger().time_to_close(rng=1).median().iloc[0]
    assert row["conf_low"] < 20 * np.log(2) < row["conf_high"]
    assert row["conf_high"] - row["conf_low"] < 3


def test_a_median_that_is_not_reached_is_infinite():
    frame = pd.DataFrame({"case": range(9), "opened": 0.0, "closed": [1.0, 2.0] + [np.nan] * 7})
    found = CaseLedger(frame, case="case", opened="opened", closed="closed", at=5.0)
    row = found.time_to_close(rng=1).median().iloc[0]
    assert np.isinf(row["estimate"])
    assert "within ∞" in found.time_to_close(rng=1).explain()


def test_groups_are_estimated_apart():
    found = ledger(600)
    closing = found.time_to_close(by="team", draws=200, rng=1)
    assert closing.draws.dims == ("sample", "group", "outcome", "time")
    medians = closing.median()
    assert medians["group"].tolist() == ["east", "west"]
    assert medians["n"].sum() == 600
    assert "east: half of" in closing.explain()
    assert closing.plot(group="east") is not None
    with pytest.raises(ConfigError, match="expected one of"):
        closing.plot()


def test_it_describes_and_is_not_turned_into_money():
    closing = ledger(300).time_to_close(rng=1)
    assert not is_causal(closing)
    value = cx.value.fixed(10, "EUR", per="case", assumption="none")
    with pytest.raises(NotCausalError):
        cx.value.incremental(closing, value, rng=1)
    text = closing.explain()
    assert "Half of 300 cases" in text
    assert "resolved" in text
    assert "are still open" in text


def test_times_are_few_and_the_seed_decides():
    closing = ledger(800).time_to_close(draws=200, rng=1)
    assert 30 < closing.draws.sizes["time"] <= 60
    np.testing.assert_array_equal(closing.draws, ledger(800).time_to_close(draws=200, rng=1).draws)
    assert not np.array_equal(closing.draws, ledger(800).time_to_close(draws=200, rng=2).draws)
    shares = closing.draws.sum("outcome")
    assert float(shares.max()) <= 1 + 1e-12


def test_nothing_closed_yet_is_refused():
    frame = pd.DataFrame({"case": [1, 2], "opened": [0.0, 1.0], "closed": [np.nan, np.nan]})
    found = CaseLedger(frame, case="case", opened="opened", closed="closed", at=5.0)
    with pytest.raises(ConfigError, match="no case is closed yet"):
        found.time_to_close(rng=1)
