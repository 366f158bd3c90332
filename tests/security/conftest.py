"""The workspace under attack as a fixture (see `attack`)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1] / "hostile"))

from attack import World, start_answering


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with start_answering() as vendor, start_answering() as stranger:
        yield World(tmp_path, vendor, stranger)
