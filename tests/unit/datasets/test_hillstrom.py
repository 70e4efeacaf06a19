"""The e-mail experiment."""

from pathlib import Path

from cximpact.datasets import load_hillstrom


def test_it_has_the_known_customers_in_three_arms(real_data: Path):
    frame = load_hillstrom(download=False)
    assert frame.shape == (64_000, 12)
    arms = {"Womens E-Mail": 21_387, "Mens E-Mail": 21_307, "No E-Mail": 21_306}
    assert frame["segment"].value_counts().to_dict() == arms
    assert not frame.isna().any(axis=None)
    assert frame["spend"].dtype == float
    assert 0.98 < (frame["spend"] == 0).mean() < 1
    assert "Hillstrom" in frame.attrs["origin"]
    assert set(frame["visit"]) == set(frame["conversion"]) == {0, 1}
