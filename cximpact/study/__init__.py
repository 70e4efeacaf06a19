"""Studies: the whole chain from survey to money, declared in one file."""

from __future__ import annotations

from cximpact.study.read import parse_study, read_study
from cximpact.study.study import Study, StudyResult

__all__ = ["Study", "StudyResult", "parse_study", "read_study"]
