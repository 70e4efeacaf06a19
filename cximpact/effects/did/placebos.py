"""Effects that should not be there, and effects without one cohort at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import ConfigError
from cximpact.core.results import CELLS, EffectPosterior, plotting, result_html
from cximpact.core.rng import RngLike, seed_of
from cximpact.data import Panel, RepeatedCrossSection
from cximpact.effects.did.estimates import Estimator
from cximpact.effects.did.imputation_did import ImputationDiD


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectChecks:
    """The same estimate under conditions that say something about its credibility.

    Parameters
    ----------
    title : str
        What was checked.
    effects : mapping of str to EffectPosterior
        Estimates by what was done.
    kind : mapping of str to str
        ``"effect"`` for the one in question, ``"placebo"`` where there should be none, or
        ``"without"`` for those on part of the data.
    notes : tuple of str
        What could not be done.
    """

    title: str
    effects: Mapping[str, EffectPosterior] = field(repr=False)
    kind: Mapping[str, str] = field(repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("effects", "kind"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def tidy(self, prob: float = 0.9) -> pd.DataFrame:
        """Return all estimates.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``check``, ``kind``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``,
            ``conf_level``, ``p_value`` (two-sided, of no effect) and ``n``.
        """
        rows = []
        for name, effect in self.effects.items():
            row = effect.tidy(prob).iloc[0].drop("term").to_dict()
            rows.append({"check": name, "kind": self.kind[name], "p_value": _p(effect)} | row)
        out = pd.DataFrame(rows)
        last = ["p_value", "n"]
        return out[[c for c in out if c not in last] + last]

    def explain(self, prob: float = 0.9) -> str:
        """Say what the checks found, and how large an effect they could have missed.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        str
            A paragraph.
        """
        table = self.tidy(prob)
        parts = [f"{self.title}."]
        placebos = table[table["kind"] == "placebo"]
        if len(placebos):
            found = (placebos["conf_low"] > 0) | (placebos["conf_high"] < 0)
            by_chance = (1 - prob) * len(placebos)
            parts.append(
                f"{found.sum()} of {len(placebos)} placebos differ from zero at {1 - prob:.0%} "
                f"({by_chance:.1f} would by chance); the smallest p is "
                f"{placebos['p_value'].min():.3f}."
            )
            width = placebos.loc[~found, ["conf_low", "conf_high"]].abs().max(axis=None)
            if not found.all():
                parts.append(f"The others may still hide effects of up to {width:.3g}.")
        without = table[table["kind"] == "without"]
        whole = table[table["kind"] == "effect"]
        if len(without) and len(whole):
            far = (without["estimate"] - whole["estimate"].iloc[0]).abs().idxmax()
            parts.append(
                f"The estimate {whole['estimate'].iloc[0]:.3g} lies between "
                f"{without['estimate'].min():.3g} and {without['estimate'].max():.3g} on parts of "
                f"the data; it moves most {without.loc[far, 'check']}."
            )
        return " ".join([*parts, *self.notes])

    def plot(self, **options: Any) -> Any:
        """Draw all estimates with their intervals.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.effect`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        first = next(iter(self.effects.values()))
        options.setdefault("unit", first.estimand.scale)
        options.setdefault("title", self.title)
        table = self.tidy(options.pop("prob", 0.9))
        shown = table[["check", "estimate", "conf_low", "conf_high"]]
        return plotting().effect(shown, **options)

    def _repr_html_(self) -> str:
        return result_html(self.title, self.tidy(), self.explain())


def placebos(
    data: Panel | RepeatedCrossSection,
    *,
    estimator: Estimator | None = None,
    shifts: Sequence[int] = (1, 2, 3),
    outcomes: Sequence[str] = (),
    response: str | None = None,
    rng: RngLike = None,
) -> EffectChecks:
    """Estimate effects where there should be none.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design.
    estimator : estimator, optional
        With ``fit(data, rng=...)`` and one effect, or effects by cohort and period;
        `ImputationDiD` by default.
    shifts : sequence of int
        How many periods too early treatment is said to begin, on the rows ahead of it alone. An
        effect there is anticipation, or trends that differ.
    outcomes : sequence of str
        Columns that treatment cannot have changed.
    response : str, optional
        Column that is 1 for those who answered and 0 for those who did not, with a row for
        everybody who was asked. An effect there means that treatment changed who answers, so that
        answers before and after are not of the same people.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    EffectChecks
        One estimate a placebo. Finding nothing proves little where intervals are wide:
        ``explain`` says what would have gone unseen.

    Raises
    ------
    ConfigError
        If nothing is asked for.
    MissingColumnError
        If a column is not in the frame.

    References
    ----------
    Angrist, J. D. and Pischke, J.-S. (2009). Mostly Harmless Econometrics, section 5.2. Princeton.
    """
    chosen, seed = estimator or ImputationDiD(), seed_of(rng)
    made, notes = _shifted(data, shifts)
    made |= {f"outcome {c}": replace(data, outcome=c) for c in outcomes}
    if response is not None:
        made["who answers"] = replace(data, outcome=response)
    elif isinstance(data, RepeatedCrossSection):
        notes.append(
            "Whether treatment changed who answers was not asked: give response=, a 0/1 column of "
            "everybody who was asked."
        )
    if not made:
        raise ConfigError("no placebo can be made: " + " ".join([*notes, "Name outcomes."]))
    return EffectChecks(
        title="Effects where there should be none",
        effects={name: _overall(chosen.fit(part, rng=seed)) for name, part in made.items()},
        kind=dict.fromkeys(made, "placebo"),
        notes=tuple(notes),
    )


def leave_one_cohort_out(
    data: Panel | RepeatedCrossSection,
    *,
    estimator: Estimator | None = None,
    rng: RngLike = None,
) -> EffectChecks:
    """Estimate the effect without each cohort in turn.

    Parameters
    ----------
    data : Panel or RepeatedCrossSection
        The design, with at least two cohorts.
    estimator : estimator, optional
        As in `placebos`.
    rng : int or Generator, optional
        Randomness of the draws.

    Returns
    -------
    EffectChecks
        The estimate on all rows first. Each of the others averages over other treated rows, so
        that they may differ because effects do.

    Raises
    ------
    ConfigError
        If there is one cohort.
    """
    chosen, seed = estimator or ImputationDiD(), seed_of(rng)
    table = data.to_pandas()
    first = table["first_treated"].to_numpy(dtype=float)
    seen = np.isfinite(first) & (first <= table["period"].max()) & (first > table["period"].min())
    cohorts = np.unique(first[seen])
    if len(cohorts) < 2:
        raise ConfigError(
            f"there is {len(cohorts)} cohort; leaving it out leaves nothing. placebos() needs one."
        )
    parts = {"all cohorts": data}
    parts |= {f"without cohort {g:g}": _of(data, table[first != g]) for g in cohorts}
    return EffectChecks(
        title="The effect without each cohort",
        effects={name: _overall(chosen.fit(part, rng=seed)) for name, part in parts.items()},
        kind={name: "effect" if name == "all cohorts" else "without" for name in parts},
    )


def _shifted(
    data: Panel | RepeatedCrossSection, shifts: Sequence[int]
) -> tuple[dict[str, Panel | RepeatedCrossSection], list[str]]:
    """Begin treatment earlier on the rows ahead of it, for the cohorts seen before that."""
    if any(k < 1 or k != int(k) for k in shifts):
        raise ConfigError(f"shifts is {list(shifts)!r}; expected whole numbers of at least 1.")
    table = data.to_pandas()
    ahead = table[table["period"] < table["first_treated"]]
    made, lost = {}, []
    for k in shifts:
        first = ahead["first_treated"] - k
        seen = first > ahead["period"].min()
        part = ahead.assign(first_treated=first)[seen]
        if np.isfinite(first[seen]).any():
            plural = "s" if k > 1 else ""
            made[f"{int(k)} period{plural} early"] = _of(data, part)
        else:
            lost.append(f"{int(k)}")
    notes = []
    if lost:
        notes.append(
            f"No cohort is seen before a start {' or '.join(lost)} periods early, so that placebo "
            "in time cannot be made."
        )
    return made, notes


def _of(data: Panel | RepeatedCrossSection, table: pd.DataFrame) -> Panel | RepeatedCrossSection:
    """Make the same design of part of its rows, under the names of their roles."""
    roles: dict[str, Any] = {
        "frame": table.reset_index(drop=True),
        "period": "period",
        "outcome": "outcome",
        "first_treated": "first_treated",
        "treated": None,
        "cluster": None if data.cluster is None else "cluster",
        "weight": None if data.weight is None else "weight",
        "missing": "raise",
    }
    who = "unit" if isinstance(data, Panel) else "group"
    return replace(data, **roles, **{who: who})


def _overall(result: EffectPosterior) -> EffectPosterior:
    """Return the one effect of a result."""
    if result.draws.ndim == 1:
        return result
    if CELLS in result.details:
        return result.aggregate("simple")
    raise ConfigError(
        f"{result.provenance.method} gives several effects; choose an estimator with one, such as "
        "ImputationDiD or TwoByTwo."
    )


def _p(effect: EffectPosterior) -> float:
    """Two-sided p value of no effect, or twice the smaller tail of the draws."""
    if effect.estimate is None or effect.std_error is None or effect.draw_kind == "posterior":
        below = float((effect.draws < 0).mean())
        return 2 * min(below, 1 - below)
    t = abs(float(effect.estimate)) / float(effect.std_error)
    return float(2 * (stats.norm.sf(t) if effect.df is None else stats.t.sf(t, effect.df)))
