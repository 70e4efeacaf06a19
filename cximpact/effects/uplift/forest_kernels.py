"""Growing honest trees on binned features, and sending rows down them."""

from __future__ import annotations

import numpy as np
from numba import njit, prange, uint64

LEAF = -1
"""Feature of a node that is not split."""
_BLOCK = 1024
"""Rows that go down one tree before the next."""
N_FIELDS = 4
"""Fields of a node: feature, highest bin that goes left, first child, depth."""


@njit(cache=True, inline="always")
def _next(state: np.ndarray) -> np.uint64:
    """Return 64 random bits: SplitMix64, one stream a tree."""
    state[0] += uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@njit(cache=True, inline="always")
def _below(state: np.ndarray, n: int) -> int:
    """Return a whole number from 0 to n - 1; the bias of the remainder is below n / 2**64."""
    return int(_next(state) % uint64(n))


@njit(cache=True)
def _shuffled_front(items: np.ndarray, size: int, state: np.ndarray) -> None:
    """Put a random choice of items first."""
    n = len(items)
    for i in range(size):
        j = i + _below(state, n - i)
        items[i], items[j] = items[j], items[i]


@njit(cache=True)
def _best_split(data, rows, estimated, feature, min_leaf, hist, found):
    """Find the bin of one feature after which to split; gain and bin go to ``found``."""
    bins, n_bins_of, score, weight = data
    n_bins = n_bins_of[feature]
    hist[:n_bins] = 0.0
    column = bins[feature]
    for i in rows:
        b = column[i]
        hist[b, 0] += score[i]
        hist[b, 1] += weight[i]
        hist[b, 2] += 1.0
    for i in estimated:
        hist[column[i], 3] += 1.0
    total_s = 0.0
    total_w = 0.0
    total_e = 0.0
    for b in range(n_bins):
        total_s += hist[b, 0]
        total_w += hist[b, 1]
        total_e += hist[b, 3]
    n = float(len(rows))
    s = 0.0
    w = 0.0
    c = 0.0
    e = 0.0
    found[0] = -1.0
    for b in range(n_bins - 1):
        s += hist[b, 0]
        w += hist[b, 1]
        c += hist[b, 2]
        e += hist[b, 3]
        if c < min_leaf or e < min_leaf:
            continue
        if n - c < min_leaf or total_e - e < min_leaf:
            break
        if w <= 0.0 or total_w - w <= 0.0:
            continue
        gain = s * s / w + (total_s - s) ** 2 / (total_w - w)
        if gain > found[0]:
            found[0] = gain
            found[1] = b


@njit(cache=True)
def _partition(column: np.ndarray, rows: np.ndarray, cut: int) -> int:
    """Put the rows that go left first, and return how many they are."""
    left, right = 0, len(rows) - 1
    while left <= right:
        if column[rows[left]] <= cut:
            left += 1
        else:
            rows[left], rows[right] = rows[right], rows[left]
            right -= 1
    return left


@njit(cache=True)
def _grow(data, split_rows, leaf_rows, limits, state, nodes, sums):
    """Grow one tree; the structure comes from ``split_rows``, the values from ``leaf_rows``."""
    bins, n_bins, score, weight = data
    min_leaf, max_depth, n_try = limits
    n_features = len(n_bins)
    features = np.arange(n_features)
    hist = np.zeros((256, 4))
    found = np.zeros(2)
    capacity = len(nodes)
    spans = np.zeros((capacity, 4), dtype=np.int64)
    spans[0, 1] = len(split_rows)
    spans[0, 3] = len(leaf_rows)
    nodes[0, 3] = 0
    used = 1
    node = 0
    while node < used:
        a, z, c, d = spans[node]
        own, estimated = split_rows[a:z], leaf_rows[c:d]
        nodes[node, 0] = LEAF
        best_gain = 0.0
        total_s = 0.0
        total_w = 0.0
        for i in own:
            total_s += score[i]
            total_w += weight[i]
        room = used + 2 <= capacity and nodes[node, 3] < max_depth
        if room and len(own) >= 2 * min_leaf and len(estimated) >= 2 * min_leaf and total_w > 0:
            best_gain = total_s * total_s / total_w * (1 + 1e-12)
            _shuffled_front(features, n_try, state)
            for k in range(n_try):
                f = features[k]
                _best_split(data, own, estimated, f, min_leaf, hist, found)
                if found[0] > best_gain:
                    best_gain = found[0]
                    nodes[node, 0] = f
                    nodes[node, 1] = int(found[1])
        if nodes[node, 0] == LEAF:
            s = 0.0
            w = 0.0
            for i in estimated:
                s += score[i]
                w += weight[i]
            m = max(len(estimated), 1)
            sums[node, 0] = s / m
            sums[node, 1] = w / m
        else:
            column = bins[nodes[node, 0]]
            cut = nodes[node, 1]
            left_own = a + _partition(column, own, cut)
            left_est = c + _partition(column, estimated, cut)
            nodes[node, 2] = used
            for child in range(2):
                spans[used, 0] = a if child == 0 else left_own
                spans[used, 1] = left_own if child == 0 else z
                spans[used, 2] = c if child == 0 else left_est
                spans[used, 3] = left_est if child == 0 else d
                nodes[used, 3] = nodes[node, 3] + 1
                used += 1
        node += 1
    return used


@njit(cache=True, parallel=True)
def grow_forest(data, starts, members, bags, limits, seed, nodes, sums):
    """Grow groups of trees; the trees of a group share a half of the clusters.

    ``starts`` and ``members`` list the rows of each cluster; ``bags`` (group, cluster) says which
    clusters belong to the group. Of these, a random half of the clusters shapes each tree and the
    other half gives its values. ``limits`` are the least rows of a leaf, the greatest depth and
    how many features are tried at a split; ``data`` are the bins (feature, row), how many bins
    each feature has, and score and weight of the rows.
    """
    n_groups = len(bags)
    per_group = len(nodes) // n_groups
    for tree in prange(n_groups * per_group):
        state = np.zeros(1, dtype=np.uint64)
        state[0] = uint64(seed) ^ (uint64(tree + 1) * uint64(0xD1342543DE82EF95))
        group = tree // per_group
        own = np.flatnonzero(bags[group])
        half = len(own) // 2
        _shuffled_front(own, half, state)
        n_split = 0
        n_leaf = 0
        for k in range(len(own)):
            size = starts[own[k] + 1] - starts[own[k]]
            if k < half:
                n_split += size
            else:
                n_leaf += size
        split_rows = np.empty(n_split, dtype=np.int32)
        leaf_rows = np.empty(n_leaf, dtype=np.int32)
        i = 0
        j = 0
        for k in range(len(own)):
            for m in range(starts[own[k]], starts[own[k] + 1]):
                if k < half:
                    split_rows[i] = members[m]
                    i += 1
                else:
                    leaf_rows[j] = members[m]
                    j += 1
        _grow(data, split_rows, leaf_rows, limits, state, nodes[tree], sums[tree])


@njit(cache=True, parallel=True)
def send_down(bins, nodes, sums, n_groups, out):
    """Average leaves over the trees of each group: ``out`` is (group, row, 2), score and weight."""
    n = bins.shape[1]
    per_group = len(nodes) // n_groups
    n_blocks = (n + _BLOCK - 1) // _BLOCK
    for block in prange(n_blocks):
        start = block * _BLOCK
        stop = min(n, start + _BLOCK)
        for tree in range(n_groups * per_group):
            own, leaf = nodes[tree], sums[tree]
            group = tree // per_group
            for i in range(start, stop):
                node = 0
                while own[node, 0] != LEAF:
                    right = bins[own[node, 0], i] > own[node, 1]
                    node = own[node, 2] + right
                out[group, i, 0] += leaf[node, 0] / per_group
                out[group, i, 1] += leaf[node, 1] / per_group


@njit(cache=True, parallel=True)
def send_out_of_bag(bins, nodes, sums, inside, out):
    """Average leaves over the trees that did not see the row: ``out`` is (row, 2).

    ``inside`` (group, row) says which rows the trees of a group saw.
    """
    n = bins.shape[1]
    n_groups = len(inside)
    per_group = len(nodes) // n_groups
    for block in prange((n + _BLOCK - 1) // _BLOCK):
        start = block * _BLOCK
        stop = min(n, start + _BLOCK)
        for tree in range(n_groups * per_group):
            own, leaf = nodes[tree], sums[tree]
            seen = inside[tree // per_group]
            for i in range(start, stop):
                if seen[i]:
                    continue
                node = 0
                while own[node, 0] != LEAF:
                    right = bins[own[node, 0], i] > own[node, 1]
                    node = own[node, 2] + right
                out[i, 0] += leaf[node, 0]
                out[i, 1] += leaf[node, 1]


@njit(cache=True, parallel=True)
def average_in_leaves(bins, nodes, score, weight, out):
    """Average score and weight of rows in the leaves: ``out`` is (tree, node, 2)."""
    n = bins.shape[1]
    for tree in prange(len(nodes)):
        own = nodes[tree]
        count = np.zeros(len(own))
        for i in range(n):
            node = 0
            while own[node, 0] != LEAF:
                right = bins[own[node, 0], i] > own[node, 1]
                node = own[node, 2] + right
            out[tree, node, 0] += score[i]
            out[tree, node, 1] += weight[i]
            count[node] += 1.0
        for node in range(len(own)):
            if count[node] > 0:
                out[tree, node, 0] /= count[node]
                out[tree, node, 1] /= count[node]
