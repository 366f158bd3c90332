"""The workspace under attack as a fixture (see `attack`)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[1] / "hostile"))

from attack import Site, World, serve


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    vendor, stranger = Site(), Site()
    servers = [serve(vendor), serve(stranger)]
    yield World(tmp_path, vendor, stranger)
    for server in servers:
        server.shutdown()
        server.server_close()
