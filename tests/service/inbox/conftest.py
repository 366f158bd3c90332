"""A service with a connector that receives deliveries."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "http"))
sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).resolve().parents[2]))

from inbox_bench import InboxBench, open_inbox


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[InboxBench]:
    with open_inbox(tmp_path) as opened:
        yield opened
