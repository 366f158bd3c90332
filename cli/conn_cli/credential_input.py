"""Read the parts of a credential: typed by a person, one on standard input, or several in a JSON object."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.auth import CredentialField

__all__ = ["ask_for", "describe_parts", "read_json", "read_one"]

_LONGEST = 1024 * 1024


def describe_parts(fields: "Sequence[CredentialField]") -> str:
    """Return an example of the JSON object that has these parts."""
    parts = [field for field in fields if field.required] or list(fields)
    return "{" + ", ".join(f'"{_short_name(field)}": "…"' for field in parts) + "}"


def ask_for(app: App, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    """Ask a person for one part after the other. Empty input leaves the part out."""
    values: dict[str, Any] = {}
    for field in fields:
        question = f"{field.label or field.name}{', @FILE' if field.lines else ''}"
        answer = app.ask(question if field.required else f"{question} (optional)", secret=field.secret)
        if answer:
            values[field.name] = _read_file(app, answer[1:]) if field.lines and answer.startswith("@") else answer
    return values


def read_one(app: App, account: str, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    """Read standard input as the one part that a credential must have.

    Raises UsageError if standard input is empty or cannot be the value, or if the credential needs several parts.
    """
    required = [field for field in fields if field.required]
    text = "" if app.stdin_is_terminal else app.stdin.read(_LONGEST).strip()
    if not text:
        raise UsageError(f'no credential given for "{account}"', hint=_describe_ways(account, fields))
    if len(required) != 1:
        names = ", ".join(_short_name(field) for field in required or fields)
        raise UsageError(
            f"standard input could be any part of the credential: {names}", hint=_describe_ways(account, fields)
        )
    (field,) = required
    data = _parse_json(text)
    if isinstance(data, dict):
        if {name for part in fields for name in (part.name, _short_name(part))} & data.keys():
            raise UsageError(
                "standard input is a JSON object, which needs --json", hint=f"conn auth login {account} --json < FILE"
            )
        text = json.dumps(data)  # the key of a service account
    elif "\n" in text and not field.lines:
        raise UsageError(
            f"standard input has several lines, but {_short_name(field)} has only one",
            hint=f"printf %s VALUE | conn auth login {account}",
        )
    return {field.name: text}


def read_json(app: App, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    """Read the parts from a JSON object, by their dotted names, nested, or by their last names (`access_token`)."""
    from conn_engine.testing.compare import leaves

    values = _parse_json(app.stdin.read(_LONGEST))
    if not isinstance(values, dict):
        raise UsageError("standard input is not a JSON object", hint=f"pass one such as {describe_parts(fields)}")
    names = {field.name for field in fields}
    texts = {  # a key that is itself a JSON document (of a service account) stays one text
        name: json.dumps(value) if name in names and isinstance(value, dict) else value
        for name, value in values.items()
    }
    leaf_values: Mapping[str, Any] = leaves(texts)
    short = {field.name: _short_name(field) for field in fields}
    return {
        name: leaf_values.get(name, leaf_values.get(last))
        for name, last in short.items()
        if name in leaf_values or last in leaf_values
    }


def _describe_ways(account: str, fields: "Sequence[CredentialField]") -> str:
    required = [field for field in fields if field.required]
    if len(required) == 1:
        return f"pass it on standard input: echo KEY | conn auth login {account}"
    return f"pass {describe_parts(fields)} on standard input: conn auth login {account} --json < FILE"


def _short_name(field: "CredentialField") -> str:
    return field.name.rpartition(".")[2]


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_file(app: App, name: str) -> str:
    """Read a key or certificate, which has several lines, from a file."""
    try:
        with (app.folder / name).expanduser().open(encoding="utf-8") as file:
            return file.read(_LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(
            f"cannot read the file {name}: {reason}", hint="correct the path, or paste the value instead of @FILE"
        ) from None
