"""Sampling the generative form, and effects on the scale of the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from cximpact.core import draws as dr
from cximpact.core import sampling
from cximpact.core.rng import spawn
from cximpact.effects.did.cell_blocks import CellModel, Scales, posterior_of, profile_of
from cximpact.effects.did.cell_data import Cells
from cximpact.effects.did.cell_model import CellPosterior, inverse_link
from cximpact.effects.did.cell_whitening import Whitening, whitened

_ATTEMPTS = ((1, 0.8), (2, 0.95))
"""Length and acceptance of the first sampling, and of the one after a failed gate."""
_REPLICATES = 400
"""Draws from which cells are simulated to check the model."""


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
    whitening = whitened(posterior)
    tree = _sampled(whitening, cells, model, seed)
    flat = dr.from_datatree(tree, source=source, allow_unconverged=model.allow_unconverged)
    values = {name: np.asarray(flat[name].values) for name in map(str, flat.data_vars)}
    new_rng, check_rng = spawn(seed, "new segment", "checks of cells")
    n_draws = len(values["mean"])
    new = values["mean"] + values["omega"] * new_rng.standard_normal(n_draws)
    compare = _Comparison(cells, values, profile_of(cells, model))
    every = np.ones(len(cells.n), dtype=bool)
    marks = {k: flat["mean"].attrs[k] for k in (dr.UNRELIABLE, dr.ESS) if k in flat["mean"].attrs}
    return CellFit(
        effects=np.stack(
            [
                compare.average(values["link"][:, s], cells.segment == s)
                for s in range(len(cells.labels))
            ],
            axis=1,
        ),
        population=compare.average(values["mean"], every),
        new_segment=compare.average(new, every),
        links=values["link"],
        scales={name: values[name] for name in posterior.scales},
        checks=_checks(cells, values, compare, check_rng),
        diagnostics=dict(sampling.diagnostics(tree)),
        attrs=marks,
    )


def _sampled(whitening: Whitening, cells: Cells, model: CellModel, seed: int) -> xr.DataTree:
    """Sample; once more, longer and in smaller steps, if the gate fails."""
    posterior = whitening.posterior

    def variables(draws: xr.Dataset) -> xr.Dataset:
        out = _variables(posterior, whitening.numbers(draws["z"].values))
        return out.assign_coords(chain=draws["chain"], draw=draws["draw"])

    density = sampling.Density(
        log_density=whitening.log_density, n_free=posterior.n_free, expand=variables, cores=1
    )
    tree = xr.DataTree()
    for longer, accept in _ATTEMPTS:
        tree = sampling.sample(
            None,
            compiled=density,
            rng=seed,
            draws=longer * model.draws,
            tune=longer * model.tune,
            chains=model.chains,
            target_accept=accept,
        )
        if not tree.attrs["gate_failures"] or not tree.attrs["complete"]:
            break
    return tree


def _variables(posterior: CellPosterior, free: np.ndarray) -> xr.Dataset:
    """Name what is judged and kept."""
    z, scales = posterior.split(free)
    untreated = np.zeros((*free.shape[:-1], len(posterior.cells.n)))
    found: dict[str, np.ndarray] = {}
    for block in posterior.blocks:
        value = block.value(z[block.name], posterior.scale_of(block, scales))
        if block.name in ("mean", "effect", "growth"):
            found[block.name] = value
        else:
            untreated += block.weight * value[..., block.index]
    chain = ("chain", "draw")
    out = {
        "untreated": ((*chain, "cell"), untreated),
        "mean": (chain, found["mean"][..., 0]),
        "link": ((*chain, "segment"), found["mean"] + found["effect"]),
    }
    if "growth" in found:
        growth = next(b for b in posterior.blocks if b.name == "growth")
        out["growth"] = ((*chain, "cell"), growth.weight * found["growth"][..., growth.index])
    for i, name in enumerate(posterior.scales):
        out[name] = (chain, scales[..., i])
    return xr.Dataset(out)


class _Comparison:
    """Treated cells with themselves without treatment."""

    def __init__(self, cells: Cells, values: dict[str, np.ndarray], share: np.ndarray):
        self.cells, self.share = cells, share
        self.untreated = values["untreated"]
        self.growth = values.get("growth", np.zeros((1, len(share))))

    def average(self, link: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Average over some treated cells, for one effect a draw."""
        at = np.flatnonzero(which & self.cells.treated)
        before = self.untreated[:, at]
        after = before + link[:, None] * self.share[at] + self.growth[:, at]
        family, n = self.cells.family, self.cells.n[at]
        gain = inverse_link(family, after) - inverse_link(family, before)
        return gain @ (n / n.sum())

    def mean(self, links: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """Mean outcome of every cell as it was, for some draws."""
        growth = self.growth[draws] if len(self.growth) > 1 else self.growth
        effect = links[draws][:, self.cells.segment] * self.share + growth
        return inverse_link(self.cells.family, self.untreated[draws] + effect)


def _checks(
    cells: Cells, values: dict[str, np.ndarray], compare: _Comparison, rng: np.random.Generator
) -> dict[str, float]:
    """Compare spread and serial correlation of the cells with those of simulated ones."""
    draws = np.unique(np.linspace(0, len(values["mean"]) - 1, _REPLICATES).astype(int))
    mean = compare.mean(values["link"], draws)
    again = _simulated(cells, mean, values["shock"][draws], rng)
    width = np.sqrt(cells.n)
    seen, made = ((outcome - mean) * width for outcome in (cells.mean, again))
    follows = (cells.stratum[1:] == cells.stratum[:-1]) & (np.diff(cells.period) == 1)

    def serial(off: np.ndarray) -> np.ndarray:
        return (off[:, 1:] * off[:, :-1])[:, follows].sum(axis=1) / (off**2).sum(axis=1)

    spread = (made**2).sum(axis=1) >= (seen**2).sum(axis=1)
    return {
        "spread_p": float(spread.mean()),
        "serial_p": float((serial(made) >= serial(seen)).mean()),
    }


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
