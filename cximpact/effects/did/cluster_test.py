"""The result of a test that resamples clusters."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cximpact.core.results import result_html
from cximpact.core.validate import check_count, check_number, check_prob
from cximpact.effects.did.design import DidTable
from cximpact.effects.did.resampled import Statistics, inverted, p_values


@dataclass(frozen=True, kw_only=True)
class ClusterTest:
    """A test of an effect by resampling clusters.

    Parameters
    ----------
    method : str
        How it was done.
    estimate : float
        Two-way fixed-effects coefficient.
    null : float
        Effect that was tested.
    statistic : float
        What was compared: t, or the distance of the estimate from the null.
    p_value, p_equal_tailed : float
        Two-sided, by absolute values and by twice the smaller tail.
    conf_low, conf_high, conf_level : float
        Effects that are not refused.
    least_p : float
        The smallest p value that could have come out.
    replications : int
        How many combinations were looked at.
    complete : bool
        Whether these are all there are.
    clusters, treated : int
        How many there are, and how many of them are treated.
    """

    method: str
    estimate: float
    null: float
    statistic: float
    p_value: float
    p_equal_tailed: float
    conf_low: float
    conf_high: float
    conf_level: float
    least_p: float
    replications: int
    complete: bool
    clusters: int
    treated: int

    def tidy(self) -> pd.DataFrame:
        """Return the test as a table.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        names = ("method", "estimate", "null", "statistic", "p_value", "p_equal_tailed")
        more = ("conf_low", "conf_high", "conf_level", "least_p", "replications", "clusters")
        return pd.DataFrame([{name: getattr(self, name) for name in (*names, *more)}])

    def explain(self) -> str:
        """Say what was found, and what could have been.

        Returns
        -------
        str
            A paragraph.
        """
        every = "all" if self.complete else "at random"
        text = (
            f"{self.method}: the effect is {self.estimate:.4g} ({self.conf_level:.0%} confidence "
            f"interval {self.conf_low:.4g} to {self.conf_high:.4g}); p = {self.p_value:.4g} for an "
            f"effect of {self.null:g}, from {self.clusters} clusters ({self.treated} treated) and "
            f"{self.replications:,} combinations ({every})."
        )
        if self.least_p > 1 - self.conf_level:
            return text + (
                f" With so few clusters no p value below {self.least_p:.3g} can come out: whatever "
                "the data, nothing could be shown at this level."
            )
        return text + f" The smallest p value that can come out is {self.least_p:.2g}."

    def _repr_html_(self) -> str:
        return result_html(self.method, self.tidy(), self.explain())


def cluster_test(
    did: DidTable,
    found: Statistics,
    observed: Statistics,
    *,
    method: str,
    null: float,
    level: float,
    least: float,
    complete: bool,
) -> ClusterTest:
    """Compare the statistic of the data with those of resampled data.

    Parameters
    ----------
    did : DidTable
        The design.
    found, observed : Statistics
        Of the draws, and of the data.
    method : str
        How it was done.
    null, level : float
        Effect under test, and coverage of the interval.
    least : float
        The smallest p value that can come out.
    complete : bool
        Whether the draws are all there are.

    Returns
    -------
    ClusterTest
        With the interval of effects that are not refused.
    """
    low, high = inverted(found, observed, level, least, complete=complete)
    symmetric, tails = p_values(found, observed, null, complete=complete)
    return ClusterTest(
        method=method,
        estimate=float(observed.level[0] / observed.slope[0]),
        null=null,
        statistic=float(observed.at(null)[0]),
        p_value=symmetric,
        p_equal_tailed=tails,
        conf_low=low,
        conf_high=high,
        conf_level=level,
        least_p=least,
        replications=len(found.level),
        complete=complete,
        clusters=did.n_clusters,
        treated=did.n_treated_clusters,
    )


def check_settings(null: float, replications: int, level: float) -> None:
    """Check what tests by resampling share.

    Parameters
    ----------
    null : float
        Effect under test.
    replications : int
        How many draws.
    level : float
        Coverage.
    """
    check_number(null, "null")
    check_count(replications, "replications", low=99)
    check_prob(level, "level")
