"""What goes into the latent score: the settings that say which terms a model has."""

from __future__ import annotations

from dataclasses import dataclass

from cximpact.core.errors import ConfigError, join_names

PERIOD_MODELS = ("random_walk", "local_trend", "exchangeable", "none")
STYLE_KINDS = ("shift", "scale")


@dataclass(frozen=True, kw_only=True, eq=False)
class Spec:
    """Which columns enter the latent score, and how.

    Parameters
    ----------
    factors : tuple of str
        Columns with exchangeable levels that are all listed.
    open : tuple of str
        Those of ``factors`` whose levels are a sample of many, such as agents.
    interactions : tuple of tuple of str
        Pairs (or more) of ``factors`` and the period.
    period : str or None
        Column of the period.
    period_model : {"random_walk", "local_trend", "exchangeable", "none"}
        How periods are related.
    covariates : tuple of str
        Numeric columns with a linear effect.
    style : str or None
        Column of the channel whose cutpoints differ.
    style_kind : {"shift", "scale"}
        Whether its cutpoints are shifted, or shifted and spread.
    reference : object
        Level of ``style`` at which scores are reported; None for the one with most answers.
    """

    factors: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    interactions: tuple[tuple[str, ...], ...] = ()
    period: str | None = None
    period_model: str = "random_walk"
    covariates: tuple[str, ...] = ()
    style: str | None = None
    style_kind: str = "shift"
    reference: object = None

    def __post_init__(self) -> None:
        known = self.main
        if strangers := [name for name in self.open if name not in self.factors]:
            raise ConfigError(f"open names {join_names(strangers)}, which is not among factors.")
        for pair in self.interactions:
            if len(pair) < 2 or len(set(pair)) < len(pair):
                raise ConfigError(f"interaction {pair}: expected at least two different columns.")
            if strangers := [name for name in pair if name not in known]:
                raise ConfigError(
                    f"interaction {pair} names {join_names(strangers)}, which has no effect of its "
                    f"own; the model has {join_names(known)}. Add it to factors."
                )
            if any(name in self.open for name in pair):
                raise ConfigError(f"interaction {pair} holds an open factor; list its levels.")
        if self.style is not None and self.style_kind == "shift" and self.style in self.factors:
            raise ConfigError(
                f"{self.style!r} is a factor and shifts the cutpoints: the two cannot be told "
                "apart. Leave it out of factors, or use style_kind='scale'."
            )

    @property
    def main(self) -> tuple[str, ...]:
        """Columns with an effect of their own."""
        return (*self.factors, *([self.period] if self.period else []))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that form the cells."""
        style = [self.style] if self.style and self.style not in self.main else []
        return (*self.main, *style, *self.covariates)

    @property
    def has_style_shift(self) -> bool:
        """Whether the style shifts the cutpoints by itself; a factor does that for it."""
        return self.style is not None and self.style not in self.factors
