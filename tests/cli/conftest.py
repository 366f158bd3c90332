"""Makes `transcript` importable, and starts a vendor for a test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from vendor import Vendor, start_vendor

sys.path.insert(0, str(Path(__file__).parent))  # so that `transcript` is found under every import mode


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """The vendor's server."""
    with start_vendor() as made:
        yield made


@pytest.fixture
def stranger() -> Iterator[Vendor]:
    """A server of somebody else, which answers everything."""
    with start_vendor(lambda arrived: {"data": [], "access_token": "from-a-stranger-1"}) as made:
        yield made


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """A workspace with the skeleton connector `demo` and an account `me` of it."""
    from transcript import conn

    monkeypatch.chdir(tmp_path)
    assert conn(tmp_path, "new", "demo").code == 0
    (tmp_path / "accounts").mkdir(exist_ok=True)
    (tmp_path / "accounts/me.yaml").write_text("connector: demo\n")
    return tmp_path.resolve()
