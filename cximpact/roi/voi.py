"""What knowing more is worth before one decides: perfect, partial and sample information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core.errors import ConfigError
from cximpact.core.results import plotting, result_html
from cximpact.core.rng import RngLike, as_generator
from cximpact.core.sample_order import effective_draws
from cximpact.core.validate import check_number
from cximpact.core.wording import format_number
from cximpact.roi.decision import ACTION, alternatives, chosen_inputs, uncertain_inputs
from cximpact.roi.regression import conditional_mean
from cximpact.roi.result import RoiResult

_SHUFFLES = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class InformationValue:
    """The value of information for one decision.

    Parameters
    ----------
    kind : str
        EVPI, EVPPI or EVSI.
    value : float
        Money; never below 0.
    mcse : float
        Its Monte Carlo error.
    bias : float
        What was taken off: the value that useless information would have shown.
    about : tuple of str
        What would be known.
    best : str
        The best action with what is known now.
    unit : str
        Currency.
    table : pandas.DataFrame
        For several inputs one row each: ``input, evppi, mcse``.
    """

    kind: str
    value: float
    mcse: float
    bias: float
    about: tuple[str, ...]
    best: str
    unit: str
    table: pd.DataFrame = field(repr=False)

    def __float__(self) -> float:
        return self.value

    def explain(self) -> str:
        """Say what knowing more is worth.

        Returns
        -------
        str
            Two sentences.
        """
        what = {
            "EVPI": "everything exactly",
            "EVPPI": f"{', '.join(self.about)} exactly",
            "EVSI": f"more about {', '.join(self.about)} from the study",
        }[self.kind]
        money = f"{format_number(self.value, self.mcse)} {self.unit}".rstrip()
        return (
            f"Knowing {what} before deciding is worth {money} ({self.kind}). With what is known "
            f"now the best action is {self.best!r}; information is worth something only where it "
            "could change that."
        )

    def plot(self, **options: object) -> object:
        """Draw the value of knowing each input.

        Parameters
        ----------
        **options
            Passed to `cximpact.plots.bars`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.
        """
        shown = self.table.rename(columns={"input": "label", "evppi": "value"})
        return plotting().bars(shown, unit=self.unit, **options)

    def _repr_html_(self) -> str:
        return result_html(self.kind, self.table, self.explain())


def evpi(decision: RoiResult | xr.DataArray) -> InformationValue:
    """Return the expected value of perfect information.

    Parameters
    ----------
    decision : RoiResult or DataArray
        A simulation, or draws of net benefit ``(sample, action)``; ``(sample,)`` against doing
        nothing.

    Returns
    -------
    InformationValue
        ``E[max NB] - max E[NB]``: a ceiling for any survey or experiment.

    Notes
    -----
    For a decision between two with normal net benefit it is
    ``sd phi(mu / sd) - |mu| Phi(-|mu| / sd)``.
    """
    net = alternatives(decision)
    return _value("EVPI", net.values, net, about=("everything",), unit=unit_of(decision))


def evppi(
    decision: RoiResult | xr.DataArray,
    about: str | Sequence[str] | xr.DataArray | None = None,
    *,
    rng: RngLike = 0,
) -> InformationValue:
    """Return the expected value of knowing some inputs exactly.

    Parameters
    ----------
    decision : RoiResult or DataArray
        A simulation, or draws of net benefit.
    about : str, sequence of str or DataArray, optional
        Names from `uncertain_inputs`, together; or draws that are joint with the decision.
        By default each input of the simulation by itself: ``.table`` ranks them, and the value is
        that of the first.
    rng : int or Generator, default 0
        Shuffles for the bias.

    Returns
    -------
    InformationValue
        ``E[max E[NB | inputs]] - max E[NB]``, less the bias.

    Raises
    ------
    ConfigError
        For an unknown name, or if no input varies.

    Notes
    -----
    The inner expectation is a regression of net benefit on splines of the inputs (Strong et
    al. 2014). A regression finds something in noise too; what it finds when the inputs are
    shuffled is taken off.

    References
    ----------
    Strong, M., Oakley, J. E. and Brennan, A. (2014). Estimating multiparameter partial expected
    value of perfect information from a probabilistic sensitivity analysis sample. Medical
    Decision Making 34(3).
    """
    net = alternatives(decision)
    if about is None and isinstance(decision, RoiResult) and not uncertain_inputs(decision):
        raise ConfigError("every input is a fixed number; there is nothing to learn.")
    names, values = chosen_inputs(decision, about)
    if about is not None:
        return _partial("EVPPI", net, names, values, 1.0, decision, rng)
    each = [
        _partial("EVPPI", net, [name], values[:, [k]], 1.0, decision, rng)
        for k, name in enumerate(names)
    ]
    each.sort(key=lambda found: -found.value)
    table = pd.concat([found.table for found in each], ignore_index=True)
    top = each[0]
    return InformationValue(
        kind="EVPPI",
        value=top.value,
        mcse=top.mcse,
        bias=top.bias,
        about=top.about,
        best=top.best,
        unit=top.unit,
        table=table,
    )


def evsi(
    decision: RoiResult | xr.DataArray,
    about: str | xr.DataArray,
    *,
    n: float,
    noise_sd: float,
    rng: RngLike = 0,
) -> InformationValue:
    """Return the expected value of a study of one input.

    Parameters
    ----------
    decision : RoiResult or DataArray
        A simulation, or draws of net benefit.
    about : str or DataArray
        The input that the study measures: a name from `uncertain_inputs`, or its draws.
    n : float
        Answers, or customers in the experiment.
    noise_sd : float
        Standard error of the study times the root of ``n``, in units of the input: the
        individual standard deviation for a mean, twice that for a difference between two
        halves of ``n``.
    rng : int or Generator, default 0
        Shuffles for the bias.

    Returns
    -------
    InformationValue
        Between 0 and EVPPI.

    Raises
    ------
    ConfigError
        For an unknown name, more than one input, or numbers out of bounds.

    Notes
    -----
    Moment matching (Heath et al. 2018): the expected net benefit given the input is shrunk to
    its mean by the root of the share of the variance that the study resolves,
    ``var / (var + noise_sd^2 / n)``. It is exact where input and net benefit are normal.

    References
    ----------
    Heath, A., Manolopoulou, I. and Baio, G. (2018). Efficient Monte Carlo estimation of the
    expected value of sample information using moment matching. Medical Decision Making 38(2).
    """
    size = check_number(n, "n", low=0)
    noise = check_number(noise_sd, "noise_sd", low=0, open_low=True)
    net = alternatives(decision)
    names, values = chosen_inputs(decision, about)
    if values.shape[1] != 1:
        raise ConfigError(f"about names {values.shape[1]} inputs; a study measures one here.")
    resolved = _resolved(values, size, noise)
    return _partial("EVSI", net, names, values, resolved, decision, rng)


def _resolved(values: np.ndarray, n: float, noise: float) -> float:
    """Share of the variance of an input that a study resolves."""
    variance = float(values.var(ddof=1))
    return variance / (variance + noise**2 / n) if n > 0 and variance > 0 else 0.0


def _partial(
    kind: str,
    net: xr.DataArray,
    names: Sequence[str],
    values: np.ndarray,
    resolved: float,
    decision: RoiResult | xr.DataArray,
    rng: RngLike,
) -> InformationValue:
    """Value of knowing the regression's part of net benefit, shrunk to what is resolved."""
    benefit = net.values - net.values[:, [int(net.values.mean(axis=0).argmax())]]
    root = np.sqrt(resolved)

    def shrunk(inputs: np.ndarray) -> np.ndarray:
        fitted = conditional_mean(inputs, benefit)
        center = fitted.mean(axis=0)
        return center + root * (fitted - center)

    generator = as_generator(rng)
    noise = [_gain(shrunk(values[generator.permutation(len(values))])) for _ in range(_SHUFFLES)]
    return _value(
        kind,
        shrunk(values),
        net,
        about=tuple(names),
        unit=unit_of(decision),
        bias=float(np.mean(noise)),
    )


def _gain(benefit: np.ndarray) -> float:
    return float(benefit.max(axis=1).mean() - benefit.mean(axis=0).max())


def _value(
    kind: str,
    benefit: np.ndarray,
    net: xr.DataArray,
    *,
    about: tuple[str, ...],
    unit: str,
    bias: float = 0.0,
) -> InformationValue:
    best = int(net.values.mean(axis=0).argmax())
    gains = benefit.max(axis=1) - benefit[:, int(benefit.mean(axis=0).argmax())]
    value = max(float(gains.mean()) - bias, 0.0)
    mcse = float(gains.std(ddof=1) / np.sqrt(effective_draws(net)))
    name = str(net[ACTION].values[best]) if ACTION in net.coords else f"action {best}"
    column = kind.lower()
    return InformationValue(
        kind=kind,
        value=value,
        mcse=mcse,
        bias=bias,
        about=about,
        best=name,
        unit=unit,
        table=pd.DataFrame({"input": [" and ".join(about)], column: [value], "mcse": [mcse]}),
    )


def unit_of(decision: RoiResult | xr.DataArray) -> str:
    """Return the currency of a decision.

    Parameters
    ----------
    decision : RoiResult or DataArray
        What is decided.

    Returns
    -------
    str
        From the settings, or the ``unit`` of the draws.
    """
    if isinstance(decision, RoiResult):
        return decision.settings.currency
    return str(decision.attrs.get("unit", "")) if dr.SAMPLE in decision.dims else ""
