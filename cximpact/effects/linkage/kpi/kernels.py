"""Compiled forward simulation: one customer at a time, all nodes and all worlds."""

from __future__ import annotations

import numpy as np
from numba import njit

ROOT, RULE, NORMAL, LOGNORMAL, BINARY, ORDINAL, COUNT, HURDLE = range(8)
IDENTITY, LOGARITHM, OFF_MIDDLE, SQUARED, EQUALS = range(5)
SET, SHIFT, SCALE = 1, 2, 3
_EDGE = 1e-12
_MANY = 400.0

_CENTER = np.array(
    [
        [3.3871328727963666080, 1.0],
        [1.3314166789178437745e2, 4.2313330701600911252e1],
        [1.9715909503065514427e3, 6.8718700749205790830e2],
        [1.3731693765509461125e4, 5.3941960214247511077e3],
        [4.5921953931549871457e4, 2.1213794301586595867e4],
        [6.7265770927008700853e4, 3.9307895800092710610e4],
        [3.3430575583588128105e4, 2.8729085735721942674e4],
        [2.5090809287301226727e3, 5.2264952788528545610e3],
    ]
)
_SIDE = np.array(
    [
        [1.42343711074968357734, 1.0],
        [4.63033784615654529590, 2.05319162663775882187],
        [5.76949722146069140550, 1.67638483018380384940],
        [3.64784832476320460504, 6.89767334985100004550e-1],
        [1.27045825245236838258, 1.48103976427480074590e-1],
        [2.41780725177450611770e-1, 1.51986665636164571966e-2],
        [2.27238449892691845833e-2, 5.47593808499534494600e-4],
        [7.74545014278341407640e-4, 1.05075007164441684324e-9],
    ]
)
_TAIL = np.array(
    [
        [6.65790464350110377720, 1.0],
        [5.46378491116411436990, 5.99832206555887937690e-1],
        [1.78482653991729133580, 1.36929880922735805310e-1],
        [2.96560571828504891230e-1, 1.48753612908506148525e-2],
        [2.65321895265761230930e-2, 7.86869131145613259100e-4],
        [1.24266094738807843860e-3, 1.84631831751005468180e-5],
        [2.71155556874348757815e-5, 1.42151175831644588870e-7],
        [2.01033439929228813265e-7, 2.04426310338993978564e-15],
    ]
)


@njit(cache=True, nogil=True, error_model="numpy")
def _ratio(table, r):
    top, bottom = 0.0, 0.0
    for k in range(7, -1, -1):
        top = top * r + table[k, 0]
        bottom = bottom * r + table[k, 1]
    return top / bottom


@njit(cache=True, nogil=True, error_model="numpy")
def normal_quantile(p):
    """Return a standard normal quantile by algorithm AS 241 (Wichura 1988), to about 1e-16."""
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_CENTER, 0.180625 - q * q)
    r = np.sqrt(-np.log(p if q < 0 else 1 - p))
    value = _ratio(_SIDE, r - 1.6) if r <= 5 else _ratio(_TAIL, r - 5)
    return -value if q < 0 else value


@njit(cache=True, nogil=True, error_model="numpy")
def poisson_quantile(u, mean):
    """Return a Poisson quantile, by sums; above a mean of 400 by Cornish and Fisher."""
    if mean > _MANY:
        z, sd = normal_quantile(u), np.sqrt(mean)
        about = mean + z * sd + (z * z - 1) / 6 + (z - z**3) / (72 * sd)
        return max(np.floor(about + 0.5), 0.0)
    k, p = 0.0, np.exp(-mean)
    total = p
    while total < u and k < 1e6:
        k += 1
        p *= mean / k
        total += p
        if p < 1e-300 and k > mean:
            break
    return k


@njit(cache=True, nogil=True, error_model="numpy")
def _factor(shape, extra, x):
    if shape == LOGARITHM:
        return np.log(max(x, 1e-300))
    if shape == OFF_MIDDLE:
        return x - extra
    if shape == SQUARED:
        return (x - extra) ** 2
    if shape == EQUALS:
        return 1.0 if x == extra else 0.0
    return x


@njit(cache=True, nogil=True, error_model="numpy")
def _predictor(program, values, node, coefficients, first):
    """Add up terms times coefficients, from the coefficient at ``first`` on."""
    starts, codes, extras, moments = program
    total = 0.0
    for t in range(starts[node], starts[node + 1]):
        z = _factor(codes[t, 1], extras[t, 0], values[codes[t, 0]])
        if codes[t, 2] >= 0:
            z *= _factor(codes[t, 3], extras[t, 1], values[codes[t, 2]])
        total += coefficients[first + t - starts[node]] * (z - moments[t, 0]) / moments[t, 1]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _ordinal(eta, u, inverse_cuts, levels):
    """Return the level at the noise ``u``, and the expected level."""
    odds = np.exp(eta)
    passed, mean = 0, levels[levels.size - 1]
    for k in range(inverse_cuts.size):
        below = 1 / (1 + odds * inverse_cuts[k])
        if u > below:
            passed += 1
        mean -= below * (levels[k + 1] - levels[k])
    return levels[passed], mean


@njit(cache=True, nogil=True, error_model="numpy")
def _answer(kind, program, values, node, own, u, levels):
    """Return value and expectation of a node with a model, given the values of its parents."""
    n_terms = program[0][node + 1] - program[0][node]
    if kind == ORDINAL:
        eta = _predictor(program, values, node, own, 0)
        return _ordinal(eta, u, own[n_terms:], levels)
    eta = own[0] + _predictor(program, values, node, own, 1)
    if kind == NORMAL:
        return eta + own[n_terms + 1] * normal_quantile(u), eta
    if kind == LOGNORMAL:
        sd = own[n_terms + 1]
        return np.exp(eta + sd * normal_quantile(u)), np.exp(eta + 0.5 * sd * sd)
    if kind == COUNT:
        mean = np.exp(eta)
        return poisson_quantile(u, mean), mean
    none = 1 / (1 + np.exp(eta))
    if kind == BINARY:
        return 1.0 if u > none else 0.0, 1 - none
    k = n_terms + 1
    center, sd = own[k] + _predictor(program, values, node, own, k + 1), own[2 * k]
    mean = (1 - none) * np.exp(center + 0.5 * sd * sd)
    if u <= none:
        return 0.0, mean
    inside = min(max((u - none) / (1 - none), _EDGE), 1 - _EDGE)
    return np.exp(center + sd * normal_quantile(inside)), mean


@njit(cache=True, nogil=True, error_model="numpy")
def world_means(graph, own, roots, weights, noise, do, target):
    """Average one node over customers in every world, for one draw.

    Parameters
    ----------
    graph : tuple
        ``terms`` (starts, codes, extras, moments), ``kinds`` of the nodes, ``arrows`` (node and
        parent), ``offsets`` (where arrows, parameters and levels of each node start), ``levels``.
    own : array of float
        Parameters of all nodes: coefficients, then standard deviations or inverted cutpoints; for
        a rule the amounts.
    roots : array, shape (node, customer)
        Values of nodes without causes; other rows are not read.
    weights : array, shape (customer,)
        Weights of this draw.
    noise : tuple
        ``steps, shifts`` of each node's lattice.
    do : tuple
        ``kind, amount``, shape (world, node); ``visits``, shape (visit, 2): world and node that
        must be worked out, in order; ``home``, shape (world, node): the world in which a node's
        value is found; ``hears``, shape (world, arrow): the world whose value the child hears.
    target : int
        Node that is averaged.

    Returns
    -------
    array, shape (world,)
        Means.
    """
    terms, kinds, arrows, offsets, levels = graph
    steps, shifts = noise
    act, amount, visits, home, hears = do
    n_worlds, n_nodes = act.shape
    value = np.empty((n_worlds, n_nodes))
    mean = np.empty((n_worlds, n_nodes))
    heard = np.empty(n_nodes)
    total = np.zeros(n_worlds)
    for i in range(weights.size):
        for k in range(visits.shape[0]):
            w, v = visits[k, 0], visits[k, 1]
            first, last, at = offsets[v, 0], offsets[v + 1, 0], offsets[v, 1]
            x, expected = 0.0, 0.0
            if kinds[v] == ROOT:
                x = expected = roots[v, i]
            elif kinds[v] == RULE:
                for a in range(first, last):
                    p = arrows[a, 1]
                    x += own[at + a - first] * value[hears[w, a], p]
                    expected += own[at + a - first] * mean[hears[w, a], p]
            else:
                for a in range(first, last):
                    heard[arrows[a, 1]] = value[hears[w, a], arrows[a, 1]]
                u = i * steps[v] + shifts[v]
                u = min(max(u - np.floor(u), _EDGE), 1 - _EDGE)
                mine = own[at : offsets[v + 1, 1]]
                scale = levels[offsets[v, 2] : offsets[v + 1, 2]]
                x, expected = _answer(kinds[v], terms, heard, v, mine, u, scale)
            if act[w, v] == SET:
                x = expected = amount[w, v]
            elif act[w, v] == SHIFT:
                x += amount[w, v]
                expected = x
            elif act[w, v] == SCALE:
                x *= amount[w, v]
                expected = x
            value[w, v], mean[w, v] = x, expected
        for w in range(n_worlds):
            total[w] += weights[i] * mean[home[w, target], target]
    return total
