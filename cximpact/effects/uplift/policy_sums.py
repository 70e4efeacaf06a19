"""Means of what lists bring and cost, with their joint sampling error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from cximpact.core.errors import ClusterError
from cximpact.effects.uplift.evaluation_data import cluster_codes

PARTS = ("gain", "behavior", "cost")


@dataclass(frozen=True, kw_only=True, eq=False)
class ListSums:
    """What lists bring per customer of the population, and per customer on the first list.

    Parameters
    ----------
    names : tuple of str
        The lists.
    value : numpy.ndarray, shape (term,)
        Gain, behavior and cost of each list per customer, then gain and behavior of the first
        list per contact.
    covariance : numpy.ndarray, shape (term, term)
        Their sampling covariance.
    contacts : numpy.ndarray, shape (list,)
        Share of customers that each list contacts.
    n, clusters : int
        Rows, and what is drawn independently of each other.
    """

    names: tuple[str, ...]
    value: np.ndarray
    covariance: np.ndarray = field(repr=False)
    contacts: np.ndarray
    n: int
    clusters: int

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        return self.clusters - 1

    def part(self, values: np.ndarray, name: str) -> np.ndarray:
        """Pick one part of each list.

        Parameters
        ----------
        values : numpy.ndarray, shape (..., term)
            Terms, or draws of them.
        name : {"gain", "behavior", "cost", "list_gain", "list_behavior"}
            Which part.

        Returns
        -------
        numpy.ndarray, shape (..., list) or (...)
            The lists' numbers; those per contact belong to the first list alone.
        """
        k = len(self.names)
        if name.startswith("list_"):
            return values[..., 3 * k + PARTS.index(name.removeprefix("list_"))]
        at = PARTS.index(name) * k
        return values[..., at : at + k]


def list_sums(
    lists: Mapping[str, np.ndarray],
    gain: np.ndarray,
    behavior: np.ndarray,
    cost: np.ndarray,
    weights: np.ndarray,
    cluster: np.ndarray | None,
) -> ListSums:
    """Average what lists bring and cost.

    Parameters
    ----------
    lists : mapping of str to numpy.ndarray, shape (1 or customer, arm)
        Shares of each arm, the policy first.
    gain, behavior, cost : numpy.ndarray, shape (1 or customer, 1 or arm)
        What an arm brings in money and in behavior, and what it costs.
    weights : numpy.ndarray, shape (customer,)
        Weights of the customers.
    cluster : numpy.ndarray of int or None
        Codes of what is drawn together.

    Returns
    -------
    ListSums
        Means and covariance.

    Notes
    -----
    A mean ``m = sum w x / sum w`` has the influence ``w (x - m) / sum w``; a mean over the list,
    ``sum w x / sum w share``, has ``w (x - m share) / sum w share``. Influences are added up
    within clusters, and their cross-products times ``G / (G - 1)`` are the covariance.
    """
    n, total = len(weights), weights.sum()
    clusters = n if cluster is None else int(cluster.max()) + 1
    contact = {name: np.broadcast_to(s.sum(axis=1), n) for name, s in lists.items()}
    parts = (gain, behavior, cost)
    columns = [np.broadcast_to((s * x).sum(axis=1), n) for x in parts for s in lists.values()]
    means = [weights @ x / total for x in columns]
    rows = [weights * (x - m) / total for x, m in zip(columns, means, strict=True)]
    mine = next(iter(contact.values()))
    size = weights @ mine
    for x in (columns[0], columns[len(lists)]):
        mean = weights @ x / size if size > 0 else 0.0
        means.append(mean)
        rows.append(weights * (x - mean * mine) / (size if size > 0 else 1.0))
    if cluster is not None:
        rows = [np.bincount(cluster, x, minlength=clusters) for x in rows]
    influence = np.stack(rows)
    return ListSums(
        names=tuple(lists),
        value=np.array(means),
        covariance=influence @ influence.T * clusters / (clusters - 1),
        contacts=np.array([weights @ s / total for s in contact.values()]),
        n=n,
        clusters=clusters,
    )


def drawn_together(cluster: ArrayLike | None, n: int) -> np.ndarray | None:
    """Give the clusters numbers, where there are clusters.

    Parameters
    ----------
    cluster : array_like, shape (customer,), or None
        Labels.
    n : int
        How many customers there are.

    Returns
    -------
    numpy.ndarray of int or None
        Codes from 0.

    Raises
    ------
    ClusterError
        If there is only one customer.
    """
    if cluster is not None:
        return cluster_codes(cluster, n)
    if n < 2:
        raise ClusterError("there is 1 customer; expected at least 2 for a standard error.")
    return None
