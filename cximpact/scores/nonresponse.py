"""Who answers: response propensities by stage, the weights they give, and the corrected score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cximpact.core.errors import ConfigError, DataError, DesignError, NoRespondentsError
from cximpact.core.scale import ScoreScale
from cximpact.core.validate import check_number, check_prob
from cximpact.data import SurveyWave
from cximpact.scores.design import Design, check_covariates, read_design
from cximpact.scores.doubly_robust import (
    doubly_robust_moments,
    error_after_projection,
    predict_values,
)
from cximpact.scores.logit import LogitFit
from cximpact.scores.stages import ANSWERED, check_by, stage_patterns, wave_stages
from cximpact.scores.statistic import statistic_of
from cximpact.scores.stepwise import fit_stage

_LARGE_SMD = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class ResponseModel:
    """Logistic regressions of each stage of the response on what is known of everybody.

    Parameters
    ----------
    covariates : sequence of str
        Columns known for everybody: numbers enter linearly, everything else by level.
    group : str, optional
        Column whose levels are shrunk towards 0, such as the store; it may have many levels.
    stages : sequence of str, optional
        Stages to model, of those of the wave, all by default. Leave out ``"opened"`` where opens
        are misrecorded: the overall propensity does not need it. The last step, to an answer, is
        always modeled.
    trim : float, default 0.99
        Quantile of the respondents' weights at which larger ones are cut; 1 cuts none.

    Notes
    -----
    Estimand of the fit: pi(x) = product over stages of P(passes stage s | passed s - 1, x). The
    weights 1 / pi undo non-response if it is unrelated to the score given the covariates and the
    group (missing at random), which no data on respondents can test, and if everybody has some
    chance to answer. What breaks it: silent customers who are unhappier than talking ones of the
    same kind. See the delta sensitivity of `cximpact.imputation`. Group effects are normal; their
    spread maximizes the Laplace marginal likelihood at the joint mode [1]_, which is biased
    downwards for small groups.

    References
    ----------
    .. [1] Breslow, N. E. & Clayton, D. G. (1993). Approximate inference in generalized linear
       mixed models. Journal of the American Statistical Association 88, 9-25.
    """

    covariates: Sequence[str]
    group: str | None = None
    stages: Sequence[str] | None = None
    trim: float = 0.99

    def __post_init__(self) -> None:
        if isinstance(self.covariates, str):
            raise ConfigError("covariates is one text; expected a list of columns.")
        object.__setattr__(self, "covariates", tuple(self.covariates))
        if check_number(self.trim, "trim", low=0, open_low=True) > 1:
            raise ConfigError(f"trim is {self.trim:g}; expected a quantile up to 1.")

    def fit(self, wave: SurveyWave) -> ResponseFit:
        """Fit the model to a wave.

        Parameters
        ----------
        wave : SurveyWave
            Everybody who was invited, without survey weights.

        Returns
        -------
        ResponseFit
            Propensities, weights, balance and corrected scores.

        Raises
        ------
        NoRespondentsError
            If nobody answered or passed a stage.
        SeparationError, RankError, InsufficientDataError
            If a stage cannot be modeled with these covariates.
        DesignError
            If the wave has weights.
        """
        if wave.weight is not None:
            raise DesignError("the wave has weights; a response model is for everybody invited.")
        names = self._stages(wave)
        if wave.n_answered == 0:
            raise NoRespondentsError(
                f"none of {wave.n_frame} rows has an answer in {wave.answer!r}."
            )
        columns = [*self.covariates, *([self.group] if self.group else [])]
        patterns = _patterns(wave, names, columns)
        design = read_design(patterns, self.covariates, self.group)
        x, groups = design.matrix(patterns), design.group_codes(patterns)
        count, reached = patterns["count"].to_numpy(), np.ones(len(patterns), dtype=bool)
        propensity, fits = np.ones(len(patterns)), {}
        for name in (*names, ANSWERED):
            passed = reached & (patterns[name].to_numpy() == 1)
            fits[name] = fit_stage(name, x, groups, passed * count, reached * count, design)
            propensity = propensity * fits[name].predict(x, groups)
            reached = passed
        return ResponseFit(
            model=self,
            scale=wave.scale,
            design=design,
            stages=MappingProxyType(fits),
            patterns=patterns.assign(propensity=propensity),
            answer=wave.answer,
        )

    def _stages(self, wave: SurveyWave) -> list[str]:
        known = wave_stages(wave)
        if self.stages is None:
            return known
        if unknown := [s for s in self.stages if s not in known]:
            raise ConfigError(f"stages names {unknown}; the wave has {known}.")
        return [s for s in known if s in self.stages]


@dataclass(frozen=True, kw_only=True, eq=False)
class ResponseFit:
    """A fitted response model.

    Parameters
    ----------
    model : ResponseModel
        Its settings.
    scale : ScoreScale
        Scale of the answers.
    design : Design
        How columns became terms.
    stages : mapping of str to StageFit
        One fit a stage.
    patterns : pandas.DataFrame
        Combinations of covariates, stages and answer with their ``count`` and ``propensity``.
    answer : str
        Column of the answers.
    """

    model: ResponseModel
    scale: ScoreScale = field(repr=False)
    design: Design = field(repr=False)
    stages: Mapping[str, Any] = field(repr=False)
    patterns: pd.DataFrame = field(repr=False)
    answer: str

    def coefficients(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the coefficients of every stage.

        Parameters
        ----------
        prob : float, default 0.9
            Mass of the intervals.

        Returns
        -------
        pandas.DataFrame
            ``stage, term, estimate`` (log-odds; numbers by standard deviation), ``std_error,
            conf_low, conf_high, conf_level, n``. A stage that everybody passed has no rows.
        """
        z = float(stats.norm.ppf((1 + check_prob(prob)) / 2))
        tables = [
            _coefficient_table(name, stage.logit, stage.n, z)
            for name, stage in self.stages.items()
            if stage.logit is not None
        ]
        columns = ["stage", "term", "estimate", "std_error", "conf_low", "conf_high", "n"]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
        table.insert(6, "conf_level", prob)
        return table

    def predict(self, frame: Any) -> np.ndarray:
        """Return everybody's probability of an answer.

        Parameters
        ----------
        frame : frame
            With the columns of the model; any engine that keeps row order.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Between 0 and 1.

        Raises
        ------
        UnseenLevelError
            If a column has a level that the fit never met.
        """
        table = self.design.collect(frame)
        x, groups = self.design.matrix(table), self.design.group_codes(table)
        return np.prod([stage.predict(x, groups) for stage in self.stages.values()], axis=0)

    def weights(self, frame: Any) -> np.ndarray:
        """Return the weight that everybody has if they answer.

        Parameters
        ----------
        frame : frame
            With the columns of the model.

        Returns
        -------
        numpy.ndarray, shape (n,)
            1 / propensity, cut at ``weight_cap``. Use those of the rows with an answer.
        """
        return np.minimum(1 / self.predict(frame), self.weight_cap)

    @property
    def weight_cap(self) -> float:
        """Largest weight that is allowed: the ``trim`` quantile among respondents."""
        if self.model.trim == 1:
            return float("inf")
        answered = self._answered()
        w, n = 1 / answered["propensity"].to_numpy(), answered["count"].to_numpy()
        order = np.argsort(w)
        share = np.cumsum(n[order]) / n.sum()
        place = min(int(np.searchsorted(share, self.model.trim - 1e-12)), w.size - 1)
        return float(w[order][place])

    def diagnostics(self) -> dict[str, float]:
        """Say what the weights cost.

        Returns
        -------
        dict
            ``n_invited, n_answered, max_weight`` (after trimming), ``max_weight_raw,
            n_trimmed, n_eff, smallest_propensity, worst_smd`` (absolute, after weighting).
        """
        answered, cap = self._answered(), self.weight_cap
        n, raw = answered["count"].to_numpy(), 1 / answered["propensity"].to_numpy()
        w = np.minimum(raw, cap)
        smd = self.balance()["smd_after"].abs()
        return {
            "n_invited": float(self.patterns["count"].sum()),
            "n_answered": float(n.sum()),
            "max_weight": float(w.max()),
            "max_weight_raw": float(raw.max()),
            "n_trimmed": float(n[raw > cap * (1 + 1e-12)].sum()),
            "n_eff": float((n @ w) ** 2 / (n @ w**2)),
            "smallest_propensity": float(self.patterns["propensity"].min()),
            "worst_smd": float(smd.max()) if len(smd) else 0.0,
        }

    def balance(self) -> pd.DataFrame:
        """Compare respondents with everybody, before and after weighting.

        Returns
        -------
        pandas.DataFrame
            One row a term: ``term, everybody, respondents, weighted`` (means; numbers in standard
            deviations), ``smd_before, smd_after`` (difference to everybody in standard deviations)
            and ``balanced`` (after weighting below .1).
        """
        x = self.design.matrix(self.patterns)[:, 1:]
        n = self.patterns["count"].to_numpy()
        given = self.patterns[self.answer].notna().to_numpy()
        w = n * given * np.minimum(1 / self.patterns["propensity"].to_numpy(), self.weight_cap)
        means = [weights @ x / weights.sum() for weights in (n, n * given, w)]
        sd = np.sqrt(np.maximum(n @ (x - means[0]) ** 2 / n.sum(), 1e-300))
        before, after = (means[1] - means[0]) / sd, (means[2] - means[0]) / sd
        columns = {"term": self.design.names[1:], "everybody": means[0], "respondents": means[1]}
        columns |= {"weighted": means[2], "smd_before": before, "smd_after": after}
        return pd.DataFrame(columns | {"balanced": np.abs(after) < _LARGE_SMD})

    def score(
        self,
        *,
        method: str = "dr",
        statistic: str = "score",
        top: int | None = None,
        prob: float = 0.9,
    ) -> pd.DataFrame:
        """Estimate the score of everybody who was invited.

        Parameters
        ----------
        method : {"dr", "ipw"}
            Doubly robust, with a linear regression of the answers on the covariates; or the
            weighted mean of the respondents.
        statistic : {"score", "top_box", "mean", "net"}
            What is estimated.
        top : int, optional
            Boxes for ``"top_box"`` and ``"net"``.
        prob : float, default 0.9
            Mass of the normal interval.

        Returns
        -------
        pandas.DataFrame
            One row: ``method, estimate, std_error, conf_low, conf_high, conf_level, n,
            n_invited, n_eff`` and ``respondents``, the uncorrected score.

        Raises
        ------
        ConfigError
            For an unknown method or statistic.

        Notes
        -----
        Missing at random given the covariates; the doubly robust mean is right if either the
        response model or the regression is. The standard error of the weighted mean accounts for
        estimated propensities (not for group effects); that of the doubly robust mean takes
        them as known, which makes no difference in large samples if both models are right.
        """
        chosen = statistic_of(self.scale, statistic, top)
        count = self.patterns["count"].to_numpy()
        codes, given = self._codes()
        values = np.where(given, chosen.values[codes], 0.0)
        pi = np.maximum(self.patterns["propensity"].to_numpy(), 1 / self.weight_cap)
        if method == "dr":
            predicted = predict_values(self.design.matrix(self.patterns), values, count * given)
        elif method == "ipw":
            w = count * given / pi
            predicted = np.full(count.size, w @ values / w.sum())
        else:
            raise ConfigError(f"method is {method!r}; expected 'dr' or 'ipw'.")
        estimate, error = doubly_robust_moments(values, given, pi, predicted, count)
        if method == "ipw":
            influence = np.where(given, (values - estimate) / pi, 0.0)
            error = error_after_projection(influence, self._stage_scores(), count)
        half = float(stats.norm.ppf((1 + check_prob(prob)) / 2)) * error
        low, high = chosen.limits
        row = {"method": method, "estimate": estimate, "std_error": error}
        row |= {"conf_low": max(estimate - half, low), "conf_high": min(estimate + half, high)}
        row |= {"conf_level": prob, "n": int((count * given).sum()), "n_invited": int(count.sum())}
        row |= {"n_eff": self.diagnostics()["n_eff"]}
        raw = float((count * given) @ values / (count * given).sum())
        return pd.DataFrame([row | {"respondents": raw}])

    def _stage_scores(self) -> np.ndarray:
        """Differentiate the log-likelihood of each pattern by the terms of all stages."""
        x, groups = self.design.matrix(self.patterns), self.design.group_codes(self.patterns)
        reached, parts = np.ones(len(x), dtype=bool), [np.zeros((len(x), 0))]
        for name, stage in self.stages.items():
            passed = reached & (self.patterns[name].to_numpy() == 1)
            if stage.logit is not None:
                parts.append(((passed - stage.predict(x, groups)) * reached)[:, None] * x)
            reached = passed
        return np.hstack(parts)

    def _answered(self) -> pd.DataFrame:
        return self.patterns[self.patterns[self.answer].notna()]

    def _codes(self) -> tuple[np.ndarray, np.ndarray]:
        answers = self.patterns[self.answer].to_numpy(dtype=float, na_value=np.nan)
        given = ~np.isnan(answers)
        steps = np.where(given, (answers - self.scale.low) / self.scale.step, 0)
        return np.round(steps).astype(int), given


def _patterns(wave: SurveyWave, stages: list[str], columns: list[str]) -> pd.DataFrame:
    """Count everybody by covariates, stages and answer, in the engine of the frame."""
    opened = wave.open()
    check_covariates(opened, columns)
    check_by(columns, wave)
    table = stage_patterns(wave, columns, stages=stages, with_answer=True)
    table[ANSWERED] = (table[ANSWERED] > 0).astype(int)
    early = (table[ANSWERED] == 1) & (table[stages] != 1).any(axis=1)
    if early.any():
        raise DataError(
            f"{table.loc[early, 'count'].sum():.0f} answers come from people who did not pass all "
            f"of {stages}; leave out the last stage by stages=[...] if partial answers count."
        )
    return table


def _coefficient_table(stage: str, fit: LogitFit, n: int, z: float) -> pd.DataFrame:
    error = np.sqrt(np.diag(fit.covariance))
    columns = {"stage": stage, "term": fit.names, "estimate": fit.coefficients, "std_error": error}
    columns |= {"conf_low": fit.coefficients - z * error, "conf_high": fit.coefficients + z * error}
    return pd.DataFrame(columns | {"n": n})
