"""Normal numbers from a counter: Philox 4x32 with ten rounds, and the ziggurat, compiled.

A number depends on the seed, the draw and its place in the draw alone, so the order in which
workers do the draws changes nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_TAIL = 3.442619855899
_AREA = 9.91256303526217e-3
_LAYERS, _BITS = 128, 24
_INVERSE = 1.0 / 4294967296.0


def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the layers of the ziggurat: acceptance bounds, widths and densities."""
    edges = np.empty(_LAYERS + 1)
    edges[0] = _AREA / np.exp(-0.5 * _TAIL**2)
    edges[1] = _TAIL
    for i in range(2, _LAYERS):
        edges[i] = np.sqrt(-2 * np.log(_AREA / edges[i - 1] + np.exp(-0.5 * edges[i - 1] ** 2)))
    edges[_LAYERS] = 0.0
    scale = 2.0**_BITS
    bounds = (edges[1:] / edges[:-1] * scale).astype(np.uint32)
    return bounds, edges[:-1] / scale, np.exp(-0.5 * edges**2)


BOUNDS, WIDTHS, DENSITY = _tables()


@njit(cache=True, inline="always")
def _round(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    first = _M0 * np.uint64(c0)
    second = _M1 * np.uint64(c2)
    return (
        np.uint32(np.uint32(second >> _SHIFT) ^ c1 ^ k0),
        np.uint32(second & _LOW),
        np.uint32(np.uint32(first >> _SHIFT) ^ c3 ^ k1),
        np.uint32(first & _LOW),
    )


@njit(cache=True, inline="always")
def _words(draw, block, seed):  # type: ignore[no-untyped-def]
    """Four random words for one block of one draw."""
    c0, c1 = np.uint32(draw & _LOW), np.uint32(draw >> _SHIFT)
    c2, c3 = np.uint32(block & _LOW), np.uint32(block >> _SHIFT)
    k0, k1 = np.uint32(seed & _LOW), np.uint32(seed >> _SHIFT)
    for _ in range(10):
        c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)
    return c0, c1, c2, c3


@njit(cache=True)
def _rare(word, draw, place, seed):  # type: ignore[no-untyped-def]
    """Finish the one normal in eighty that falls into no rectangle, from blocks of its own."""
    block = np.uint64(place + 1) << _SHIFT
    while True:
        layer = np.int64(word & np.uint32(127))
        size = word >> np.uint32(8)
        x = size * WIDTHS[layer]
        sign = 1.0 if word & np.uint32(128) else -1.0
        if size < BOUNDS[layer]:
            return sign * x
        first, second, word, _ = _words(draw, block, seed)
        block += np.uint64(1)
        if layer == 0:
            while True:
                a = -np.log((first + 0.5) * _INVERSE) / _TAIL
                b = -np.log((second + 0.5) * _INVERSE)
                if b + b > a * a:
                    return sign * (_TAIL + a)
                first, second, _, _ = _words(draw, block, seed)
                block += np.uint64(1)
        u = (first + 0.5) * _INVERSE
        if DENSITY[layer] + u * (DENSITY[layer + 1] - DENSITY[layer]) < np.exp(-0.5 * x * x):
            return sign * x


@njit(cache=True, inline="always")
def _normal(word, draw, place, seed):  # type: ignore[no-untyped-def]
    layer = np.int64(word & np.uint32(127))
    size = word >> np.uint32(8)
    if size < BOUNDS[layer]:
        x = size * WIDTHS[layer]
        return x if word & np.uint32(128) else -x
    return _rare(word, draw, place, seed)


@njit(cache=True, inline="always")
def fill(out, draw, seed):  # type: ignore[no-untyped-def]
    """Fill a buffer with the standard normal numbers of one draw.

    Parameters
    ----------
    out : numpy.ndarray, shape (4 * block,)
        Where to; number ``k`` depends on seed, draw and ``k`` alone.
    draw, seed : uint64
        Counter and key.
    """
    for block in range(out.size // 4):
        k = 4 * block
        a, b, c, d = _words(draw, np.uint64(block), seed)
        out[k] = _normal(a, draw, k, seed)
        out[k + 1] = _normal(b, draw, k + 1, seed)
        out[k + 2] = _normal(c, draw, k + 2, seed)
        out[k + 3] = _normal(d, draw, k + 3, seed)


@njit(cache=True, parallel=True)
def normals(first, count, size, seed):  # type: ignore[no-untyped-def]
    """Return normal numbers of many draws.

    Parameters
    ----------
    first, count : int
        First draw and how many.
    size : int
        Numbers a draw.
    seed : uint64
        Key.

    Returns
    -------
    numpy.ndarray, shape (count, size)
        Standard normal.
    """
    out = np.empty((count, size))
    for d in prange(count):
        own = np.empty((size + 3) // 4 * 4)
        fill(own, np.uint64(first + d), seed)
        out[d] = own[:size]
    return out


@njit(cache=True)
def block_of(draw, block, seed):  # type: ignore[no-untyped-def]
    """Return one block of random words, for known answers.

    Parameters
    ----------
    draw, block, seed : uint64
        The counter, in two halves, and the key.

    Returns
    -------
    tuple of uint32
        Four random words.
    """
    return _words(draw, block, seed)
