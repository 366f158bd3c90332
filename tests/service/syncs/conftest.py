"""A workspace with a vendor of contacts, and a runner of its syncs without a queue."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).resolve().parents[2]))

from sync_bench import Bench, open_bench
from sync_channel import find_file, promote

from conn_engine.releases import ReleaseSource


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


@pytest.fixture
def source(bench: Bench) -> Iterator[ReleaseSource]:
    """The channel of a store, which serves the workspace as it is at first."""
    promote(bench)
    with ReleaseSource(find_file(bench), "production", check_milliseconds=0) as opened:
        yield opened
