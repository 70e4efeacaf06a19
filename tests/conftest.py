"""What the tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# boosting in several processes at once: threads of each would wait for those of the others
os.environ.setdefault("OMP_NUM_THREADS", "1")
# the same examples every time; look for new ones with --hypothesis-profile=search
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("fixed")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share the whole suite out to the cores; a few files run faster in one process."""
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    return min(os.cpu_count() or 1, 4) if whole else 0


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the public data sets; without it a test of real data is skipped."""
    folder = os.environ.get("CXIMPACT_DATA")
    if not folder:
        pytest.skip("CXIMPACT_DATA is not set")
    return Path(folder)
