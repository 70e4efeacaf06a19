"""The graph that is true of the simulated contact center."""

from __future__ import annotations

from cximpact.effects.linkage.kpi import KpiGraph, KpiNode


def contact_center(**settings) -> KpiGraph:
    """Return the graph from outages to value."""
    effort = {"tenure": "linear", "hold": "log", "transfers": "linear", "resolved": "linear"}
    return KpiGraph(
        [
            KpiNode("tenure", level="context"),
            KpiNode("outage", level="technical"),
            KpiNode("hold", level="operational", parents={"outage": "log"}, family="lognormal"),
            KpiNode("transfers", level="operational", parents={"outage": "log"}, family="count"),
            KpiNode(
                "resolved", level="operational", parents=["transfers", "hold"], family="binary"
            ),
            KpiNode("effort", level="perceptive", parents=effort, family="ordinal"),
            KpiNode(
                "retained",
                level="strategic",
                parents=["effort", "resolved", "tenure"],
                family="binary",
            ),
            KpiNode(
                "value",
                level="outcome",
                rule={"retained": 180.0, "transfers": -4.0, "hold": -0.5},
                currency="EUR",
            ),
        ],
        **settings,
    )
