"""Whether imputed scores can be trusted: answers held out, predicted, and compared."""

from __future__ import annotations
