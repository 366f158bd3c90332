"""Documents as the engine reads them, for assertions about what they mean."""

from typing import Any

from conn_engine.config.inheritance import resolve_settings
from conn_engine.config.merge import INHERITED_BY_LISTINGS
from conn_engine.config.models import Configuration
from conn_engine.config.short_form import expand
from conn_engine.documents import parse

__all__ = ["read_connector"]

_SPREAD = ("method", "path", *INHERITED_BY_LISTINGS)


def read_connector(text: str) -> dict[str, Any]:
    """Return the canonical data of a connector, in any form. Each operation has its method, its path
    and what only listings inherit."""
    data: dict[str, Any] = expand(parse(text, "connector.yaml").data, Configuration)[0]
    resources = data.get("resources", {})
    spread = {
        name: {method: _spread(data, name, method) for method, row in resource.items() if isinstance(row, dict)}
        for name, resource in resources.items()
    }
    return {key: value for key, value in {**data, "resources": spread}.items() if key not in INHERITED_BY_LISTINGS}


def _spread(data: dict[str, Any], resource: str, method: str) -> dict[str, Any]:
    own, resolved = data["resources"][resource][method], resolve_settings(data, resource, method)
    inner = {key: value for key, value in own.items() if key not in _SPREAD}
    return {**{key: resolved[key] for key in _SPREAD if key in resolved}, **inner}
