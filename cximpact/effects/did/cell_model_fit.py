"""Sampling the generative form, and effects on the scale of the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.rng import spawn
from cximpact.effects.did.cell_blocks import CellModel, Scales, posterior_of, profile_of
from cximpact.effects.did.cell_data import Cells
from cximpact.effects.did.cell_model import CellPosterior, inverse_link
from cximpact.effects.did.cell_whitening import Whitening, whitened

_ACCEPT, _CAREFUL = 0.9, 0.98
"""Acceptance that tuning aims at, and the one after divergences."""
_LONGER = 3
"""How much longer the second attempt is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CellFit:
    """Draws of the generative form.

    Parameters
    ----------
    effects : numpy.ndarray, shape (sample, segment)
        Average effect on the treated cells of each segment, in the outcome's unit.
    population, new_segment : numpy.ndarray, shape (sample,)
        The same over all treated cells, if their segment had the mean effect, or one drawn anew.
    links : numpy.ndarray, shape (sample, segment)
        Effects on the scale of the linear predictor.
    scales : dict of numpy.ndarray, shape (sample,)
        Free scales by name; ``omega`` among them.
    checks : dict of float
        Probability, under the model, of a spread and of a serial correlation of the cells as
        great as seen; near 0 or 1 is bad.
    diagnostics : dict
        Verdict of the gate.
    attrs : dict
        Marks that every array of draws must carry.
    """

    effects: np.ndarray = field(repr=False)
    population: np.ndarray = field(repr=False)
    new_segment: np.ndarray = field(repr=False)
    links: np.ndarray = field(repr=False)
    scales: dict[str, np.ndarray] = field(repr=False)
    checks: dict[str, float]
    diagnostics: dict[str, float | str]
    attrs: dict[str, float | str]


def fit_cells(cells: Cells, model: CellModel, scales: Scales, *, source: str, seed: int) -> CellFit:
    """Sample the generative form, and compute effects by comparing cells with themselves.

    Parameters
    ----------
    cells : Cells
        The data.
    model : CellModel
        Settings.
    scales : Scales
        Of the priors.
    source : str
        What messages call the fit.
    seed : int
        Randomness.

    Returns
    -------
    CellFit
        For every treated cell, the mean outcome with treatment less that without, at the same
        level, period and trend; averaged over cells by their rows.

    Raises
    ------
    ConvergenceError
        If the gate failed twice and may not be passed over.
    """
    posterior = posterior_of(cells, model, scales)
    tree = _sampled(whitened(posterior), profile_of(cells, model), model, seed)
    flat = dr.from_datatree(tree, source=source, allow_unconverged=model.allow_unconverged)
    values = {str(name): np.asarray(flat[name].values) for name in flat.data_vars}
    marks = {k: flat["mean"].attrs[k] for k in (dr.UNRELIABLE, dr.ESS) if k in flat["mean"].attrs}
    return CellFit(
        effects=values["effect"],
        population=values["population"],
        new_segment=values["new_segment"],
        links=values["link"],
        scales={name: values[name] for name in posterior.scales},
        checks={
            "spread_p": float((values["made_spread"] >= values["seen_spread"]).mean()),
            "serial_p": float((values["made_serial"] >= values["seen_serial"]).mean()),
        },
        diagnostics=dict(sampling.diagnostics(tree)),
        attrs=marks,
    )


def _sampled(whitening: Whitening, share: np.ndarray, model: CellModel, seed: int) -> xr.DataTree:
    """Sample; once more and longer, if the gate fails."""
    posterior = whitening.posterior

    def variables(draws: xr.Dataset) -> xr.Dataset:
        x = draws["z"].values
        rows = _quantities(posterior, whitening.numbers(x.reshape(-1, x.shape[-1])), share, seed)
        shaped = {
            name: (("chain", "draw", "segment")[: 1 + value.ndim], value.reshape(*x.shape[:2], -1))
            for name, value in rows.items()
        }
        out = {n: (d, v if len(d) > 2 else v[:, :, 0]) for n, (d, v) in shaped.items()}
        return xr.Dataset(out).assign_coords(chain=draws["chain"], draw=draws["draw"])

    density = sampling.Density(
        log_density=whitening.log_density, n_free=posterior.n_free, expand=variables, cores=1
    )
    run = partial(sampling.sample, None, compiled=density, rng=seed, chains=model.chains)
    tree = run(draws=model.draws, tune=model.tune, target_accept=_ACCEPT)
    if not tree.attrs["gate_failures"] or not tree.attrs["complete"]:
        return tree
    accept = _CAREFUL if tree.attrs["divergences"] else _ACCEPT
    return run(draws=_LONGER * model.draws, tune=_LONGER * model.tune, target_accept=accept)


def _quantities(
    posterior: CellPosterior, free: np.ndarray, share: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Compute what is judged and kept, one row a draw."""
    cells = posterior.cells
    new_rng, check_rng = spawn(seed, "new segment", "checks of cells")
    z, scales = posterior.split(free)
    found = {b.name: b.value(z[b.name], posterior.scale_of(b, scales)) for b in posterior.blocks}
    untreated, growth = np.zeros((len(free), len(share))), np.zeros((len(free), len(share)))
    for b in posterior.blocks:
        if b.name not in ("mean", "effect"):
            target = growth if b.name == "growth" else untreated
            target += b.weight * found[b.name][:, b.index]
    mean = found["mean"][:, 0]
    link = mean[:, None] + found["effect"]
    named = {name: scales[:, i] for i, name in enumerate(posterior.scales)}
    new = mean + named["omega"] * new_rng.standard_normal(len(free))
    compare = partial(_compared, cells, untreated, growth, share)
    every = np.ones(len(share), dtype=bool)
    by_segment = [compare(link[:, s], cells.segment == s) for s in range(len(cells.labels))]
    as_it_was = untreated + growth + share * link[:, cells.segment]
    return {
        "effect": np.stack(by_segment, axis=1),
        "population": compare(mean, every),
        "new_segment": compare(new, every),
        "mean": mean,
        "link": link,
        **named,
        **_figures(cells, inverse_link(cells.family, as_it_was), named["shock"], check_rng),
    }


def _compared(
    cells: Cells,
    untreated: np.ndarray,
    growth: np.ndarray,
    share: np.ndarray,
    link: np.ndarray,
    which: np.ndarray,
) -> np.ndarray:
    """Average over treated cells what treatment changes, for one effect a draw."""
    at = np.flatnonzero(which & cells.treated)
    before = untreated[:, at]
    after = before + link[:, None] * share[at] + growth[:, at]
    gain = inverse_link(cells.family, after) - inverse_link(cells.family, before)
    return gain @ (cells.n[at] / cells.n[at].sum())


def _figures(
    cells: Cells, mean: np.ndarray, shock: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Compute spread and serial correlation of the cells, and of simulated ones."""
    follows = (cells.stratum[1:] == cells.stratum[:-1]) & (np.diff(cells.period) == 1)
    out: dict[str, np.ndarray] = {}
    for name, outcome in (("seen", cells.mean), ("made", _simulated(cells, mean, shock, rng))):
        off = (outcome - mean) * np.sqrt(cells.n)
        squares = (off**2).sum(axis=1)
        out[f"{name}_spread"] = squares
        out[f"{name}_serial"] = (off[:, 1:] * off[:, :-1])[:, follows].sum(axis=1) / squares
    return out


def _simulated(
    cells: Cells, mean: np.ndarray, shock: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Simulate the mean outcome of every cell, shape (draw, cell)."""
    shock = shock[:, None]
    if cells.family == "normal":
        return mean + np.sqrt(cells.known**2 + shock**2) * rng.standard_normal(mean.shape)
    prior = 1 / np.maximum(shock, 1e-5) ** 2
    n = cells.n.astype(int)
    if cells.family == "binomial":
        p = np.clip(mean, 1e-9, 1 - 1e-9)
        return rng.binomial(n, rng.beta(prior * p, prior * (1 - p))) / n
    return rng.poisson(n * mean * rng.gamma(prior, 1 / prior, mean.shape)) / n
