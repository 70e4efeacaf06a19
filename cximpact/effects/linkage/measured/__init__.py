"""What is measured with error: league tables of units, and covariates of known reliability."""

from __future__ import annotations

from cximpact.effects.linkage.measured.corrected import error_corrected
from cximpact.effects.linkage.measured.league import league_table
from cximpact.effects.linkage.measured.league_result import LeagueTable
from cximpact.effects.linkage.measured.misclassified import true_shares
from cximpact.effects.linkage.measured.parallel import reliability_of

__all__ = ["LeagueTable", "error_corrected", "league_table", "reliability_of", "true_shares"]
