"""Value: what one unit of behavior is worth, and effects turned into money."""

from cximpact.value.behaviors import by_behavior, combine
from cximpact.value.customer_value import customer_value
from cximpact.value.gamma_gamma import GammaGamma, SpendFit
from cximpact.value.incremental import incremental
from cximpact.value.lifetime import RetentionClaim, geometric_lifetime, retention_claim
from cximpact.value.posterior import ValuePosterior
from cximpact.value.purchase_fit import PurchaseFit
from cximpact.value.purchases import BetaGeoNBD, ParetoNBD
from cximpact.value.repurchase import (
    Cycle,
    StatedBias,
    observed_cycle,
    repurchase_segments,
    stated_against_observed,
)
from cximpact.value.retained import (
    effect_weighted_margin,
    pull_forward_share,
    retained_value,
)
from cximpact.value.retention_fit import RetentionFit
from cximpact.value.shifted_beta import ShiftedBetaGeometric
from cximpact.value.stated import fixed, from_quantiles, uncertain
from cximpact.value.transactions import PurchaseHistory, purchase_history

__all__ = [
    "BetaGeoNBD",
    "Cycle",
    "GammaGamma",
    "ParetoNBD",
    "PurchaseFit",
    "PurchaseHistory",
    "RetentionClaim",
    "RetentionFit",
    "ShiftedBetaGeometric",
    "SpendFit",
    "StatedBias",
    "ValuePosterior",
    "by_behavior",
    "combine",
    "customer_value",
    "effect_weighted_margin",
    "fixed",
    "from_quantiles",
    "geometric_lifetime",
    "incremental",
    "observed_cycle",
    "pull_forward_share",
    "purchase_history",
    "repurchase_segments",
    "retained_value",
    "retention_claim",
    "stated_against_observed",
    "uncertain",
]
