"""Find the score from which on customers behave otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import ConfigError
from cximpact.core.results import Assumption, Estimand, Provenance
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.versions import versions
from cximpact.data import frames
from cximpact.effects.linkage.evidence import Evidence, Standing, standing
from cximpact.effects.linkage.options import options_of
from cximpact.effects.linkage.rows import LinkedRows, link_rows
from cximpact.effects.linkage.thresholds.curve import ScoreCurve, some_customers
from cximpact.effects.linkage.thresholds.fitting import Fitting, lack_of_fit
from cximpact.effects.linkage.thresholds.outcomes import Outcome, build_outcome, family_of
from cximpact.effects.linkage.thresholds.result import ThresholdPosterior
from cximpact.effects.linkage.thresholds.search import Search, search
from cximpact.effects.linkage.thresholds.settings import ThresholdOptions
from cximpact.effects.linkage.thresholds.shapes import MANY, candidates
from cximpact.effects.linkage.timing import check_time_order

_FEW = 5
_SHARE_OF_ZEROS = 0.1


def threshold(
    frame: Any,
    *,
    score: str,
    outcome: str | Sequence[str],
    covariates: Sequence[str] = (),
    shape: str = "step",
    levels: Sequence[float] | None = None,
    evidence: Evidence = None,
    rng: RngLike = None,
    **options: Any,
) -> ThresholdPosterior:
    """Find the score from which on customers behave otherwise, with its posterior.

    Parameters
    ----------
    frame : frame
        One row a customer; any engine.
    score : str
        Column of the score.
    outcome : str or sequence of str
        Column of the later behavior. Several outcomes share one threshold.
    covariates : sequence of str
        Columns to adjust for, known before the score.
    shape : {"step", "kink", "any"}
        A jump at the threshold; flat below and rising above it; or both of these, a straight line
        and no link at all side by side.
    levels : sequence of float, optional
        Scores at which a threshold may lie; by default all that occur but the lowest. A threshold
        of 7 parts scores from 7 on from those below.
    evidence : EffectPosterior, sensitivity result or None
        What supports reading the link as an effect: the effect of an experiment or of a
        difference-in-differences on the same behavior.
    rng : int or Generator, optional
        Randomness of the draws; the probabilities of the thresholds use none.
    **options
        ``family``, ``prior``, ``model_prior``, ``beta``, ``score_time``, ``outcome_time``,
        ``missing`` and ``draws``, see `ThresholdOptions`.

    Returns
    -------
    ThresholdPosterior
        ``threshold_probability``, ``model_probability``, ``log_bayes_factor``; its draws are the
        jump at the threshold, for a kink the change a point above it.

    Raises
    ------
    DataError, DesignError
        If columns are missing, no numbers, constant or in the wrong order in time.
    ConfigError
        If an option does not fit.

    Notes
    -----
    Estimand: how the mean outcome of customers with scores at and above ``c`` differs from that
    below, and ``c`` itself. The threshold is summed over its grid analytically:
    ``p(c | data)`` is proportional to ``p(c) p(data | c)``. Rates have a beta prior at either end
    of a shape. Amounts have a normal prior with the residual variance at either end, around the
    overall mean, and an inverse gamma prior of that variance. The evidence is exact for amounts
    and for steps of rates; for kinks of rates it is a two-dimensional quadrature; for rates with
    covariates it is Laplace's approximation, and draws are then normal around the mode.

    It is an effect only if nothing else moves both score and behavior; customers who like a firm
    for other reasons do both. The data cannot show that, so the result is "associational" unless
    ``evidence`` says more. What breaks the shape itself is a smooth link: a step is then found
    where the slope is steepest. ``shape="any"`` and the diagnostic ``lack_of_fit`` show it.
    Outcomes are taken as independent given the shape. Rows are taken as independent.

    References
    ----------
    .. [1] Smith, A. F. M. (1975). A Bayesian approach to inference about a change-point in a
       sequence of random variables. Biometrika 62, 407-416.
    .. [2] Carlin, B. P., Gelfand, A. E. and Smith, A. F. M. (1992). Hierarchical Bayesian analysis
       of changepoint problems. Applied Statistics 41, 389-405.
    """
    chosen = options_of(ThresholdOptions, options)
    names = frames.column_names([outcome] if isinstance(outcome, str) else outcome, "outcome")
    if not names:
        raise ConfigError("outcome is empty; name at least one column.")
    if chosen.score_time is not None and chosen.outcome_time is not None:
        check_time_order(
            frame, chosen.score_time, chosen.outcome_time, what=f"the outcome {names[0]!r}"
        )
    roles = {"score": score} | {f"outcome[{i}]": name for i, name in enumerate(names)}
    rows = link_rows(frame, roles, covariates, missing=chosen.missing)
    observed = np.unique(rows.numbers["score"])
    shapes = candidates(
        observed, shape, levels=levels, prior=chosen.prior, model_prior=chosen.model_prior
    )
    found = search(shapes, _outcomes(rows, names, chosen))
    seed = seed_of(rng)
    curve = _curve(found, rows, chosen.draws, shape, seed)
    link = f"{score} and {' and '.join(names)}"
    fitting = lack_of_fit(rows, curve) if not rows.covariates else None
    provenance = Provenance(
        method=f"threshold ({shape})",
        data_hash=rows.data_hash,
        settings=_settings(score, names, covariates, shapes.grid, chosen),
        seed=seed,
        versions=versions("numpy", "scipy"),
        notes=(*rows.notes, *_level_notes(rows, observed), *_outcome_notes(rows, found.outcomes)),
    )
    return _result(found, curve, rows, provenance, shape, score, standing(evidence, link), fitting)


def _outcomes(rows: LinkedRows, names: Sequence[str], chosen: ThresholdOptions) -> list[Outcome]:
    out: list[Outcome] = []
    for i, name in enumerate(names):
        role = f"outcome[{i}]"
        family = family_of(rows.numbers[role], name, chosen.family)
        out.append(build_outcome(rows, role, name, family, chosen.beta))
    return out


def _curve(found: Search, rows: LinkedRows, size: int, shape: str, seed: int) -> ScoreCurve:
    which, values, who = spawn(seed, "thresholds", "coefficients", "customers")
    chosen = found.draw(size, which, shape=shape)
    return ScoreCurve(
        candidates=found.candidates,
        outcomes=found.outcomes,
        chosen=chosen,
        coefficients=found.coefficients(chosen, values),
        x=some_customers(rows.design, who),
    )


def _result(
    found: Search,
    curve: ScoreCurve,
    rows: LinkedRows,
    provenance: Provenance,
    shape: str,
    score: str,
    stands: Standing,
    fitting: Fitting | None,
) -> ThresholdPosterior:
    names = [o.name for o in found.outcomes]
    several = len(names) > 1
    jump = _jump(curve, shape)
    values = rows.numbers["score"]
    return ThresholdPosterior(
        draws=dr.from_array(
            jump if several else jump[:, 0],
            source=provenance.source,
            dims=("outcome",) if several else (),
            coords={"outcome": names} if several else None,
            data_ids=[provenance.data_hash],
        ),
        estimand=Estimand(
            target="association" if not stands.causal else "threshold effect",
            contrast=_contrast(names, score, shape),
            scale="pp" if all(o.is_rate for o in found.outcomes) else "outcome",
            population=f"{rows.n:,} customers",
        ),
        draw_kind="posterior",
        n=rows.n,
        assumptions=(
            stands.assumption,
            Assumption(
                name="one threshold for all",
                statement="customers do not differ in where the threshold lies",
                tested=False,
                evidence="fit segments apart to see",
            ),
            *([fitting.assumption] if fitting else []),
        ),
        diagnostics={
            "log_bayes_factor": found.log_bayes_factor,
            **({"lack_of_fit": fitting.p_value} if fitting else {}),
        },
        provenance=provenance,
        would_change_it="an experiment that moves scores across the threshold.",
        details={CAUSAL: stands.causal, "standing": stands.label},
        found=found,
        curve=curve,
        score=score,
        score_mean=float(values.mean()),
        score_spread=float(values.std(ddof=1)),
    )


def _jump(curve: ScoreCurve, shape: str) -> np.ndarray:
    """Jump of each draw; the change a point for a kink, and 0 where there is no jump."""
    rise = curve.rise()
    if shape == "kink":
        return rise / (curve.candidates.high - curve.threshold)[:, None]
    return rise * (curve.model == "step")[:, None]


def _contrast(names: Sequence[str], score: str, shape: str) -> str:
    what = " and ".join(names)
    if shape == "kink":
        return f"{what} per point of {score} above its threshold"
    return f"{what} at and above the threshold of {score} against below"


def _settings(
    score: str,
    names: Sequence[str],
    covariates: Sequence[str],
    grid: np.ndarray,
    chosen: ThresholdOptions,
) -> dict[str, Any]:
    return {
        "score": score,
        "outcome": list(names),
        "covariates": list(covariates),
        "levels": grid,
        "family": chosen.family,
        "prior": {f"{k:g}": v for k, v in (chosen.prior or {}).items()},
        "model_prior": dict(chosen.model_prior or {}),
        "beta": list(chosen.beta),
        "draws": chosen.draws,
    }


def _level_notes(rows: LinkedRows, observed: np.ndarray) -> list[str]:
    if observed.size > MANY:
        return []
    counts = [int((rows.numbers["score"] == level).sum()) for level in observed]
    few = [f"{v:g} ({n})" for v, n in zip(observed, counts, strict=True) if n < _FEW]
    return [f"Few rows have these scores: {', '.join(few)}."] if few else []


def _outcome_notes(rows: LinkedRows, outcomes: Sequence[Outcome]) -> list[str]:
    out: list[str] = []
    for i, outcome in enumerate(outcomes):
        y = rows.numbers[f"outcome[{i}]"]
        zeros = float((y == 0).mean())
        if outcome.family == "normal" and y.min() == 0 and zeros > _SHARE_OF_ZEROS:
            out.append(
                f"{outcome.name} is 0 in {zeros:.0%} of the rows and was taken as normal; "
                "family='hurdle' would model whether and how much apart."
            )
    return out
