"""GraphQL requests: an operation's text and its variables, as JSON. What an answer's `errors` mean is a rule of
`failures`."""

import re
from typing import Any

from conn_engine.bodies.json_text import encode_json
from conn_engine.errors import ConfigurationError

__all__ = ["encode_graphql", "only_asks"]

_COMMENT = re.compile(r"#[^\n]*")
_ACTING = re.compile(r"\b(?:mutation|subscription)\b")
_KEYS = ("query", "variables", "operationName", "extensions")


def only_asks(body: Any) -> bool:
    """Whether a configured body is a GraphQL operation that changes nothing: its text is there and names no mutation.

    A text that is filled in only when it is sent may be anything.
    """
    text = body.get("query") if isinstance(body, dict) else None
    return isinstance(text, str) and "{{" not in text and _ACTING.search(_COMMENT.sub("", text)) is None


def encode_graphql(data: Any) -> bytes:
    """The JSON of `{query, variables, operationName, extensions}`. Raises ConfigurationError for anything else."""
    if not isinstance(data, dict) or not isinstance(data.get("query"), str) or not data["query"].strip():
        raise ConfigurationError(
            "a GraphQL body is an object whose `query` is the operation's text",
            hint='such as body: {query: "query($id: ID!) { item(id: $id) { name } }", variables: {id: "{{id}}"}}',
        )
    other = [key for key in data if key not in _KEYS]
    if other:
        raise ConfigurationError(
            f"a GraphQL body has no {other[0]!r}; it has {', '.join(_KEYS)}",
            hint="values that the operation uses belong into `variables`",
        )
    if not isinstance(data.get("variables", {}), dict | None):
        raise ConfigurationError("`variables` of a GraphQL body is an object, by variable name")
    return encode_json({key: value for key, value in data.items() if value is not None})
