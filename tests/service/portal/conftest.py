"""The portal of one service for the tests of a module."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "studio"))

from portal_bench import Portal, open_portal


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with open_portal(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One for several tests, which change nothing. A viewer has logged in, with `cookies`."""
    with open_portal(tmp_path_factory.mktemp("shared")) as opened:
        opened.log_in("portal:view")
        opened.cookies = dict(opened.client.cookies)
        yield opened
