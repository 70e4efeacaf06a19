"""Integrating a normal person effect out of the likelihood of collapsed answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from cximpact.core.validate import check_choice, check_count, check_number

RULES = ("hermite", "even")
DEFAULT_NODES = 15
_REACH = 5.5
_STEP = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalRule:
    """Points at which a standard normal is replaced by finitely many values.

    Parameters
    ----------
    nodes : numpy.ndarray, shape (node,)
        Values, in standard deviations.
    log_weights : numpy.ndarray, shape (node,)
        Logarithms of their probabilities, which sum to 1.
    """

    nodes: np.ndarray = field(repr=False)
    log_weights: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        self.nodes.setflags(write=False)
        self.log_weights.setflags(write=False)

    @property
    def n_nodes(self) -> int:
        """How many points there are."""
        return len(self.nodes)


def normal_rule(n: int = DEFAULT_NODES, kind: str = "hermite") -> NormalRule:
    """Build a quadrature rule for a standard normal.

    Parameters
    ----------
    n : int, default 15
        Nodes.
    kind : {"hermite", "even"}
        Gauss-Hermite nodes, exact for polynomials up to degree ``2 n - 1``; or evenly spaced
        nodes within 5.5 standard deviations, weighted by the density.

    Returns
    -------
    NormalRule
        Nodes and weights.

    Notes
    -----
    Logistic probabilities of ``sd * z`` are not polynomials: they have poles at ``pi / sd``
    from the real line. Gauss-Hermite with 15 nodes is right to 1e-7 for ``sd`` 1, but only to
    1% for ``sd`` 2.8. Evenly spaced nodes (the trapezoidal rule) converge exponentially in the
    spacing on the latent scale, whatever ``sd``; see `rule_for`.

    References
    ----------
    .. [1] Trefethen, L. N. and Weideman, J. A. C. (2014). The exponentially convergent
       trapezoidal rule. SIAM Review 56, 385-458.
    """
    n = check_count(n, "n", low=3)
    if check_choice(kind, "kind", RULES) == "even":
        nodes = np.linspace(-_REACH, _REACH, n)
        log_weights = -0.5 * nodes**2
    else:
        nodes, weights = special.roots_hermitenorm(n)
        log_weights = np.log(weights)
    return NormalRule(nodes=nodes, log_weights=log_weights - special.logsumexp(log_weights))


def rule_for(sd: float, nodes: int | None = None) -> NormalRule:
    """Choose a rule that is exact enough for person effects of a standard deviation.

    Parameters
    ----------
    sd : float
        Largest standard deviation, on the latent scale of a logistic answer.
    nodes : int, optional
        Number of Gauss-Hermite nodes to use come what may.

    Returns
    -------
    NormalRule
        15 Gauss-Hermite nodes up to 1; beyond, evenly spaced nodes 0.9 apart on the latent
        scale. The probability of an answer is then right to about 1e-6.
    """
    sd = check_number(sd, "sd", low=0)
    if nodes is not None:
        return normal_rule(nodes)
    if sd <= 1:
        return normal_rule()
    return normal_rule(max(2 * int(np.ceil(_REACH * sd / _STEP)) + 1, 31), "even")


def log_mean(values: np.ndarray, rule: NormalRule, axis: int = -1) -> np.ndarray:
    """Average over the nodes on the log scale.

    Parameters
    ----------
    values : numpy.ndarray, shape (..., node, ...)
        Logarithms at the nodes.
    rule : NormalRule
        Nodes and weights.
    axis : int, default -1
        Axis of the nodes.

    Returns
    -------
    numpy.ndarray
        ``log sum_h w_h exp(values_h)``, without the axis.
    """
    shape = [1] * np.ndim(values)
    shape[axis] = rule.n_nodes
    return special.logsumexp(values + rule.log_weights.reshape(shape), axis=axis)


def graph_log_mean(values: Any, rule: NormalRule, axis: int = -1) -> Any:
    """Write `log_mean` as a graph.

    Parameters
    ----------
    values : tensor, shape (..., node, ...)
        Logarithms at the nodes.
    rule : NormalRule
        Nodes and weights.
    axis : int, default -1
        Axis of the nodes.

    Returns
    -------
    tensor
        Without the axis.
    """
    import pytensor.tensor

    pt: Any = pytensor.tensor

    shape = [1] * values.ndim
    shape[axis] = rule.n_nodes
    return pt.logsumexp(values + rule.log_weights.reshape(shape), axis=axis)


def graph_log_probabilities(eta: Any, cuts: Any) -> Any:
    """Write the log probabilities of logistic answers as a graph.

    Parameters
    ----------
    eta : tensor, shape (...,)
        Latent scores.
    cuts : tensor, shape (category - 1,)
        Increasing cutpoints.

    Returns
    -------
    tensor, shape (..., category)
        ``log F(c_k - eta) + log(1 - F(c_{k-1} - eta)) + log(1 - exp(c_{k-1} - c_k))``, which
        is exact in both tails. The same numbers as `links.log_category_probabilities`.
    """
    import pytensor.tensor

    pt: Any = pytensor.tensor

    distance = cuts - eta[..., None]
    edge = pt.zeros_like(distance[..., :1])
    upper = pt.concatenate([-pt.softplus(-distance), edge], axis=-1)
    lower = pt.concatenate([edge, -pt.softplus(distance)], axis=-1)
    gaps = pt.concatenate([pt.zeros(1), pt.log1mexp(cuts[:-1] - cuts[1:]), pt.zeros(1)])
    return upper + lower + gaps
