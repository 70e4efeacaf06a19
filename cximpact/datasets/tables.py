"""The simulated world as a company keeps it: the tables of an analytic repository."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from cximpact.core.rng import RngLike, spawn
from cximpact.data.simulate import (
    COST_PER_JOINER,
    EARLY_MONTH,
    FIXED_COST,
    MARGIN_PER_RETAINED,
    OnboardingWorld,
    simulate_onboarding,
)

INITIATIVE, SURVEY, CURRENCY = "easier onboarding", "onboarding effort", "USD"
_YEAR = "2024"
_CHANNELS = np.array(["phone", "web", "chat", "store"])
_CHANNEL_SHARES = [0.4, 0.3, 0.2, 0.1]
_TOUCHPOINTS = np.array(["first order", "billing", "delivery", "account"])
_STAGE_SHARES = {"delivered": 0.96, "opened": 0.45, "started": 0.1}


def simulate_world(
    rng: RngLike = 2024,
    *,
    kappa: float = 0.4,
    n_stores: int = 40,
    joiners: int = 60,
    effect: float = 0.6,
) -> OnboardingWorld:
    """Make the onboarding world that the demo and the tutorials use.

    Parameters
    ----------
    rng : int, Generator, SeedSequence or None, default 2024
        Seed; the default gives the same world everywhere.
    kappa : float, default 0.4
        How much the response depends on ease beyond ``x``: here the unhappy keep silent.
    n_stores : int, default 40
        Stores, at least 4.
    joiners : int, default 60
        Joiners a store and month.
    effect : float, default 0.6
        What the initiative adds to ease, on the logit scale.

    Returns
    -------
    OnboardingWorld
        With ``customers``, ``truth_frame`` and ``truth``; see
        `cximpact.data.simulate.simulate_onboarding` for the model.
    """
    return simulate_onboarding(rng, kappa=kappa, n_stores=n_stores, joiners=joiners, effect=effect)


def world_tables(world: OnboardingWorld, rng: RngLike = 2024) -> dict[str, pd.DataFrame]:
    """Lay a simulated world out as the tables of a repository.

    Parameters
    ----------
    world : OnboardingWorld
        Who joined, answered and stayed is taken from it unchanged.
    rng : int, Generator, SeedSequence or None, default 2024
        Seed for what the world leaves open: contacts, funnel stages and amounts.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``customers``, ``interactions``, ``surveys``, ``behavior``, ``exposures`` and ``costs``,
        with the columns of the repository and in an order in which they can be added. Times are
        in UTC; money is in dollars.

    Notes
    -----
    The easier it was for customers, the fewer contacts, seconds of waiting and transfers they
    have and the more of their contacts are resolved. Retained customers bring a margin of 180 on
    average, as in the economics of ``world.truth``.
    """
    contact_rng, stage_rng, money_rng, time_rng = spawn(
        rng, "contacts", "stages", "money", "joined"
    )
    seen = world.customers
    joined = _joined(seen, time_rng)
    return {
        "customers": seen[["customer", "store", "join_month", "x"]].assign(joined=joined),
        "interactions": _interactions(world, joined, contact_rng),
        "surveys": _surveys(seen, joined, stage_rng),
        "behavior": _behavior(seen, money_rng),
        "exposures": _exposures(seen, joined),
        "costs": _costs(seen),
    }


def _first_of_month(months: pd.Series, years_later: int = 0) -> pd.Series:
    year = str(int(_YEAR) + years_later)
    return pd.to_datetime(year + "-" + months.astype(str) + "-01", format="%Y-%m-%d")


def _joined(seen: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    opening = rng.integers(9 * 60, 19 * 60, len(seen)) + 24 * 60 * rng.integers(0, 28, len(seen))
    moments = _first_of_month(seen["join_month"]) + pd.to_timedelta(opening, unit="min")
    return moments.dt.tz_localize("UTC")


def _interactions(
    world: OnboardingWorld, joined: pd.Series, rng: np.random.Generator
) -> pd.DataFrame:
    ease = world.truth_frame["ease"].to_numpy().clip(-6, 6)
    contacts = rng.poisson(np.exp(0.1 - 0.2 * ease))
    who = np.repeat(np.arange(len(ease)), contacts)
    ease, n = ease[who], len(who)
    channel = rng.choice(_CHANNELS, n, p=_CHANNEL_SHARES)
    by_phone = channel == "phone"
    after = pd.to_timedelta(rng.integers(60, 60 * 24 * 60, n), unit="min")
    frame = pd.DataFrame(
        {
            "customer": world.customers["customer"].to_numpy()[who],
            "time": joined.take(who).reset_index(drop=True) + after,
            "channel": channel,
            "touchpoint": rng.choice(_TOUCHPOINTS, n),
            "wait": np.exp(4.5 - 0.15 * ease + 0.5 * by_phone + 0.6 * rng.standard_normal(n)),
            "transfers": np.where(channel == "web", 0, rng.poisson(np.exp(-1.0 - 0.25 * ease))),
            "handle_time": np.exp(5.5 - 0.05 * ease + 0.5 * rng.standard_normal(n)),
            "resolved": (rng.random(n) < expit(1.0 + 0.4 * ease)).astype(int),
        }
    )
    frame = frame.sort_values(["time", "customer"], kind="stable", ignore_index=True)
    frame.insert(2, "event", np.arange(1, n + 1))
    return frame.round({"wait": 0, "handle_time": 0})


def _surveys(seen: pd.DataFrame, joined: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    completed = seen["ces"].notna().to_numpy()
    invitation = rng.random(len(seen))
    stages = {
        stage: (completed | (invitation < share)).astype(int)
        for stage, share in _STAGE_SHARES.items()
    }
    frame = pd.DataFrame({"customer": seen["customer"], "invited": joined + pd.Timedelta(days=14)})
    return frame.assign(
        survey=SURVEY, question="ces", **stages, completed=completed.astype(int), answer=seen["ces"]
    )


def _behavior(seen: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    retained = seen["retained"].to_numpy()
    orders = retained * (1 + rng.poisson(5, len(seen)))
    spend = (retained * rng.gamma(4, 150, len(seen))).round(2)
    return pd.DataFrame(
        {
            "customer": seen["customer"],
            "period": _first_of_month(seen["join_month"], years_later=1),
            "retained": retained,
            "orders": orders,
            "spend": spend,
            "margin": spend * (MARGIN_PER_RETAINED / 600),
        }
    )


def _exposures(seen: pd.DataFrame, joined: pd.Series) -> pd.DataFrame:
    treated = (seen["treated"] == 1).to_numpy()
    who = {"customer": seen["customer"][treated], "time": joined[treated]}
    return pd.DataFrame({"initiative": INITIATIVE, **who}).reset_index(drop=True)


def _costs(seen: pd.DataFrame) -> pd.DataFrame:
    amount = COST_PER_JOINER * seen.groupby("join_month")["treated"].sum()
    amount.loc[EARLY_MONTH] += FIXED_COST
    amount = amount[amount > 0]
    return pd.DataFrame(
        {
            "initiative": INITIATIVE,
            "period": _first_of_month(amount.index.to_series()).to_numpy(),
            "amount": amount.to_numpy(),
            "currency": CURRENCY,
        }
    )
