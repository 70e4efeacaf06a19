"""Worlds in which people differ by a normal effect that nobody sees."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from cximpact.data import SurveyWave
from cximpact.scores import CSAT5

CUTS = np.array([-2.0, -0.8, 0.5, 2.0])
BY_SEGMENT = np.array([-0.5, 0.0, 0.5])


def answers_at(eta, rng, cuts=CUTS):
    """Ordinal answers from 1 to 5."""
    return 1.0 + ((eta + rng.logistic(size=len(eta)))[:, None] > cuts).sum(axis=1)


def selective_world(seed, n, *, lam, push):
    """Happier people answer more often; a randomized reminder moves the response only."""
    rng = np.random.default_rng(seed)
    segment, reminder = rng.integers(0, 3, n), rng.integers(0, 2, n)
    u = rng.normal(size=n)
    answer = answers_at(BY_SEGMENT[segment] + u, rng)
    responds = rng.random(n) < special.expit(-0.7 + push * (reminder - 0.5) + lam * u)
    frame = pd.DataFrame(
        {
            "segment": np.array(list("abc"))[segment],
            "reminder": reminder,
            "answer": np.where(responds, answer, np.nan),
        }
    )
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"])
    return wave, float(answer.mean())


def funnel_world(seed, n, *, lam, push=(3.0, 3.0)):
    """Happier people open, and complete, more or less often; two random lots move the response.

    The lots, one that moves opening and one that moves completing, are one column of four levels.
    """
    rng = np.random.default_rng(seed)
    segment, *lots = (rng.integers(0, high, n) for high in (3, 2, 2))
    u = rng.normal(size=n)
    answer = answers_at(BY_SEGMENT[segment] + u, rng)
    logits = (0.2 + p * (lot - 0.5) + b * u for p, lot, b in zip(push, lots, lam, strict=True))
    opened, completes = (rng.random(n) < special.expit(logit) for logit in logits)
    completed = opened & completes
    frame = pd.DataFrame(
        {
            "segment": np.array(list("abc"))[segment],
            "lot": 2 * lots[0] + lots[1],
            "delivered": 1,
            "opened": opened.astype(int),
            "completed": completed.astype(int),
            "answer": np.where(completed, answer, np.nan),
        }
    )
    stages = {name: name for name in ("delivered", "opened", "completed")}
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"], stages=stages)
    return wave, float(answer.mean())


def linked_world(seed, n, *, sd, lam=0.3, delta=0.6, theta=0.4):
    """A treatment moves score and retention; the retained answer more often."""
    rng = np.random.default_rng(seed)
    segment, treated = rng.integers(0, 3, n), rng.integers(0, 2, n)
    eta = BY_SEGMENT[segment] + delta * treated + rng.normal(0, sd, n)
    answer = answers_at(eta, rng)
    logit = 0.2 + np.array([0.3, 0.0, -0.3])[segment] + theta * treated + lam * eta
    stays = rng.random(n) < special.expit(logit)
    responds = rng.random(n) < special.expit(-1.5 + 1.5 * stays + 0.5 * treated)
    frame = pd.DataFrame(
        {
            "segment": np.array(list("abc"))[segment],
            "treated": treated,
            "stays": stays.astype(int),
            "answer": np.where(responds, answer, np.nan),
        }
    )
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, factors=["segment"])
    return wave, answer, eta


def repeated_world(seed, n, *, sd=1.5, gamma=-0.2, change=0.4):
    """Customers with one to three answers in three months; each answer tires them."""
    rng = np.random.default_rng(seed)
    invited = rng.random((n, 3)) < 0.7
    customer, month = np.nonzero(invited)
    number = np.cumsum(invited, axis=1)[customer, month]
    segment, a = rng.integers(0, 2, n), rng.normal(0, sd, n)
    eta = 0.3 * (2 * segment[customer] - 1) + change * month + gamma * (number - 1) + a[customer]
    frame = pd.DataFrame(
        {
            "customer": customer,
            "segment": np.array(list("ab"))[segment[customer]],
            "month": month,
            "number": number,
            "answer": answers_at(eta, rng),
        }
    )
    wave = SurveyWave(
        frame,
        answer="answer",
        scale=CSAT5,
        factors=["segment"],
        period="month",
        customer="customer",
    )
    return wave, a


def drifting_world(seed, n, *, sd=1.5, rho=0.6, change=0.3, months=4, share=0.8):
    """Customers asked each month, whose own level drifts from month to month."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, sd, (n, months))
    for t in range(1, months):
        level[:, t] = rho * level[:, t - 1] + np.sqrt(1 - rho**2) * level[:, t]
    customer, month = np.nonzero(rng.random((n, months)) < share)
    frame = pd.DataFrame(
        {
            "customer": customer,
            "month": month,
            "answer": answers_at(change * month + level[customer, month], rng),
        }
    )
    wave = SurveyWave(frame, answer="answer", scale=CSAT5, period="month", customer="customer")
    return wave, level
