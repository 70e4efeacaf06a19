"""Whom to ask next: the invitations that lower the uncertainty of the score most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core.errors import ConfigError
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_count, check_number
from cximpact.data import Cells
from cximpact.imputation.design import Design
from cximpact.imputation.eligible import LAST, count_eligible, eligible
from cximpact.imputation.poststratify import Margin, margin, probabilities
from cximpact.imputation.survey_gain import Knowledge, efficient_scores, factors, kept_draws
from cximpact.imputation.survey_plan import SurveyPlan
from cximpact.imputation.totals import people_of

if TYPE_CHECKING:
    from cximpact.imputation.result import ImputedScores

_STEPS = 200


def target(
    imputed: ImputedScores,
    *,
    budget: int,
    contacts: str | None = None,
    min_days: float = 30.0,
    response: float | str | None = None,
    floor: float = 0.02,
    by: str | Sequence[str] | None = None,
    period: Any = LAST,
    rng: RngLike = None,
) -> SurveyPlan:
    """Plan whom to ask next, so that the score becomes known best.

    Parameters
    ----------
    imputed : ImputedScores
        A fit that knows its wave, with a customer column.
    budget : int
        Invitations.
    contacts : str, optional
        Column of the frame: days since the customer was last contacted; missing for never.
    min_days : float, default 30
        Customers who were contacted less than so many days ago are left alone.
    response : float or str, optional
        Probability that an invitation is answered: one number, or a column of the frame. By
        default the response rate of each cell, drawn a little towards that of everybody.
    floor : float, default 0.02
        Least probability with which everybody is asked who may be asked.
    by : str or sequence of str, optional
        Columns to split by: then the mean variance of the groups' scores is lowered, every group
        counting the same. By default the variance of the score of everybody.
    period : object, default "last"
        Period to plan for, ``"last"``, or ``"all"``. It has no meaning without a period.
    rng : int or Generator, optional
        Randomness of the plan's default draw; the seed of the fit by default.

    Returns
    -------
    SurveyPlan
        Probabilities of being asked; `SurveyPlan.draw` picks the customers.

    Raises
    ------
    ConfigError
        If the fit knows no wave or no customers, there is no such period, or the floor alone
        needs more than the budget.
    DataError
        If response probabilities are not between 0 and 1.
    EmptyDataError
        If nobody may be asked.

    Notes
    -----
    Estimand: the inclusion probabilities that minimize the expected posterior variance of the
    finite-population score, sum over cells of n_j answers expected from invitations b_j pi_j.

    The draws give the joint covariance C of the cells' expected scores s, and that with the
    expected signal m_j of an answer (the efficient score of the ordinal likelihood, twice its
    ridit less 1). An answer of cell j is taken as a normal observation of m_j with its variance
    V_j within the cell: n of them lower the variance of theta = w's by

        Cov(theta, m_j)^2 / (Var(m_j) + V_j / n),

    which is Cov(theta, eta_j)^2 / (Var(eta_j) + 1 / (n I_j)) to first order, I_j being the
    information of one answer. Those who answer also stop being a guess: their share leaves w,
    and their scatter the variance. Cells get invitations in small batches, each where the gain
    of an invitation is greatest, with C updated after each; updates commute, so the variance
    that is promised does not depend on the order.

    Assumptions: the model (missing at random among those asked), answers as many as expected,
    covariances that stay those of the draws. What breaks it: response probabilities that are
    too high where it matters (people who did not answer before answer more rarely than others),
    and effects that the model does not have. The floor protects against that: with every
    probability above zero, weights 1 / probability estimate any total without the model.
    Customers whom the fatigue rule excludes have probability 0: no design can speak for them.

    References
    ----------
    Chaloner, K. & Verdinelli, I. (1995). Bayesian experimental design: a review. Statistical
    Science 10(3), 273-304.

    Schouten, B., Calinescu, M. & Luiten, A. (2013). Optimizing quality of response through
    adaptive survey designs. Survey Methodology 39(1), 29-58.
    """
    budget = check_count(budget, "budget")
    floor = check_number(floor, "floor", low=0, high=1)
    rows, customer, cells = eligible(imputed, contacts=contacts, min_days=min_days, period=period)
    table = count_eligible(imputed, cells, rows, response)
    can, answers = table["eligible"].to_numpy(), table["response_prob"].to_numpy()
    _check_floor(can.sum(), floor, budget)
    groups = margin(imputed.cells, by)
    known = knowledge(imputed, cells, groups)
    asked = allocate(known, can, answers, budget, floor)
    plans = {"planned": asked, "proportional": asked.sum() * can / can.sum()}
    table["gain"] = known.gains(answers * np.minimum(can, 1.0)) / len(known.total)
    table["invitations"] = asked
    table["inclusion_prob"] = np.divide(asked, can, out=np.zeros_like(can), where=can > 0)
    table["expected_answers"] = asked * answers
    return SurveyPlan(
        cells=table,
        expected_sd=_expected(known, groups, cells, answers, plans),
        keys=imputed.cells.by,
        budget=budget,
        floor=floor,
        by=tuple(groups.labels.columns),
        unit=imputed.cells.scale.unit,
        customer=customer,
        provenance=replace(
            imputed.provenance,
            method="survey targeting",
            seed=imputed.provenance.seed if rng is None else seed_of(rng),
        ),
        source=rows.select(*dict.fromkeys([customer, *imputed.cells.by])),
    )


def knowledge(imputed: ImputedScores, cells: np.ndarray, groups: Margin) -> Knowledge:
    """Sum up what the draws know of some cells.

    Parameters
    ----------
    imputed : ImputedScores
        A fit.
    cells : numpy.ndarray of bool, shape (cell,)
        Cells of the scores.
    groups : Margin
        Groups of all cells.

    Returns
    -------
    Knowledge
        Of the chosen cells, with groups that have none of them left out.
    """
    counts, design = imputed.cells, imputed.design
    used = kept_draws(imputed.draws.sizes["sample"], int(cells.sum()))
    draws = imputed.draws.isel(sample=used)
    pmf, weights = _signals(draws, design, counts.scale.n_categories)
    values = counts.scale.score_weights
    score = [(part @ values)[:, cells] for part in probabilities(draws, design.at_reference())]
    signal = [
        np.einsum("sjk,jk->sj", part, weights)[:, cells] for part in probabilities(draws, design)
    ]
    score_rows, signal_rows = factors(np.concatenate(score), np.concatenate(signal))
    pmf, weights = pmf[cells], weights[cells]
    found, group = np.unique(groups.code[cells], return_inverse=True)
    return Knowledge(
        score=score_rows,
        signal=signal_rows,
        noise=np.maximum((pmf * weights**2).sum(axis=1) - (pmf * weights).sum(axis=1) ** 2, 1e-12),
        scatter=pmf @ values**2 - (pmf @ values) ** 2,
        group=group,
        total=np.bincount(group, weights=counts.frame_weight[cells], minlength=len(found)),
        **_unknown(counts, design, cells),
    )


def _signals(draws: xr.Dataset, design: Design, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean probabilities of the answers and what each says, shapes (cell, category)."""
    pmf = np.zeros((len(design.x), k))
    for part in probabilities(draws, design):
        pmf += part.sum(axis=0) / draws.sizes["sample"]
    return pmf, efficient_scores(pmf, design.link)


def _unknown(counts: Cells, design: Design, cells: np.ndarray) -> dict[str, np.ndarray]:
    """Weigh those whose score is not known: the silent, and answers in another style."""
    who = people_of(counts, design)
    each, other = (
        np.divide(weight, people, out=np.zeros_like(weight), where=people > 0)
        for weight, people in (
            (who.silent_weight, who.silent),
            (who.answered_weight, who.answered),
        )
    )
    elsewhere = np.where(who.given, 0.0, who.answered)
    return {
        "weight": (who.silent * each + elsewhere * other)[cells],
        "weight_sq": (who.silent * each**2 + elsewhere * other**2)[cells],
        "each": np.where(who.given, each, 0.0)[cells],
    }


def allocate(
    known: Knowledge, eligible: np.ndarray, response: np.ndarray, budget: float, floor: float
) -> np.ndarray:
    """Share out invitations among cells, each batch where an invitation teaches most.

    Parameters
    ----------
    known : Knowledge
        Before.
    eligible : numpy.ndarray, shape (cell,)
        People who may be asked.
    response : numpy.ndarray, shape (cell,)
        Probability that an invitation is answered.
    budget : float
        Invitations; everybody is asked where there are fewer people.
    floor : float
        Least share of every cell's eligible people that is asked.

    Returns
    -------
    numpy.ndarray, shape (cell,)
        Expected invitations; they add up to the budget.
    """
    if budget >= eligible.sum():
        return eligible.astype(float)
    asked = floor * eligible
    known = known.after(asked * response)
    left = budget - asked.sum()
    batch = left / _STEPS
    while left > 1e-9 * budget:
        size = np.minimum(np.minimum(batch, left), eligible - asked)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(size > 1e-9, known.gains(size * response) / size, -np.inf)
        best = int(value.argmax())
        step = np.zeros(len(asked))
        step[best] = size[best]
        asked, left = asked + step, left - size[best]
        known = known.after(step * response)
    return asked


def _check_floor(eligible: float, floor: float, budget: int) -> None:
    if floor * eligible > budget:
        raise ConfigError(
            f"floor={floor:g} of {eligible:,.0f} customers needs {floor * eligible:,.0f} "
            f"invitations, more than budget={budget:,}; lower floor to {budget / eligible:.2g} or "
            "less, or raise the budget."
        )


def _expected(
    known: Knowledge,
    groups: Margin,
    cells: np.ndarray,
    response: np.ndarray,
    plans: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Compare the standard deviations before, as planned and with invitations in proportion."""
    out = groups.labels.iloc[np.unique(groups.code[cells])].reset_index(drop=True)
    out["before"] = np.sqrt(known.variance())
    for name, invitations in plans.items():
        out[name] = np.sqrt(known.after(invitations * response).variance())
    return out
