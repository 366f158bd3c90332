"""The short form of an imported connector, with its comments."""

from collections.abc import Mapping
from typing import Any

from conn_engine.config.models import Configuration
from conn_engine.config.short_form import expand, shorten
from conn_import.contract import Where

__all__ = ["condense"]


def condense(data: Mapping[str, Any], notes: Mapping[Where, str]) -> tuple[dict[str, Any], dict[Where, str]]:
    """Return the data of connector.yaml as people write it, and its comments by their places in it."""
    short = shorten(dict(data), Configuration)
    written = expand(short, Configuration)[1]
    return short, {tuple(map(str, written.find(place))): note for place, note in notes.items()}
