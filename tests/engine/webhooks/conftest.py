"""Makes `desk` importable under every import mode, and the vendors' workspace once for all tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from desk import document, schemes, workspace


@pytest.fixture(scope="session")
def vendors(tmp_path_factory):
    """A workspace with a connector for each vendor."""
    root = tmp_path_factory.mktemp("vendors").resolve()
    return workspace(root, {name.replace("_", "-"): document(told) for name, told in schemes().items()})
