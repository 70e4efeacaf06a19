"""Coefficients before and after treatment, as honest bounds and the power of a test read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from cximpact.core.causal import CAUSAL
from cximpact.core.errors import ConfigError, DesignError, InsufficientPeriodsError
from cximpact.core.results import EffectPosterior


@dataclass(frozen=True, kw_only=True, eq=False)
class EventPath:
    """An event study as numbers.

    Parameters
    ----------
    before, after : numpy.ndarray, shape (term,)
        Times since treatment, ascending, on both sides of the reference.
    reference : float
        Time at which the effect is zero by construction.
    value : numpy.ndarray, shape (before + after,)
        Coefficients.
    covariance : numpy.ndarray, shape (before + after, before + after)
        Their joint covariance.
    df : float or None
        Degrees of freedom; None is normal.
    """

    before: np.ndarray
    after: np.ndarray
    reference: float
    value: np.ndarray
    covariance: np.ndarray = field(repr=False)
    df: float | None

    @property
    def n_before(self) -> int:
        """How many coefficients there are before the reference."""
        return len(self.before)

    def inflated(self, prob: float) -> np.ndarray:
        """Widen the covariance so that normal intervals are the t intervals.

        Parameters
        ----------
        prob : float
            Mass of the intervals.

        Returns
        -------
        numpy.ndarray, shape (term, term)
            The covariance, as it is without degrees of freedom.
        """
        if self.df is None:
            return self.covariance
        q = (1 + prob) / 2
        return self.covariance * (stats.t.ppf(q, self.df) / stats.norm.ppf(q)) ** 2

    def weights(self, target: str | float | Mapping[float, float]) -> np.ndarray:
        """Read which average of effects is asked for.

        Parameters
        ----------
        target : "average", number, or mapping of number to number
            The mean of all times from treatment on; one time since treatment; or times with
            their weights.

        Returns
        -------
        numpy.ndarray, shape (after,)
            Weights of the coefficients after the reference.

        Raises
        ------
        ConfigError
            If there is no such time.
        """
        times = self.after[self.after >= 0]
        if isinstance(target, str):
            if target != "average":
                raise ConfigError(
                    f"target is {target!r}; expected 'average', a time since treatment, or a "
                    "mapping of times to weights."
                )
            return (self.after >= 0) / len(times)
        chosen = target if isinstance(target, Mapping) else {target: 1.0}
        out = np.zeros(len(self.after))
        for time, weight in chosen.items():
            if time not in times:
                raise ConfigError(
                    f"target names {time!r}; times since treatment run from {times[0]:g} to "
                    f"{times[-1]:g}."
                )
            out[np.flatnonzero(self.after == time)[0]] = float(weight)
        if not out.any():
            raise ConfigError("every weight of the target is 0; name a time with a weight.")
        return out


def event_path(effect: EffectPosterior) -> EventPath:
    """Read an event study.

    Parameters
    ----------
    effect : EffectPosterior
        By time since treatment, with a reference: of `EventStudy`, `SunAbraham`, or of
        ``GroupTime(base="universal")`` after ``aggregate("event")``.

    Returns
    -------
    EventPath
        Its numbers.

    Raises
    ------
    ConfigError
        If it is no event study against one reference.
    InsufficientPeriodsError
        If nothing is seen before the reference or after it, or times have gaps.
    DesignError
        If it is known not to be causal.
    """
    method = effect.provenance.method
    if effect.draws.dims[1:] != ("event_time",) or effect.estimate is None:
        raise ConfigError(
            f"{method} did not give effects by time since treatment with standard errors; use "
            "EventStudy, SunAbraham, or GroupTime(base='universal') and .aggregate('event')."
        )
    if "reference" not in effect.details or "covariance" not in effect.details:
        raise ConfigError(
            f"{method} has no coefficients before treatment against one reference period; use "
            "SunAbraham, or GroupTime(base='universal') and .aggregate('event')."
        )
    if effect.details.get(CAUSAL) is False:
        raise DesignError(
            f"{method} mixes effects of cohorts here, and bounds on trends do not mend that; use "
            "SunAbraham, or GroupTime(base='universal') and .aggregate('event')."
        )
    times = effect.estimate["event_time"].to_numpy().astype(float)
    reference = float(effect.details["reference"])
    kept = times != reference
    times, value = times[kept], effect.estimate.to_numpy()[kept]
    covariance = np.asarray(effect.details["covariance"])[np.ix_(kept, kept)]
    _check_times(times, reference, effect.details.get("references", (reference,)))
    return EventPath(
        before=times[times < reference],
        after=times[times > reference],
        reference=reference,
        value=value,
        covariance=covariance,
        df=effect.df,
    )


def _check_times(times: np.ndarray, reference: float, references: tuple[float, ...]) -> None:
    if len(references) > 1:
        raise ConfigError(
            "without never-treated units two periods are references, and a trend between them "
            "cannot be seen; add units that are never treated."
        )
    if not (times < reference).any() or not (times >= 0).any():
        raise InsufficientPeriodsError(
            "there must be at least one coefficient before the reference period and one after "
            f"treatment; times since treatment are {', '.join(f'{t:g}' for t in times)}."
        )
    steps = np.diff(np.sort(np.append(times, reference)))
    if not np.allclose(steps, steps[0]):
        raise InsufficientPeriodsError(
            "times since treatment have gaps; a bound on how trends change from one period to the "
            "next needs each of them."
        )
