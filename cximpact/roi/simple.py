"""The two-number story, an exact special case of the full model."""

from __future__ import annotations

from dataclasses import dataclass

from cximpact.core.units import Change
from cximpact.core.validate import check_number
from cximpact.core.wording import format_number
from cximpact.roi.initiative import Initiative


@dataclass(frozen=True, kw_only=True)
class SimpleRoi:
    """Average value times customers at risk.

    Parameters
    ----------
    average_value : float
        Money per customer.
    at_risk : float
        Customers.
    """

    average_value: float
    at_risk: float

    def __post_init__(self) -> None:
        check_number(self.average_value, "average_value", low=0)
        check_number(self.at_risk, "at_risk", low=0)

    @property
    def loss(self) -> float:
        """Money that is lost if everyone at risk leaves."""
        return self.average_value * self.at_risk

    def adjusted(self, *, p_leave: float, save_rate: float) -> float:
        """Return what can be saved when not all leave and not all can be kept.

        Parameters
        ----------
        p_leave : float
            Probability that a customer at risk leaves, from 0 to 1.
        save_rate : float
            Share of those leaving who can be kept, from 0 to 1.

        Returns
        -------
        float
            Money.
        """
        leave = check_number(p_leave, "p_leave", low=0, high=1)
        return self.loss * leave * check_number(save_rate, "save_rate", low=0, high=1)

    def initiative(self, currency: str) -> Initiative:
        """Write the same story as a full initiative.

        Parameters
        ----------
        currency : str
            ISO 4217 code.

        Returns
        -------
        Initiative
            Everyone at risk would leave, everyone is kept, nothing is spent. Over one period
            without discounting its NPV is `loss`.
        """
        return Initiative(
            name="everyone at risk",
            n=self.at_risk,
            effect=Change(value=1.0, unit="pp"),
            mechanism="retention",
            value=self.average_value,
            currency=currency,
            baseline=0.0,
        )

    def explain(self) -> str:
        """Say what the product assumes.

        Returns
        -------
        str
            Two sentences.
        """
        return (
            f"{format_number(self.at_risk)} customers at risk times "
            f"{format_number(self.average_value)} each is {format_number(self.loss)}. That is what "
            "is saved only if every one of them would leave, every one can be kept, and keeping "
            "them is free; use .adjusted(p_leave=, save_rate=) and then a full initiative."
        )


def simple(average_value: float, at_risk: float) -> SimpleRoi:
    """Multiply average value by customers at risk.

    Parameters
    ----------
    average_value : float
        Money per customer.
    at_risk : float
        Customers.

    Returns
    -------
    SimpleRoi
        With ``.loss`` and ``.adjusted(...)``.
    """
    return SimpleRoi(average_value=average_value, at_risk=at_risk)
