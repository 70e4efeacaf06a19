"""Integrating a customer effect that drifts from occasion to occasion out of the likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np

from cximpact.core.validate import check_number
from cximpact.imputation.occasions import Paths
from cximpact.imputation.quadrature import NormalRule, normal_rule


def drift_rule(sd: float, nodes: int | None = None) -> NormalRule:
    """Choose enough Gauss-Hermite nodes for effects that drift.

    Parameters
    ----------
    sd : float
        Largest standard deviation, on the latent scale of a logistic answer.
    nodes : int, optional
        Number of nodes to use come what may.

    Returns
    -------
    NormalRule
        ``11 + 4 sd^2`` nodes. The log likelihood of a path is then right to 1e-3 for correlations
        up to 0.95 and to 1e-2 for 0.99; at half of ``sd``, to 1e-6 and better.

    Notes
    -----
    The nodes must be those of Gauss and Hermite; see `mehler`.
    """
    sd = check_number(sd, "sd", low=0)
    return normal_rule(11 + int(np.ceil(4 * sd**2)) if nodes is None else nodes)


def mehler(rule: NormalRule) -> np.ndarray:
    """Tabulate the functions that keep their shape under drift.

    Parameters
    ----------
    rule : NormalRule
        Gauss-Hermite nodes ``z`` and weights ``w``.

    Returns
    -------
    numpy.ndarray, shape (degree, node)
        ``sqrt(w_i) h_k(z_i)`` with the Hermite polynomials ``h_k`` scaled to norm 1; an
        orthogonal matrix, whose first row is ``sqrt(w)``.

    Notes
    -----
    If ``(x, y)`` are standard normal with correlation ``r``, then ``E[h_k(y) | x] = r^k h_k(x)``
    (Mehler's formula). With ``n`` nodes the transition from node ``i`` to node ``j`` therefore
    gets the weight ``T_ij = w_j sum_k r^k h_k(z_i) h_k(z_j)``, ``k < n``: the expectation under
    the conditional normal ``N(r z_i, 1 - r^2)`` of the polynomial through the nodes. It is
    exact for polynomials up to degree ``n - 1``; keeps the stationary weights, ``w T = w``;
    chains without error, ``T(r) T(s) = T(r s)``, so that an occasion without an answer costs
    nothing; and is the identity at ``r = 1``, which is the constant effect. Evenly spaced nodes
    weighted by the normal density keep and chain only about, and fail once ``1 - r^2`` is below
    the square of their distance. The price: some weights are negative, which does no harm as
    long as there are enough nodes for the likelihood to be smooth between them; see
    `drift_rule`.

    References
    ----------
    .. [1] Slepian, D. (1972). On the symmetrized Kronecker power of a matrix and extensions of
       Mehler's formula for Hermite polynomials. SIAM Journal on Mathematical Analysis 3,
       606-616.
    """
    out = np.zeros((rule.n_nodes, rule.n_nodes))
    out[0] = np.exp(0.5 * rule.log_weights)
    out[1] = rule.nodes * out[0]
    for k in range(1, rule.n_nodes - 1):
        out[k + 1] = (rule.nodes * out[k] - np.sqrt(k) * out[k - 1]) / np.sqrt(k + 1)
    return out


def forward(likelihood: Any, rho: Any, found: Paths, rule: NormalRule) -> tuple[list, list]:
    """Run through the occasions of all paths, once for each beginning that they share.

    Parameters
    ----------
    likelihood : numpy.ndarray or tensor, shape (code, node)
        Probability of each answer at each node.
    rho : float or tensor
        Correlation over a distance of 1, above 0 and up to 1.
    found : Paths
        Paths.
    rule : NormalRule
        Gauss-Hermite nodes and weights.

    Returns
    -------
    masses : list of numpy.ndarray or tensor, shape (beginning,), a step
        Probability of the last answer of each beginning, given those before it.
    states : list of numpy.ndarray or tensor, shape (beginning, node), a step
        What is known of the effect after it: ``p(node | answers so far) / sqrt(w)``.

    Notes
    -----
    The forward recursion of a hidden Markov model whose states are the nodes. ``a_it = sd z_t``
    with ``z`` a stationary first-order autoregression; over a distance ``g`` the correlation is
    ``rho^g``. Cost: two products with the matrix of `mehler` for each different beginning.

    References
    ----------
    .. [1] Heiss, F. (2008). Sequential numerical integration in nonlinear state space models
       for microeconometric panel data. Journal of Applied Econometrics 23, 373-389.
    """
    basis = mehler(rule)
    root, shrink = basis[0], rho ** (found.gaps[:, None] * np.arange(rule.n_nodes))
    state: Any = root[None, :]
    masses, states = [], []
    for step in found.steps:
        moved = ((state @ basis.T)[step.parent] * shrink[step.gap]) @ basis
        joint = moved[step.move] * likelihood[step.code]
        mass = joint @ root
        state = joint / mass[:, None]
        masses.append(mass)
        states.append(state)
    return masses, states


def graph_log_likelihood(likelihood: Any, rho: Any, found: Paths, rule: NormalRule) -> Any:
    """Write the log likelihood of every pattern as a graph.

    Parameters
    ----------
    likelihood : tensor, shape (code, node)
        Probability of each answer at each node.
    rho : tensor
        Correlation over a distance of 1.
    found : Paths
        Paths.
    rule : NormalRule
        Gauss-Hermite nodes and weights.

    Returns
    -------
    tensor, shape (pattern,)
        Sums of the logarithms of the masses of `forward`.
    """
    import pytensor.tensor

    pt: Any = pytensor.tensor

    masses, _ = forward(likelihood, rho, found, rule)
    logs = pt.log(pt.concatenate(masses))
    return pt.concatenate([logs, pt.zeros(1)])[found.beginnings].sum(axis=1)


def last_weights(likelihood: np.ndarray, rho: float, found: Paths, rule: NormalRule) -> np.ndarray:
    """Weigh the nodes by what all answers of a pattern say of the effect at the last one.

    Parameters
    ----------
    likelihood : numpy.ndarray, shape (code, node)
        Probability of each answer at each node.
    rho : float
        Correlation over a distance of 1.
    found : Paths
        Paths.
    rule : NormalRule
        Gauss-Hermite nodes and weights.

    Returns
    -------
    numpy.ndarray, shape (pattern, node)
        Sums to 1.
    """
    _, states = forward(likelihood, rho, found, rule)
    return np.concatenate(states)[found.last] * mehler(rule)[0]
