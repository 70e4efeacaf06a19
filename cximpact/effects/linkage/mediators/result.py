"""The result of a mediation: parts of an effect, and how sure one may be of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.causal import CAUSAL
from cximpact.core.errors import ConfigError, unknown_name
from cximpact.core.results import Assumption, EffectPosterior, Estimand, Provenance
from cximpact.core.validate import check_number, check_prob
from cximpact.core.versions import versions
from cximpact.effects.linkage.mediators.models import MEDIATOR, OUTCOME, Crowd, MediationModels
from cximpact.effects.linkage.mediators.natural import natural_means
from cximpact.effects.linkage.rows import LinkedRows
from cximpact.effects.uplift.documented import shares_parameters

if TYPE_CHECKING:
    from cximpact.effects.linkage.mediators.mediate import Mediation

PARTS = ("total", "direct", "indirect")
_RHOS = tuple(np.round(np.linspace(-0.9, 0.9, 19), 2).tolist())
_SOME_DRAWS = 200


@shares_parameters(EffectPosterior)
@dataclass(frozen=True, kw_only=True, eq=False)
class MediationPosterior(EffectPosterior):
    """Total, direct and indirect effect, joint draws along ``effect``.

    Parameters
    ----------
    settings : Mediation
        What was asked.
    models : MediationModels
        Families and designs.
    parameters : mapping of str to numpy.ndarray
        Draws of the parameters.
    crowd : Crowd
        Customers over whom it averages.
    means : xarray.DataArray
        Draws of E[Y(x, M(x'))], dimensions ``(sample, outcome_at, mediator_at)``.
    """

    settings: Mediation = field(repr=False)
    models: MediationModels = field(repr=False)
    parameters: Mapping[str, np.ndarray] = field(repr=False)
    crowd: Crowd = field(repr=False)
    means: xr.DataArray = field(repr=False)

    def part(self, effect: str) -> EffectPosterior:
        """Return one of the effects by itself.

        Parameters
        ----------
        effect : {"total", "direct", "indirect"}
            Which.

        Returns
        -------
        EffectPosterior
            Without the dimension ``effect``; money is made of it only where ``assume`` was said.

        Raises
        ------
        ConfigError
            If there is no such part.
        """
        if effect not in PARTS:
            raise unknown_name("effect", effect, PARTS)
        kept = {f: getattr(self, f) for f in EffectPosterior.__dataclass_fields__}
        contrast = f"{effect} effect of {self.settings.exposure} on {self.settings.outcome}"
        own = {
            "draws": self.draws.sel(effect=effect, drop=True),
            "estimate": None
            if self.estimate is None
            else self.estimate.sel(effect=effect, drop=True),
            "estimand": replace(self.estimand, contrast=contrast),
        }
        return EffectPosterior(**(kept | own))

    def other_order(self) -> pd.DataFrame:
        """Return the effects taken apart the other way round.

        Returns
        -------
        pandas.DataFrame
            ``effect, estimate, std_error, conf_low, conf_high``: the direct effect with the
            mediator of the high exposure, and the indirect effect at the low exposure. They
            differ from the first way where exposure and mediator act together.
        """
        m = self.means.values
        found = {"direct": m[:, 1, 1] - m[:, 0, 1], "indirect": m[:, 0, 1] - m[:, 0, 0]}
        rows = [(name, *_interval(values, 0.9)) for name, values in found.items()]
        return pd.DataFrame(
            rows, columns=["effect", "estimate", "std_error", "conf_low", "conf_high"]
        )

    def share(self, prob: float = 0.9) -> pd.Series:
        """Return the share of the total that passes through the mediator.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the interval.

        Returns
        -------
        pandas.Series
            ``estimate`` (median of the ratio within each draw), ``conf_low``, ``conf_high``. It
            means nothing where the total may be 0, or the parts have opposite signs.
        """
        tail = (1 - check_prob(prob)) / 2
        ratio = self.draws.sel(effect="indirect") / self.draws.sel(effect="total")
        low, middle, high = np.quantile(ratio.values, [tail, 0.5, 1 - tail])
        return pd.Series({"estimate": middle, "conf_low": low, "conf_high": high})

    def sensitivity(self, rho: Sequence[float] = _RHOS, prob: float = 0.9) -> pd.DataFrame:
        """Ask what an unmeasured cause of mediator and outcome would do.

        Parameters
        ----------
        rho : sequence of float
            Correlations of the errors of mediator and outcome, between -1 and 1.
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            One row a correlation and part: ``rho, effect, estimate, conf_low, conf_high``.

        Raises
        ------
        ConfigError
            If the mediator is not normal, the outcome neither normal nor binary, confounders are
            affected, or a reliability was given.

        Notes
        -----
        With a correlation the mediator's coefficient holds what a common cause does. Exact where
        the outcome is normal; a binary outcome is taken as a latent logistic variable, as near as
        the logistic is to the normal distribution. The total does not depend on it.
        """
        self._check_sensitivity()
        some = _some(self.parameters)
        rows = []
        for value in rho:
            r = check_number(value, "rho", low=-0.99, high=0.99)
            parts = self._with_rho(r, some)
            for name, values in parts.items():
                estimate, _, low, high = _interval(values, prob)
                rows.append((r, name, estimate, low, high))
        return pd.DataFrame(rows, columns=["rho", "effect", "estimate", "conf_low", "conf_high"])

    def tipping_rho(self) -> float:
        """Return the correlation of errors at which the indirect effect would be 0.

        Returns
        -------
        float
            Between -1 and 1; NaN where no correlation up to .99 does it.
        """
        self._check_sensitivity()
        grid = np.linspace(-0.99, 0.99, 67)
        middle = {name: values.mean(axis=0)[None] for name, values in self.parameters.items()}
        means = np.array([self._with_rho(rho, middle)["indirect"][0] for rho in grid])
        crossing = np.flatnonzero(np.diff(np.sign(means)) != 0)
        if not crossing.size:
            return float("nan")
        k = crossing[np.argmin(np.abs(grid[crossing]))]
        slope = (means[k + 1] - means[k]) / (grid[k + 1] - grid[k])
        return float(grid[k] - means[k] / slope)

    def _check_sensitivity(self) -> None:
        families = self.models.families
        fits = families[MEDIATOR].name == "normal" and families[OUTCOME].name in (
            "normal",
            "binary",
        )
        if not fits or self.models.affected or self.models.error_variance > 0:
            raise ConfigError(
                "this sensitivity analysis needs a normal mediator measured without error, a "
                "normal or binary outcome and no affected confounders; refit with such models."
            )

    def _with_rho(self, rho: float, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        weights = self.crowd.weight / self.crowd.weight.sum()
        means = np.array(
            [
                natural_means(
                    self.models,
                    {name: values[draw] for name, values in parameters.items()},
                    self.crowd,
                    self.settings.contrast,
                    weights,
                    rho=rho,
                )
                for draw in range(len(parameters[OUTCOME]))
            ]
        )
        return {"direct": means[:, 2] - means[:, 0], "indirect": means[:, 3] - means[:, 2]}


def _some(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    n = len(parameters[OUTCOME])
    chosen = np.linspace(0, n - 1, min(n, _SOME_DRAWS)).astype(int)
    return {name: values[chosen] for name, values in parameters.items()}


def _interval(values: np.ndarray, prob: float) -> tuple[float, float, float, float]:
    tail = (1 - check_prob(prob)) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(values.mean()), float(values.std(ddof=1)), float(low), float(high)


def mediation_result(
    settings: Mediation,
    rows: LinkedRows,
    models: MediationModels,
    parameters: Mapping[str, np.ndarray],
    crowd: Crowd,
    means: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> MediationPosterior:
    """Turn draws of the four means into a result.

    Parameters
    ----------
    settings : Mediation
        What was asked.
    rows : LinkedRows
        The data.
    models : MediationModels
        Families and designs.
    parameters : mapping of str to numpy.ndarray
        Draws of the parameters.
    crowd : Crowd
        Customers.
    means : tuple of numpy.ndarray
        Draws, shape (sample, 4), in the order of ``PAIRS``; and those at the estimates.
    seed : int
        Seed of the draws.

    Returns
    -------
    MediationPosterior
        The effects.
    """
    provenance = Provenance(
        method="mediation",
        data_hash=rows.data_hash,
        settings=_plain(settings),
        seed=seed,
        versions=versions("numpy", "scipy"),
        notes=(*rows.notes, *_notes(settings)),
    )
    coords = {"effect": list(PARTS)}
    labelled = {"source": provenance.source, "data_ids": [provenance.data_hash]}
    ends = [float(v) for v in settings.contrast]
    family = models.families[OUTCOME].name
    kind = "interventional" if settings.affected else "natural"
    return MediationPosterior(
        draws=dr.from_array(_parts(means[0]), dims=("effect",), coords=coords, **labelled),
        estimate=xr.DataArray(_parts(means[1][None])[0], dims=("effect",), coords=coords),
        means=dr.from_array(
            means[0].reshape(-1, 2, 2),
            dims=("outcome_at", "mediator_at"),
            coords={"outcome_at": ends, "mediator_at": ends},
            **labelled,
        ),
        estimand=Estimand(
            target=f"{kind} effects",
            contrast=f"{settings.outcome} at {settings.exposure} {ends[1]:g} against {ends[0]:g}, "
            f"through {settings.mediator} and past it",
            scale={"binary": "pp", "ordinal": "points"}.get(family, "outcome"),
            population=f"the process that {rows.n:,} customers come from",
        ),
        draw_kind="asymptotic",
        n=rows.n,
        assumptions=_assumptions(settings),
        diagnostics={"customers_averaged": len(crowd.weight)},
        provenance=provenance,
        would_change_it="an unmeasured cause of mediator and outcome; a measured effect of the "
        "initiative on the behavior itself comes before this chain.",
        details={CAUSAL: settings.assume is not None},
        settings=settings,
        models=models,
        parameters=parameters,
        crowd=crowd,
    )


def _parts(means: np.ndarray) -> np.ndarray:
    low, _, mixed, high = means.T
    return np.column_stack([high - low, mixed - low, high - mixed])


def _plain(settings: Mediation) -> dict[str, Any]:
    values = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()}


def _notes(settings: Mediation) -> tuple[str, ...]:
    if settings.reliability is None:
        return (
            "The mediator is taken as measured without error; error makes the indirect effect "
            "too small and the direct one too large.",
        )
    return (f"The mediator's reliability is taken as {settings.reliability:g}.",)


def _assumptions(settings: Mediation) -> tuple[Assumption, ...]:
    given = ", ".join(settings.covariates) or "nothing"
    unknown = "the data cannot show it"
    out = [
        Assumption(
            name="exposure as good as random",
            statement=f"given {given}, nothing else moves exposure and mediator or outcome",
            tested=False,
            evidence=unknown,
        ),
        Assumption(
            name="sequential ignorability",
            statement=f"given {given} and the exposure, nothing else moves mediator and outcome",
            tested=False,
            evidence="stated by the analyst" if settings.assume else unknown,
        ),
    ]
    if not settings.affected:
        statement = "the exposure moves no cause of both mediator and outcome"
        out.append(
            Assumption(
                name="no affected confounder", statement=statement, tested=False, evidence=unknown
            )
        )
    return tuple(out)
