"""Every test that takes `evaluator` runs under each evaluator there is."""

from collections.abc import Iterator

import pytest
from evaluating import use


@pytest.fixture(params=["jlens", "jsonata-python"])
def evaluator(request: pytest.FixtureRequest) -> Iterator[str]:
    with use(request.param):
        yield request.param
