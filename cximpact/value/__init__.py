"""Value: what one unit of behavior is worth, and effects turned into money."""

from cximpact.value.incremental import incremental
from cximpact.value.lifetime import RetentionClaim, geometric_lifetime, retention_claim
from cximpact.value.posterior import ValuePosterior
from cximpact.value.stated import fixed, from_quantiles, uncertain

__all__ = [
    "RetentionClaim",
    "ValuePosterior",
    "fixed",
    "from_quantiles",
    "geometric_lifetime",
    "incremental",
    "retention_claim",
    "uncertain",
]
