"""Well-known claims about customer experience, each with what would have to be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import ConfigError, unknown_name
from cximpact.core.units import Change
from cximpact.core.validate import check_number
from cximpact.core.wording import percent
from cximpact.value.lifetime import retention_claim

_Z90 = float(stats.norm.ppf(0.95))
HOLDS, FAILS, OPEN = "holds", "fails", "not testable"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a claim holds for the numbers that were given.

    Parameters
    ----------
    claim : str
        Its name.
    verdict : {"holds", "fails", "not testable"}
        The finding.
    found : float
        The number that was found; NaN where the comparison is missing.
    reason : str
        Why, and when it would hold.
    """

    claim: str
    verdict: str
    found: float
    reason: str

    def explain(self) -> str:
        """Say the verdict and its reason.

        Returns
        -------
        str
            Two or three sentences.
        """
        return f"{CLAIMS[self.claim].statement} Here it {_VERB[self.verdict]}. {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement that circulates, as something that can be tested.

    Parameters
    ----------
    statement : str
        As it is told.
    needs : mapping of str to str
        Evidence that a test takes, by argument.
    trap : str
        What is usually wrong with it.
    check : callable
        From evidence to number, whether it holds, and a reason.
    """

    statement: str
    needs: Mapping[str, str]
    trap: str
    check: Callable[..., tuple[float, bool, str]]


_VERB = {HOLDS: "holds", FAILS: "does not hold", OPEN: "cannot be tested"}


def claims() -> pd.DataFrame:
    """List the claims that can be tested.

    Returns
    -------
    pandas.DataFrame
        ``claim, statement, needs, trap``.
    """
    return pd.DataFrame(
        [
            {"claim": k, "statement": c.statement, "needs": ", ".join(c.needs), "trap": c.trap}
            for k, c in CLAIMS.items()
        ]
    )


def check_claim(name: str, **evidence: float) -> Verdict:
    """Test a claim on numbers of one's own.

    Parameters
    ----------
    name : str
        From `claims`.
    **evidence
        What the claim needs. Where something is missing the claim is not testable, and the
        verdict says what would have to be known.

    Returns
    -------
    Verdict
        Holds, fails or not testable.

    Raises
    ------
    ConfigError
        For an unknown claim or evidence, with the closest name.
    """
    if name not in CLAIMS:
        raise unknown_name("claim", name, CLAIMS)
    claim = CLAIMS[name]
    if unknown := [k for k in evidence if k not in claim.needs]:
        raise unknown_name("evidence", unknown[0], claim.needs)
    if missing := [k for k in claim.needs if k not in evidence]:
        wanted = "; ".join(f"{k}: {claim.needs[k]}" for k in missing)
        return Verdict(
            claim=name,
            verdict=OPEN,
            found=float("nan"),
            reason=f"{claim.trap} It would take {wanted}.",
        )
    found, holds, reason = claim.check(**evidence)
    return Verdict(claim=name, verdict=HOLDS if holds else FAILS, found=found, reason=reason)


def _share(value: float, name: str) -> float:
    return check_number(value, name, low=0, high=1)


def _retention(retention: float, discount_rate: float) -> tuple[float, bool, str]:
    gain = Change(value=0.05, unit="pp")
    found = retention_claim(retention, gain, discount_rate=discount_rate)
    at = "nowhere" if found.holds_at is None else f"at a retention of {found.holds_at:.4g} or more"
    return (
        found.profit_gain,
        found.profit_gain >= 0.25 - 1e-12,
        f"Five points of retention add {percent(found.profit_gain)} to the lifetime value here; "
        f"25% is reached {at} at this discount rate. It is a property of a regime of retention and "
        "discounting, not a constant.",
    )


def _complainants(
    return_rate: float, n: float, return_rate_without: float, n_without: float
) -> tuple[float, bool, str]:
    with_it, without = _share(return_rate, "return_rate"), _share(return_rate_without, "without")
    sizes = [check_number(v, k, low=1) for k, v in (("n", n), ("n_without", n_without))]
    gap = with_it - without
    variance = sum(p * (1 - p) / k for p, k in zip((with_it, without), sizes, strict=True))
    low, high = gap - _Z90 * np.sqrt(variance), gap + _Z90 * np.sqrt(variance)
    return (
        gap,
        bool(low > 0),
        f"Of those whose complaint was resolved {percent(with_it)} came back, of the others "
        f"{percent(without)}: a difference of {100 * gap:.1f} points (90% interval "
        f"{100 * low:.1f} to {100 * high:.1f}). It is an effect of recovery only if who "
        "was helped was left to chance.",
    )


def _loyal(
    spend_loyal: float, spend_others: float, spend_loyal_before: float
) -> tuple[float, bool, str]:
    gap = check_number(spend_loyal, "spend_loyal", low=0) - check_number(
        spend_others, "spend_others", low=0
    )
    grown = spend_loyal - check_number(spend_loyal_before, "spend_loyal_before", low=0)
    return (
        grown,
        grown > 0 and grown >= 0.5 * gap,
        f"The loyal spend {gap:,.4g} more than others, but only {grown:,.4g} more than they did "
        "before they became loyal: the rest is who they are, not what loyalty did.",
    )


def _program(program_given_profit: float, program: float, profit: float) -> tuple[float, bool, str]:
    given = _share(program_given_profit, "program_given_profit")
    base, prior = _share(program, "program"), _share(profit, "profit")
    if base == 0:
        raise ConfigError("program is 0; nobody has one, so nothing can be compared.")
    lift, back = given / base, given * prior / base
    return (
        lift,
        lift > 1 + 1e-12,
        f"Profitable companies have a program {lift:.3g} times as often as all do; given a "
        f"program, {percent(min(back, 1.0))} are profitable against {percent(prior)} of all. The "
        "share with a program among the profitable says nothing without the share among all.",
    )


def _unsuccessful(unsuccessful: float, n: float) -> tuple[float, bool, str]:
    share, size = _share(unsuccessful, "unsuccessful"), check_number(n, "n", low=1)
    half = _Z90 * np.sqrt(share * (1 - share) / size)
    return (
        share,
        bool(abs(share - 0.72) <= half),
        f"{percent(share)} say so in {size:,.0f} answers (90% interval "
        f"{percent(max(share - half, 0))} to {percent(min(share + half, 1))}). It is what "
        "professionals say of themselves, not a measured outcome.",
    )


CLAIMS: dict[str, Claim] = {
    "retention_profit": Claim(
        statement="Five percent more retention makes 25 percent or more profit.",
        needs={"retention": "retention a year", "discount_rate": "annual rate"},
        trap="The gain depends on retention and discounting, and 5% has three meanings.",
        check=_retention,
    ),
    "complainants_return": Claim(
        statement="70 percent of complainants come back when resolved in their favor.",
        needs={
            "return_rate": "share that came back after a resolution",
            "n": "complaints resolved",
            "return_rate_without": "share that came back without one",
            "n_without": "complaints not resolved",
        },
        trap="The comparison is missing: how many come back without a resolution.",
        check=_complainants,
    ),
    "loyal_spend_more": Claim(
        statement="43 percent of customers spend more at brands they are loyal to.",
        needs={
            "spend_loyal": "spend of the loyal",
            "spend_others": "spend of the others",
            "spend_loyal_before": "spend of the loyal before they were",
        },
        trap="Those who spend more are called loyal; the same customers before are the comparison.",
        check=_loyal,
    ),
    "program_profit": Claim(
        statement="81 percent of companies with a large rise in profit have a CX program.",
        needs={
            "program_given_profit": "share with a program among the profitable",
            "program": "share with a program among all",
            "profit": "share of profitable among all",
        },
        trap="It is P(program | profit); the decision needs P(profit | program).",
        check=_program,
    ),
    "professionals_unsuccessful": Claim(
        statement="72 percent of CX professionals are not very successful at outcomes.",
        needs={"unsuccessful": "share that say so", "n": "answers"},
        trap="It is an opinion of those who answered.",
        check=_unsuccessful,
    ),
}
