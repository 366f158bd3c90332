"""Documents as the engine reads them, for assertions about what they mean."""

from typing import Any

from conn_engine.config.models import Configuration
from conn_engine.config.short_form import expand
from conn_engine.documents import parse

__all__ = ["read_connector"]


def read_connector(text: str) -> dict[str, Any]:
    """Return the canonical data of a connector, whichever form it is written in."""
    data: dict[str, Any] = expand(parse(text, "connector.yaml").data, Configuration)[0]
    return data
