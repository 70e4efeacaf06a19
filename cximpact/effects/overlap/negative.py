"""Negative controls: effects that cannot be there, and what it means if they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import DtypeError
from cximpact.core.results import EffectPosterior, result_html
from cximpact.core.sample_order import SAMPLE
from cximpact.core.validate import check_choice, check_number, check_prob
from cximpact.core.wording import number, with_unit

KINDS = ("outcome", "exposure")
_VERDICTS = ("no sign of bias", "bias within the margin", "inconclusive", "bias")
"""From the best to the worst."""
_WHY = {
    "outcome": "the initiative cannot change {name}",
    "exposure": "{name} cannot change the outcome",
}
_MEANING = {
    "no sign of bias": (
        "That speaks for the design as far as whatever would bias it also moves the control."
    ),
    "bias within the margin": (
        "The arms do differ in what was not adjusted for, by less than was called harmful."
    ),
    "inconclusive": (
        "This is no evidence that the design is sound; more customers, or a control that varies "
        "less, would tell."
    ),
    "bias": (
        "The arms differ in what was not adjusted for, and the effect on the real outcome is "
        "likely to be off as well."
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class NegativeControl:
    """What an effect that should be zero came out as.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an effect: the columns of ``EffectPosterior.tidy()``, then ``p_zero`` (that it is
        zero), ``p_margin`` (that it is as large as the margin) and ``verdict``.
    verdict : str
        The worst of them: "no sign of bias" (within the margin, and zero not refused),
        "bias within the margin", "inconclusive" (neither zero nor the margin is refused), or
        "bias" (zero refused, and not shown to be within the margin).
    kind : {"outcome", "exposure"}
        What was replaced.
    name : str
        The control.
    margin : float
        Smallest effect that would matter.
    scale : str
        Meaning of the numbers, as in `Estimand`.
    """

    table: pd.DataFrame
    verdict: str
    kind: str
    name: str
    margin: float
    scale: str

    def tidy(self) -> pd.DataFrame:
        """Return effects, p values and verdicts.

        Returns
        -------
        pandas.DataFrame
            As ``table``.
        """
        return self.table.copy()

    def explain(self) -> str:
        """Say what was found, and what it says about the design.

        Returns
        -------
        str
            A few sentences.
        """
        row = self.table[self.table["verdict"] == self.verdict].iloc[0]
        more = f" (the worst of {len(self.table)})" if len(self.table) > 1 else ""
        low, high = (with_unit(row[c], self.scale) for c in ("conf_low", "conf_high"))
        return (
            f"Negative control {self.kind}: {_WHY[self.kind].format(name=self.name)}, so its "
            f"effect is 0 unless the arms differ otherwise. It came out as "
            f"{with_unit(row['estimate'], self.scale)} ({100 * row['conf_level']:g}% interval "
            f"{low} to {high}){more}; effects from {with_unit(self.margin, self.scale)} on would "
            f"matter. Verdict: {self.verdict} (p {number(row['p_zero'])} for zero, "
            f"{number(row['p_margin'])} for the margin). {_MEANING[self.verdict]}"
        )

    def _repr_html_(self) -> str:
        return result_html(f"Negative control: {self.name}", self.table, self.explain())


def negative_control(
    effect: EffectPosterior | Callable[[], EffectPosterior],
    *,
    name: str,
    margin: float,
    kind: str = "outcome",
    prob: float = 0.9,
) -> NegativeControl:
    """Judge an effect that should be zero.

    Parameters
    ----------
    effect : EffectPosterior or callable
        The effect of the treatment on the control outcome, or of the control exposure on the
        outcome, estimated just as the real one; or a function without arguments that returns it.
    name : str
        The control, such as "visits before the start".
    margin : float
        Smallest effect that would matter, in the unit of the effect. It is set before looking.
    kind : {"outcome", "exposure"}
        Whether the outcome was replaced by one that the treatment cannot change, or the treatment
        by one that cannot change the outcome.
    prob : float, default 0.9
        Mass of the interval; tests are at half of what is left on each side.

    Returns
    -------
    NegativeControl
        Verdict and sentences.

    Raises
    ------
    DtypeError
        If it is no effect.
    ConfigError
        If a setting is not usable.

    Notes
    -----
    A large p value for zero is no evidence of zero. Equivalence is shown by two one-sided tests:
    the interval of mass ``prob`` lies within the margin. An asymptotic effect is tested by its
    t statistic, others by the share of draws, of which none below 1 / draws is reported. The
    control must share what confounds the real outcome, or it shows nothing.

    References
    ----------
    Lipsitch, M., Tchetgen Tchetgen, E. and Cohen, T. (2010). Negative controls: a tool for
    detecting confounding and bias in observational studies. Epidemiology 21, 383-388.

    Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power
    approach for assessing the equivalence of average bioavailability. Journal of
    Pharmacokinetics and Biopharmaceutics 15, 657-680.
    """
    check_choice(kind, "kind", KINDS)
    margin = check_number(margin, "margin", low=0, open_low=True)
    alpha = (1 - check_prob(prob)) / 2
    found = (
        effect if isinstance(effect, EffectPosterior) else effect() if callable(effect) else None
    )
    if not isinstance(found, EffectPosterior):
        raise DtypeError(
            f"effect is of type {type(found if callable(effect) else effect).__name__}; expected "
            "an EffectPosterior, or a function that returns one."
        )
    table = found.tidy(prob)
    zero, far = _p_values(found, table, margin)
    table["p_zero"], table["p_margin"] = zero, far
    table["verdict"] = [_verdict(z < 2 * alpha, f < alpha) for z, f in zip(zero, far, strict=True)]
    worst = max(_VERDICTS.index(v) for v in table["verdict"])
    return NegativeControl(
        table=table,
        verdict=_VERDICTS[worst],
        kind=kind,
        name=str(name),
        margin=margin,
        scale=found.estimand.scale,
    )


def _p_values(
    effect: EffectPosterior, table: pd.DataFrame, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Test zero on both sides, and each margin on its own."""
    estimate, error = (table[c].to_numpy(dtype=float) for c in ("estimate", "std_error"))
    if effect.draw_kind == "asymptotic" and effect.std_error is not None:
        law = stats.norm if effect.df is None else stats.t(effect.df)
        with np.errstate(divide="ignore", invalid="ignore"):
            below, above = law.cdf(-estimate / error), law.sf(-estimate / error)
            ends = law.sf((margin - estimate) / error), law.cdf((-margin - estimate) / error)
        return 2 * np.minimum(below, above), np.maximum(*ends)
    drawn = effect.draws.transpose(SAMPLE, ...).values.reshape(effect.draws.sizes[SAMPLE], -1)
    least = 1 / len(drawn)
    zero = 2 * np.minimum((drawn <= 0).mean(axis=0), (drawn >= 0).mean(axis=0))
    far = np.maximum((drawn >= margin).mean(axis=0), (drawn <= -margin).mean(axis=0))
    return np.clip(zero, least, 1.0), np.maximum(far, least)


def _verdict(refuses_zero: bool, refuses_margin: bool) -> str:
    if refuses_margin:
        return "bias within the margin" if refuses_zero else "no sign of bias"
    return "bias" if refuses_zero else "inconclusive"
