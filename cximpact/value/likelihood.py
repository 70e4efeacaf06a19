"""Maximum likelihood of a few positive parameters, with draws of what the data leave open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy import optimize

from cximpact.core import draws as dr
from cximpact.core.errors import ConvergenceError
from cximpact.core.rng import spawn

LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]
_STEP = 1e-5
_FAR = 12.0  # a logarithm this far out has run away


@dataclass(frozen=True, kw_only=True, eq=False)
class Maximum:
    """The maximum of a likelihood in the logarithms of its parameters.

    Parameters
    ----------
    theta : numpy.ndarray, shape (parameter,)
        Parameters at the maximum.
    log_cov : numpy.ndarray, shape (parameter, parameter)
        Inverse of the observed information of their logarithms.
    log_likelihood : float
        Its value there.
    """

    theta: np.ndarray
    log_cov: np.ndarray
    log_likelihood: float

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors of the parameters, by the delta method."""
        return self.theta * np.sqrt(np.diag(self.log_cov))

    def draw(
        self, n: int, *, seed: int, source: str, names: Sequence[str], data_id: str
    ) -> xr.Dataset:
        """Draw parameters from the normal approximation of their logarithms.

        Parameters
        ----------
        n : int
            How many.
        seed : int
            Seed.
        source : str
            Identifier of the fit.
        names : sequence of str
            Names of the parameters.
        data_id : str
            Fingerprint of the data: other fits of them are dependent.

        Returns
        -------
        xarray.Dataset
            One variable a parameter, dimension ``sample``.
        """
        (rng,) = spawn(seed, source)
        root = np.linalg.cholesky(self.log_cov)
        logs = np.log(self.theta) + rng.standard_normal((n, self.theta.size)) @ root.T
        blocks = {
            name: dr.from_array(np.exp(logs[:, k]), source=source, name=name, data_ids=[data_id])
            for k, name in enumerate(names)
        }
        return dr.with_order(xr.Dataset(blocks), dr.order_of(blocks[names[0]]))


def maximize(loglik: LogLikelihood, starts: Sequence[ArrayLike], what: str) -> Maximum:
    """Find the maximum of a likelihood over positive parameters.

    Parameters
    ----------
    loglik : callable
        From parameters to the log-likelihood and its gradient.
    starts : sequence of array_like
        Where to start; the best end is kept.
    what : str
        How messages call the model.

    Returns
    -------
    Maximum
        With the covariance from the observed information.

    Raises
    ------
    ConvergenceError
        If there is no maximum inside: the data do not identify the parameters.
    """

    def negative(logs: np.ndarray) -> tuple[float, np.ndarray]:
        theta = np.exp(np.clip(logs, -_FAR - 3, _FAR + 3))
        value, gradient = loglik(theta)
        if not np.isfinite(value):
            return 1e300, np.zeros_like(logs)
        return -value, -gradient * theta

    found = [
        optimize.minimize(negative, np.log(np.asarray(s, dtype=float)), jac=True, method="L-BFGS-B")
        for s in starts
    ]
    logs = np.asarray(min(found, key=lambda f: float(f.fun)).x)
    logs, information = _polished(negative, logs)
    curvature = np.linalg.eigvalsh(information)
    if np.abs(logs).max() > _FAR or not curvature[0] > 1e-7 * max(curvature[-1], 1.0):
        raise ConvergenceError(
            f"The likelihood of {what} has no maximum inside: with these data some parameter runs "
            f"to its limit (logarithms {np.array2string(logs, precision=2)}). There is too little "
            "data, or customers do not differ in the way that the model describes."
        )
    return Maximum(
        theta=np.exp(logs),
        log_cov=np.linalg.inv(information),
        log_likelihood=-negative(logs)[0],
    )


def numeric_gradient(value: Callable[[np.ndarray], float], theta: np.ndarray) -> np.ndarray:
    """Return the gradient by central differences, relative to the size of each parameter.

    Parameters
    ----------
    value : callable
        From parameters to a number.
    theta : numpy.ndarray, shape (parameter,)
        Where.

    Returns
    -------
    numpy.ndarray, shape (parameter,)
        Accurate to about eight digits.
    """
    out = np.empty_like(theta)
    for k in range(theta.size):
        step = np.zeros_like(theta)
        step[k] = _STEP * theta[k]
        out[k] = (value(theta + step) - value(theta - step)) / (2 * step[k])
    return out


def _polished(negative: LogLikelihood, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take Newton steps while they improve, and return the information at the end."""
    information = _information(negative, logs)
    for _ in range(20):
        value, gradient = negative(logs)
        try:
            step = np.linalg.solve(information, -gradient)
        except np.linalg.LinAlgError:
            break
        new, _ = negative(logs + step)
        if not new <= value or np.abs(step).max() > 1:
            break
        logs, information = logs + step, _information(negative, logs + step)
        if np.abs(step).max() < 1e-9:
            break
    return logs, information


def _information(negative: LogLikelihood, logs: np.ndarray) -> np.ndarray:
    """Second derivatives from differences of the gradient."""
    rows = []
    for k in range(logs.size):
        step = np.zeros_like(logs)
        step[k] = 1e-4
        rows.append((negative(logs + step)[1] - negative(logs - step)[1]) / 2e-4)
    hessian = np.array(rows)
    return (hessian + hessian.T) / 2
