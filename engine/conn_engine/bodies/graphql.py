"""GraphQL requests: an operation's text and its variables, as JSON. The rules of `failures` interpret a response's
`errors`."""

import re
from typing import Any

from conn_engine.bodies.json_text import encode_json
from conn_engine.errors import ConfigurationError

__all__ = ["encode_graphql", "is_read_only"]

_COMMENT = re.compile(r"#[^\n]*")
_WRITING = re.compile(r"\b(?:mutation|subscription)\b")
_KEYS = ("query", "variables", "operationName", "extensions")


def is_read_only(body: Any) -> bool:
    """Return whether a configured body is a GraphQL operation that changes nothing: its text is known and has no
    mutation.

    A string with templates may be anything.
    """
    text = body.get("query") if isinstance(body, dict) else None
    return isinstance(text, str) and "{{" not in text and _WRITING.search(_COMMENT.sub("", text)) is None


def encode_graphql(data: Any) -> bytes:
    """Return the JSON of `{query, variables, operationName, extensions}`. Raises ConfigurationError for anything
    else."""
    if not isinstance(data, dict) or not isinstance(data.get("query"), str) or not data["query"].strip():
        raise ConfigurationError(
            "a GraphQL body must be an object with the operation's text in `query`",
            hint='write it like this: body: {query: "query($id: ID!) { item(id: $id) { name } }", '
            'variables: {id: "{{id}}"}}',
        )
    unknown = [key for key in data if key not in _KEYS]
    if unknown:
        raise ConfigurationError(
            f"a GraphQL body has no key {unknown[0]!r}; its keys are {', '.join(_KEYS)}",
            hint="move values that the operation uses to `variables`",
        )
    if not isinstance(data.get("variables", {}), dict | None):
        raise ConfigurationError(
            "`variables` of a GraphQL body must be an object, by variable name",
            hint='write it like variables: {id: "{{id}}"}',
        )
    return encode_json({key: value for key, value in data.items() if value is not None})
