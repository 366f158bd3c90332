"""Form bodies (application/x-www-form-urlencoded)."""

from typing import Any
from urllib.parse import urlencode

from conn_engine.bodies.query import QueryFormat, flatten
from conn_engine.errors import ConfigurationError

__all__ = ["CONTENT_TYPE", "encode_form"]

CONTENT_TYPE = "application/x-www-form-urlencoded"


def encode_form(data: Any, form: QueryFormat | None = None) -> bytes:
    """Encode an object as a form: spaces as "+", lists and objects as `form` declares (default: repeated names and
    brackets), nulls left out. Raises ConfigurationError when `data` is not an object."""
    if not isinstance(data, dict):
        raise ConfigurationError(
            "a form body must be an object of fields",
            hint="make `body` an object, or set `body_format: json`",
        )
    return urlencode(flatten(data.items(), form)).encode("ascii")
