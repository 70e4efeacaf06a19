"""Fit the SFO survey of 2017 with the ordered models of statsmodels and store what they say.

    CXIMPACT_DATA=... uv run --with statsmodels python scripts/golden_ordered_model.py

Maximum likelihood of `statsmodels.miscmodels.ordinal_model.OrderedModel`, by BFGS and then Newton;
standard errors from the observed information. The test fits the same answers under flat priors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from statsmodels import __version__
from statsmodels.miscmodels.ordinal_model import OrderedModel

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.sfo import COVARIATES, ordinal_frame  # noqa: E402


def fitted(link: str) -> dict[str, object]:
    """Fit one link; slopes are for standardized covariates."""
    frame = ordinal_frame()
    answered = frame.dropna(subset="overall")
    x = (answered[list(COVARIATES)] - frame[list(COVARIATES)].mean()) / frame[list(COVARIATES)].std(
        ddof=0
    )
    model = OrderedModel(answered["overall"].astype(int), x, distr=link)
    start = model.fit(method="bfgs", disp=False, maxiter=500).params
    fit = model.fit(start_params=start, method="newton", disp=False)
    n = len(COVARIATES)
    raw = fit.params.to_numpy()
    cuts = np.cumsum(np.concatenate([raw[n : n + 1], np.exp(raw[n + 1 :])]))
    jacobian = np.eye(len(raw))
    for j in range(len(cuts)):
        jacobian[n + j, n + 1 : n + 1 + j] = np.exp(raw[n + 1 : n + 1 + j])
        jacobian[n + j, n] = 1.0
    covariance = jacobian @ fit.cov_params().to_numpy() @ jacobian.T
    error = np.sqrt(np.diag(covariance))
    return {
        "slope": raw[:n].tolist(),
        "slope_se": error[:n].tolist(),
        "cuts": cuts.tolist(),
        "cuts_se": error[n:].tolist(),
        "log_likelihood": float(fit.llf),
        "n": len(answered),
    }


def main() -> None:
    """Write the file."""
    out = {
        "source": f"statsmodels {__version__} OrderedModel, scripts/golden_ordered_model.py",
        "covariates": list(COVARIATES),
        "logit": fitted("logit"),
        "probit": fitted("probit"),
    }
    path = ROOT / "tests" / "golden" / "ordered_model_sfo.json"
    path.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
