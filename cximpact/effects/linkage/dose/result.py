"""A dose-response curve: mean behavior at each level of a score."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import ConfigError
from cximpact.core.results import EffectPosterior, plotting
from cximpact.effects.linkage.evidence import Standing
from cximpact.effects.uplift.documented import shares_parameters

LEVEL, OUTCOME = "score_level", "outcome"


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class DoseResponsePosterior(EffectPosterior):
    """Mean behavior at each level of a score.

    Its draws are the means, ``(sample, score_level)``, with several outcomes ``outcome`` last. They
    describe who behaves how; `contrasts` has the differences.

    Parameters
    ----------
    support : pandas.DataFrame
        One row a level: ``score_level``, ``n``, ``n_effective``, and for adjusted curves
        ``least_probability`` and ``share_without_like``.
    standing : Standing
        What differences may be taken for.
    score : str
        Column of the score.
    is_rate : tuple of bool
        Which outcomes are rates.
    """

    support: pd.DataFrame = field(repr=False)
    standing: Standing = field(repr=False)
    score: str
    is_rate: tuple[bool, ...]

    def contrasts(self, reference: float | None = None) -> EffectPosterior:
        """Return the differences to one level.

        Parameters
        ----------
        reference : float, optional
            Level; the lowest by default.

        Returns
        -------
        EffectPosterior
            Without the reference. Its causal flag is that of the evidence that was given.

        Raises
        ------
        ConfigError
            If there is no such level.
        """
        levels = self.draws.coords[LEVEL].values
        at = float(levels[0]) if reference is None else reference
        if at not in levels:
            raise ConfigError(
                f"reference is {at!r}, which is no level; there are "
                f"{', '.join(f'{v:g}' for v in levels)}."
            )
        others = [v for v in levels if v != at]
        estimate = None if self.estimate is None else _minus(self.estimate, at, others)
        differences = dr.map(lambda d: _minus(d, at, others), self.draws)
        target = "level effect" if self.standing.causal else "association"
        return EffectPosterior(
            draws=differences,
            estimate=estimate,
            estimand=replace(
                self.estimand,
                target=target,
                contrast=f"{self.estimand.contrast}, against level {at:g}",
            ),
            draw_kind=self.draw_kind,
            n=self.n,
            assumptions=self.assumptions,
            diagnostics=self.diagnostics,
            provenance=self.provenance,
            would_change_it=self.would_change_it,
            details={CAUSAL: self.standing.causal},
        )

    def explain(self, prob: float = 0.9) -> str:
        """Say in a paragraph what was found, under which conditions.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        str
            What the link may be taken for, then as every result.
        """
        return f"The link is {self.standing.label}. {super().explain(prob)}"

    def plot(self, **options: Any) -> Any:
        """Draw the curve with its band.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.dose_curve`; ``prob`` is the mass of the band and
            ``outcome`` chooses one of several.

        Returns
        -------
        matplotlib.figure.Figure
            One panel.

        Raises
        ------
        ConfigError
            If there is no such outcome.
        """
        table = self.summary(options.pop("prob", 0.9))
        at, name = 0, str(self.estimand.contrast.partition(" by ")[0])
        if OUTCOME in self.draws.dims:
            names = [str(v) for v in self.draws.coords[OUTCOME].values]
            name = options.pop("outcome", names[0])
            if name not in names:
                raise ConfigError(f"outcome {name!r} is unknown; expected {', '.join(names)}.")
            at = names.index(name)
            table = table[table[OUTCOME] == name].drop(columns=OUTCOME)
        options.setdefault("unit", "share" if self.is_rate[at] else "")
        options.setdefault("standing", self.standing.label)
        options.setdefault("score", self.score)
        options.setdefault("outcome", name)
        return plotting().dose_curve(table, **options)


def _minus(values: xr.DataArray, at: float, others: list[float]) -> xr.DataArray:
    return values.sel({LEVEL: others}) - values.sel({LEVEL: at}, drop=True)
