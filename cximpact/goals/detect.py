"""Whether the survey that is planned could see the goal being reached."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cximpact.core.validate import check_number
from cximpact.core.wording import number
from cximpact.scores.change import answers_for_change, minimum_detectable_change


@dataclass(frozen=True, kw_only=True, eq=False)
class Detectability:
    """A step beside the smallest change that the planned survey can show.

    Parameters
    ----------
    gain : float
        Size of the step, in score points.
    minimum : float
        Minimum detectable change.
    required_n : float
        Answers a wave that would show the step; infinite for no step.
    n_planned : float
        Answers planned.
    prob, power : float
        One less the size of the test, and its power.
    """

    gain: float
    minimum: float
    required_n: float
    n_planned: float
    prob: float
    power: float

    @property
    def is_detectable(self) -> bool:
        """Whether the step is at least the minimum detectable change."""
        return self.gain >= self.minimum

    @property
    def message(self) -> str:
        """The finding in a sentence."""
        least = f"the minimum detectable change is {number(self.minimum)} points"
        test = f"test of size {1 - self.prob:.0%}, power {self.power:.0%}"
        if self.is_detectable:
            return f"With {number(self.n_planned)} answers {least} ({test}): the step shows."
        more = (
            f" Showing it takes {number(self.required_n)} answers a wave."
            if math.isfinite(self.required_n)
            else ""
        )
        return (
            f"The goal is smaller than the noise: a step of {number(self.gain)} points, while "
            f"with {number(self.n_planned)} answers {least} ({test}).{more}"
        )


def detectability(
    gain: float,
    sd: float,
    n_planned: float,
    *,
    std_error_before: float | None = None,
    prob: float = 0.95,
    power: float = 0.8,
) -> Detectability:
    """Compare a step with the minimum detectable change of the planned survey.

    Parameters
    ----------
    gain : float
        Step from the baseline to the goal, in score points; its sign does not matter.
    sd : float
        Standard deviation of individual scores.
    n_planned : float
        Answers planned in the wave that measures the goal. With weights or clusters, the
        effective number: answers divided by the design effect.
    std_error_before : float, optional
        Standard error of the score that it is compared with; by default another wave of
        ``n_planned`` answers.
    prob : float, default 0.95
        One less the size of the two-sided test.
    power : float, default 0.8
        Power of the test.

    Returns
    -------
    Detectability
        Minimum detectable change, verdict and the required number of answers.

    Notes
    -----
    ``(z_(1 - a/2) + z_power) sqrt(V1 + V2)``. It knows survey error only; that the trend
    itself is uncertain comes on top.
    """
    size = abs(check_number(gain, "gain"))
    spread = check_number(sd, "sd", low=0, open_low=True)
    n = check_number(n_planned, "n_planned", low=0, open_low=True)
    after = spread / math.sqrt(n)
    before = after if std_error_before is None else std_error_before
    minimum = minimum_detectable_change(before, after, prob=prob, power=power)
    tiny = size <= 1e-9 * spread
    required = math.inf if tiny else answers_for_change(size, spread, prob=prob, power=power)
    return Detectability(
        gain=size, minimum=minimum, required_n=required, n_planned=n, prob=prob, power=power
    )
