"""Alerts held back at random: what closing the loop does to those whom an alert reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, NoControlError, NoTreatedError, TreatmentError
from cximpact.core.results import Estimand
from cximpact.core.rng import RngLike, seed_of, spawn
from cximpact.core.validate import check_choice, check_count
from cximpact.core.wording import number
from cximpact.data import frames
from cximpact.effects.asymptotic import t_draws
from cximpact.effects.linkage.cases.claims_made import provenance_of, scale_of
from cximpact.effects.linkage.cases.effect_result import RecoveryEffect
from cximpact.effects.linkage.cases.holdout_words import (
    ALONE,
    EXCLUSION,
    balance_of,
    first_stage,
    monotone,
    naive_note,
    random_holdout,
)
from cximpact.effects.linkage.cases.instrument import Partial, Wald, partial
from cximpact.effects.linkage.rows import LinkedRows, link_rows

TARGETS = ("late", "itt")
_SHOWN = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class AlertHoldout:
    """Compare alerts that went out with alerts that were held back at random.

    Parameters
    ----------
    outcome : str
        Column of the later behavior, such as repurchase as 0/1, or spend.
    assigned : str
        0/1 column: 1 where the alert went out, 0 where it was held back at random.
    treated : str, optional
        0/1 column: whether the customer was recovered. Without it there is only the effect of
        the alert.
    target : {"late", "itt"}, optional
        The effect of the recovery on those who were recovered because of the alert, or the
        effect of the alert itself. By default the first where ``treated`` is given.
    covariates : sequence of str
        Columns known before the alert. They make the estimate more precise and check the
        assignment.
    weight, cluster : str, optional
        Columns of weights, and of clusters at which alerts were held back, such as the store.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.
    scale : {"pp", "points", "money", "outcome"}, optional
        Meaning of the outcome's numbers; ``"pp"`` by default where all are 0 or 1.
    draws : int, default 4000
        How many draws.

    Notes
    -----
    Estimand: E[Y(recovered) - Y(not recovered)] among customers who are recovered if and only if
    their alert goes out (the compliers), or E[Y | alert] - E[Y | held back]. It needs a random
    holdout, an alert that acts through the recovery alone, nobody who is recovered only when the
    alert is held back, and customers that do not share an agent's time. An agent who calls the
    held-back customers anyway weakens the first stage, which the first-stage F shows; an alert
    that does something else, such as a discount, breaks the second, and no data show it.

    From a first-stage F of 104.7 the interval is the usual one, with errors robust by cluster.
    Below it the Anderson-Rubin test is inverted, which keeps its level however weak the first
    stage is. Its set may be unbounded; then no interval is printed.

    References
    ----------
    Imbens, G. W. and Angrist, J. D. (1994). Identification and estimation of local average
    treatment effects. Econometrica 62, 467-475. Anderson, T. W. and Rubin, H. (1949). Annals of
    Mathematical Statistics 20, 46-63. Lee, D. S., McCrary, J., Moreira, M. J. and Porter, J.
    (2022). Valid t-ratio inference for IV. American Economic Review 112, 3260-3290.
    """

    outcome: str
    assigned: str
    treated: str | None = None
    target: str | None = None
    covariates: Sequence[str] = ()
    weight: str | None = None
    cluster: str | None = None
    missing: str = "raise"
    scale: str | None = None
    draws: int = 4000

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariates", frames.column_names(self.covariates, "covariates"))
        if self.target is not None:
            check_choice(self.target, "target", TARGETS)
        if self.target == "late" and self.treated is None:
            raise ConfigError(
                "target='late' needs to know who was recovered; name the 0/1 column as treated=, "
                "or ask for target='itt'."
            )
        check_count(self.draws, "draws", low=100)

    def fit(self, data: Any, *, rng: RngLike = None) -> RecoveryEffect:
        """Estimate the effect.

        Parameters
        ----------
        data : frame
            One row a case whose alert could have gone out.
        rng : int or Generator, optional
            Randomness of the draws.

        Returns
        -------
        RecoveryEffect
            With ``details["itt"]``, the effect of the alert; ``details["confidence_set"]``, the
            Anderson-Rubin set at 95 %; and ``details["compliers"]``, the mean outcome of the
            compliers with and without recovery.

        Raises
        ------
        NoControlError, NoTreatedError, TreatmentError
            If nobody was held back, nobody alerted or recovered, or the columns are not 0/1.
        DataError, DesignError
            For columns that cannot be used.
        """
        numbers = {"outcome": self.outcome, "assigned": self.assigned}
        numbers |= {"treated": self.treated} if self.treated else {}
        rows = link_rows(
            data,
            numbers,
            self.covariates,
            weight=self.weight,
            cluster=self.cluster,
            missing=self.missing,
            varying=["outcome"],
        )
        z = _binary(rows.numbers["assigned"], self.assigned)
        _check_arms(z, self.assigned)
        arm = partial(rows, z)
        seed = seed_of(rng)
        itt = self._itt(rows, arm, seed)
        if self.treated is None or self.target == "itt":
            return itt
        d = _binary(rows.numbers["treated"], self.treated)
        if not d.any():
            raise NoTreatedError(f"nobody was recovered: column {self.treated!r} is 0 in all rows.")
        return self._late(rows, arm, d, itt=itt, seed=seed)

    def _itt(self, rows: LinkedRows, arm: Partial, seed: int) -> RecoveryEffect:
        (effect,), covariance = arm.coefficients(rows.numbers["outcome"])
        provenance = provenance_of(
            "AlertHoldout",
            replace(self, target="itt"),
            data_hash=rows.data_hash,
            seed=seed,
            notes=rows.notes,
        )
        z, balance = rows.numbers["assigned"], balance_of(rows)
        return RecoveryEffect(
            draws=t_draws(
                np.array([effect]),
                covariance,
                arm.df,
                size=self.draws,
                rng=spawn(seed, "itt")[0],
                source=provenance.source,
                data_ids=[rows.data_hash],
            ),
            estimate=xr.DataArray(effect),
            std_error=xr.DataArray(float(np.sqrt(covariance[0, 0]))),
            df=arm.df,
            estimand=Estimand(
                target="itt",
                contrast=f"{self.outcome} with the alert against the alert held back",
                scale=scale_of(rows.numbers["outcome"], self.scale),
                population="all whose alert could go out",
            ),
            draw_kind="asymptotic",
            n=rows.n,
            assumptions=(random_holdout(balance), ALONE),
            diagnostics={
                "alerted": int(z.sum()),
                "held_back": int((1 - z).sum()),
                "clusters": rows.n_clusters if rows.is_clustered else 0,
                "balance": balance,
            },
            provenance=provenance,
            would_change_it="alerts that were held back for a reason instead of by lot.",
        )

    def _late(
        self, rows: LinkedRows, arm: Partial, d: np.ndarray, *, itt: RecoveryEffect, seed: int
    ) -> RecoveryEffect:
        y, z = rows.numbers["outcome"], rows.numbers["assigned"]
        found, covariance = arm.coefficients(y, d, y * d, y * (1 - d))
        if abs(found[1]) < 1e-9:
            raise TreatmentError(
                f"as many were recovered without the alert as with it (column {self.treated!r}); "
                "the alert moved nobody, so its holdout says nothing of the recovery."
            )
        wald = Wald(
            reduced=float(found[0]),
            first=float(found[1]),
            covariance=covariance[:2, :2],
            df=arm.df,
        )
        provenance = provenance_of(
            "AlertHoldout",
            replace(self, target="late"),
            data_hash=rows.data_hash,
            seed=seed,
            notes=(*rows.notes, *naive_note(rows, self.outcome, itt.estimand.scale)),
        )
        shown = wald.confidence_set(_SHOWN)
        return replace(
            itt,
            draws=self._drawn(wald, provenance.source, rows.data_hash, seed),
            estimate=xr.DataArray(wald.estimate),
            std_error=xr.DataArray(wald.std_error) if wald.is_strong else None,
            estimand=replace(
                itt.estimand,
                target="late",
                contrast=f"{self.outcome} with against without recovery",
                population="those recovered if and only if their alert goes out (compliers)",
            ),
            assumptions=(*itt.assumptions, EXCLUSION, monotone(z, d)),
            diagnostics=dict(itt.diagnostics) | first_stage(wald, z, d, rows.weight),
            provenance=provenance,
            would_change_it=(
                "an alert that does more than start the recovery, such as a discount that comes "
                "with it."
            ),
            details={
                "itt": itt,
                "confidence_set": shown,
                "compliers": {
                    "with recovery": float(found[2] / found[1]),
                    "without recovery": float(-found[3] / found[1]),
                },
                "p_value": wald.p_value(0.0),
            },
            test=None if wald.is_strong else wald,
        )

    def _drawn(self, wald: Wald, source: str, data_hash: str, seed: int) -> xr.DataArray:
        (stream,) = spawn(seed, "late")
        if wald.is_strong:
            variance = np.array([[wald.std_error**2]])
            return t_draws(
                np.array([wald.estimate]),
                variance,
                wald.df,
                size=self.draws,
                rng=stream,
                source=source,
                data_ids=[data_hash],
            )
        marks: Mapping[str, str] = {}
        if not wald.confidence_set(0.9).is_bounded:
            marks = {
                dr.UNRELIABLE: (
                    f"the alert moved too few (first-stage F {number(wald.f)}); the 90% confidence "
                    "set is not bounded, and draws cannot show that"
                )
            }
        return dr.from_array(
            wald.draw(self.draws, rng=stream), source=source, attrs=marks, data_ids=[data_hash]
        )


def _binary(values: np.ndarray, column: str | None) -> np.ndarray:
    if not np.isin(values, (0.0, 1.0)).all():
        found = sorted(set(np.unique(values).tolist()) - {0.0, 1.0})[:5]
        raise TreatmentError(
            f"Column {column!r} holds {', '.join(f'{v:g}' for v in found)}; expected 0 and 1."
        )
    return values


def _check_arms(z: np.ndarray, column: str) -> None:
    if z.all():
        raise NoControlError(
            f"column {column!r} is 1 in all {z.size:,} rows: no alert was held back. Hold back 5 "
            "to 10% at random, or use design='cutoff' or design='timing'."
        )
    if not z.any():
        raise NoTreatedError(f"column {column!r} is 0 in all {z.size:,} rows: no alert went out.")
