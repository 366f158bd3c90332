"""Processes that are killed: for `make chaos` and `make nightly`."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """The long ones are for the night."""
    config.addinivalue_line("markers", "nightly: takes long by its nature; `make nightly` runs it too")
