"""The result of an uplift learner: average effects, and the effect on single customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError, unknown_name
from cximpact.core.results import EffectPosterior, plotting, quantile
from cximpact.core.rng import RngLike, seed_of
from cximpact.core.validate import check_prob
from cximpact.data import CrossSection, frames
from cximpact.effects.uplift.documented import shares_parameters
from cximpact.effects.uplift.doubly_robust import doubly_robust_scores
from cximpact.effects.uplift.evaluation import evaluate_scores
from cximpact.effects.uplift.evaluation_data import HeldOut
from cximpact.effects.uplift.evaluation_result import UpliftEvaluation
from cximpact.effects.uplift.policy import TargetingPolicy, target_customers
from cximpact.effects.uplift.policy_customers import ScoredCustomers
from cximpact.effects.uplift.policy_rule import TargetingRule
from cximpact.effects.uplift.uplift_model import (
    Scored,
    UpliftModel,
    crossed_scores,
    score_customers,
)


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class UpliftPosterior(EffectPosterior):
    """Average effects of the arms, with a model of the effect on each customer.

    Its draws are those of the average effect, along ``arm`` where there are several; everything
    that takes an `EffectPosterior` takes it.

    Parameters
    ----------
    model : UpliftModel
        Single effects.
    """

    model: UpliftModel = field(repr=False)

    def predict(self, customers: Any, *, prob: float = 0.9) -> pd.DataFrame:
        """Predict the effect on customers.

        Parameters
        ----------
        customers : CrossSection or frame
            With the features that were learned; no outcome is needed.
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.DataFrame
            One row a customer and arm, in the order of the rows: ``row``, with several arms
            ``arm``, then ``estimate``, and ``std_error``, ``conf_low``, ``conf_high`` where the
            learner knows errors of single effects.
        """
        half = quantile(None, (1 + check_prob(prob)) / 2)
        x = self.model.numbers(customers)
        effect, error = self.model.effect(x), self.model.std_error(x)
        several = len(self.model.arms) > 1
        parts = []
        for a, arm in enumerate(self.model.arms):
            part = pd.DataFrame({"row": np.arange(len(x))})
            if several:
                part["arm"] = str(arm)
            part["estimate"] = effect[:, a]
            if error is not None:
                part["std_error"] = error[:, a]
                part["conf_low"] = effect[:, a] - half * error[:, a]
                part["conf_high"] = effect[:, a] + half * error[:, a]
            parts.append(part)
        table = pd.concat(parts, ignore_index=True)
        return table.sort_values("row", kind="stable", ignore_index=True) if several else table

    def predict_draws(self, customers: Any) -> xr.DataArray:
        """Return joint draws of the effect on customers.

        Parameters
        ----------
        customers : CrossSection or frame
            With the features that were learned. Keep it to some thousands of rows.

        Returns
        -------
        xarray.DataArray
            Dimensions ``(sample, customer)``, with several arms ``(sample, customer, arm)``; a
            draw is one group of trees or one half of the customers.

        Raises
        ------
        ConfigError
            If the learner was fitted without errors of single effects.
        """
        x = self.model.numbers(customers)
        parts = [e.point(x) + e.errors(x) for e in self.model.effects]
        several = len(parts) > 1
        arms = {"arm": [str(a) for a in self.model.arms]} if several else {}
        return dr.from_array(
            np.stack(parts, axis=-1) if several else parts[0],
            source=f"{self.provenance.source}:customers",
            dims=("customer", *arms),
            coords={"customer": np.arange(len(x)), **arms},
            data_ids=[self.provenance.data_hash],
        )

    def evaluate(
        self,
        data: CrossSection | None = None,
        *,
        arm: Any = None,
        replicates: int = 200,
        ks: Sequence[float] = (0.1, 0.2, 0.3),
        folds: int = 5,
        force: bool = False,
        rng: RngLike = None,
    ) -> UpliftEvaluation:
        """Judge how well the model ranks customers by their effect.

        Parameters
        ----------
        data : CrossSection, optional
            Held-out customers with outcomes. Without them the learner is fitted anew without
            each of ``folds`` parts of its own customers, and judged on that part.
        arm : object, optional
            Treated arm; needed where there are several.
        replicates : int, default 200
            Bootstrap replicates.
        ks : sequence of float
            Shares of customers for the uplift of the first.
        folds : int, default 5
            Parts of the cross-fitted evaluation.
        force : bool, default False
            Judge on training customers nevertheless; the result says so.
        rng : int or Generator, optional
            Randomness; the seed of the fit by default.

        Returns
        -------
        UpliftEvaluation
            Qini, AUUC, AUTOC and uplift of the first, with intervals and a test.

        Raises
        ------
        DesignError
            If these are customers that the model was fitted on.
        """
        seed = self._seed(rng)
        scored = self._scored(data, folds=folds, force=force, seed=seed)
        a = self._arm(arm)
        held_out = self._held_out(scored, a)
        pair = _pair(scored, a)
        name = f"{self.provenance.method} ({scored.how})"
        return evaluate_scores(
            scored.effect[pair, a], held_out, replicates=replicates, ks=ks, rng=seed, name=name
        )

    def held_out(
        self, data: CrossSection, *, arm: Any = None, force: bool = False
    ) -> tuple[np.ndarray, HeldOut]:
        """Return predicted effects and what is needed to judge them, for further tools.

        Parameters
        ----------
        data : CrossSection
            Held-out customers with outcomes.
        arm : object, optional
            Treated arm; needed where there are several.
        force : bool, default False
            Let training customers through.

        Returns
        -------
        score : numpy.ndarray, shape (row,)
            Predicted effects.
        held_out : HeldOut
            For `compare_scores`, `best_linear_predictor`, `gates` and the like.
        """
        scored, a = score_customers(self.model, data, force=force), self._arm(arm)
        return scored.effect[_pair(scored, a), a], self._held_out(scored, a)

    def policy(
        self,
        data: Any = None,
        *,
        value: Any,
        cost: Any,
        risk: Any = None,
        groups: Any = None,
        eligible: Any = None,
        rng: RngLike = None,
        **settings: Any,
    ) -> TargetingPolicy:
        """Choose whom to treat for the most money, and say what the list is worth.

        Parameters
        ----------
        data : CrossSection or frame, optional
            Held-out customers with outcomes, on whom the list is valued; or a frame of customers
            whose outcome is not known yet, for whom a list is made without a value. Without it,
            the training customers, each scored by a fit without the customer.
        value : float, Money, array_like, draws or object with draws
            Money per unit of outcome.
        cost : float, Money, array_like, draws or object with draws
            Cost of a contact.
        risk : str or array_like, optional
            Column or values of a risk score; the list is then compared with one of the riskiest.
            By default the lowest predicted outcome without treatment, which for an outcome such
            as staying is the highest risk of leaving.
        groups : str or array_like, optional
            Column or values of groups with least and greatest shares.
        eligible : str, array_like or mapping, optional
            Column or values that say who may be contacted, or one of them per rule.
        rng : int or Generator, optional
            Randomness; the seed of the fit by default.
        **settings
            ``currency``, ``budget``, ``capacity``, ``min_share``, ``max_share``, ``fractional`` and
            ``draws`` of `TargetingRule`.

        Returns
        -------
        TargetingPolicy
            The list, its value with its error, and the same for other lists.

        Raises
        ------
        DataError, DesignError, ConfigError
            If prices or limits cannot be used, or these are training customers.
        """
        rule = TargetingRule(value=value, cost=cost, **settings)
        seed = self._seed(rng)
        if data is None or isinstance(data, CrossSection):
            folds = self.model.learner.crossfit.folds
            scored = self._scored(data, folds=folds, force=False, seed=seed)
            source = self.model.data if data is None else data
            frame, unit = source.table(), source.unit
            known: dict[str, Any] = {
                "effect": scored.effect,
                "std_error": scored.std_error,
                "pseudo_outcome": scored.scores,
                "weights": scored.rows.weight,
                "cluster": scored.rows.cluster,
                "risk": -scored.mean[:, 0],
            }
        else:
            frame = frames.collect(frames.open_frame(data))
            x = self.model.numbers(frame)
            unit = self.model.data.unit
            known = {
                "effect": self.model.effect(x),
                "std_error": self.model.std_error(x),
                "risk": -self.model.nuisances.mean_of(x)[:, 0],
            }
        if unit in frame:
            known["ids"] = frame[unit]
        if risk is not None:
            known["risk"] = _column(frame, risk)
        customers = ScoredCustomers(
            **known,
            groups=_column(frame, groups),
            eligible=_column(frame, eligible),
            arms=self.model.arms,
            scale=self.estimand.scale,
        )
        return target_customers(customers, rule, rng=seed)

    def plot(self, **options: Any) -> Any:
        """Draw the average effect, one row an arm.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.effect`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        options.setdefault("unit", self.estimand.scale)
        return plotting().effect(self.summary(options.pop("prob", 0.9)), **options)

    def _seed(self, rng: RngLike) -> int:
        return seed_of(rng) if rng is not None else int(self.provenance.seed or 0)

    def _arm(self, arm: Any) -> int:
        arms = list(self.model.arms)
        if arm is None and len(arms) > 1:
            raise ConfigError(f"there are several treated arms; say which one, as arm={arms[0]!r}.")
        if arm is not None and arm not in arms:
            raise unknown_name("arm", arm, arms)
        return 0 if arm is None else arms.index(arm)

    def _scored(self, data: CrossSection | None, *, folds: int, force: bool, seed: int) -> Scored:
        if data is None:
            return crossed_scores(self.model, folds=folds, rng=seed)
        return score_customers(self.model, data, force=force)

    def _held_out(self, scored: Scored, a: int) -> HeldOut:
        pair = _pair(scored, a)
        rows, two = scored.rows, [0, a + 1]
        treated = (rows.arm[pair] > 0).astype(int)
        e = scored.propensity[pair][:, two]
        e = e / e.sum(axis=1, keepdims=True)
        mean = scored.mean[pair][:, two]
        clustered = rows.n_clusters < rows.n_rows
        return HeldOut(
            outcome=rows.outcome[pair],
            treatment=treated.astype(float),
            pseudo_outcome=doubly_robust_scores(rows.outcome[pair], treated, mean, e)[:, 0],
            propensity=e[:, 1],
            weights=rows.weight[pair],
            cluster=rows.cluster[pair] if clustered else None,
        )


def _pair(scored: Scored, a: int) -> np.ndarray:
    """Return the rows of one treated arm and of the control."""
    return np.flatnonzero((scored.rows.arm == 0) | (scored.rows.arm == a + 1))


def _column(frame: pd.DataFrame, given: Any) -> Any:
    """Replace the name of a column by its values."""
    if isinstance(given, str):
        frames.check_columns(frames.open_frame(frame), {"column": given})
        return frame[given].to_numpy()
    if isinstance(given, dict):
        return {name: _column(frame, part) for name, part in given.items()}
    return given
