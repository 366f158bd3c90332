"""The parts of a credential as a person or a script gives them: typed, one on standard input, or as one JSON object."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.auth import CredentialField

__all__ = ["ask_for", "read_json", "read_one", "shape"]

_LONGEST = 1024 * 1024


def shape(fields: "Sequence[CredentialField]") -> str:
    """What the JSON object of these parts looks like."""
    wanted = [field for field in fields if field.required] or list(fields)
    return "{" + ", ".join(f'"{_short(field)}": "…"' for field in wanted) + "}"


def ask_for(app: App, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    """What a person types, one part after the other; what is left empty is left out."""
    values: dict[str, Any] = {}
    for field in fields:
        question = f"{field.label or field.name}{', @FILE' if field.lines else ''}"
        answer = app.ask(question if field.required else f"{question} (optional)", secret=field.secret)
        if answer:
            values[field.name] = _read_file(app, answer[1:]) if field.lines and answer.startswith("@") else answer
    return values


def read_one(app: App, account: str, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    """The one part that a credential must have, which is all of standard input.

    Raises UsageError when nothing comes, when it must have several, and for text that cannot be its value.
    """
    required = [field for field in fields if field.required]
    text = "" if app.stdin_is_terminal else app.stdin.read(_LONGEST).strip()
    if not text:
        raise UsageError(
            f"the credential of {account} is not given, and there is nobody to ask", hint=_ways(account, fields)
        )
    if len(required) != 1:
        names = ", ".join(_short(field) for field in required)
        raise UsageError(
            f"standard input could be any part of the credential, which has {names or 'no part that is required'}",
            hint=_ways(account, fields),
        )
    (field,) = required
    data = _json(text)
    if isinstance(data, dict):
        if {name for known in fields for name in (known.name, _short(known))} & data.keys():
            raise UsageError("standard input is a JSON object", hint=f"conn auth login {account} --json < FILE")
        text = json.dumps(data)  # the key of a service account
    elif "\n" in text and not field.lines:
        raise UsageError(
            f"standard input has several lines, and {_short(field)} is one",
            hint=f"printf %s VALUE | conn auth login {account}",
        )
    return {field.name: text}


def read_json(app: App, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    """The parts in a JSON object: by their dotted names, nested, or by their last name alone (`access_token`)."""
    from conn_engine.runtime.compare import leaves

    values = _json(app.stdin.read(_LONGEST))
    if not isinstance(values, dict):
        raise UsageError("standard input is not one JSON object", hint=f"such as {shape(fields)}")
    asked = {field.name for field in fields}
    texts = {  # a key that is a JSON document itself (of a service account) is kept as one text
        name: json.dumps(value) if name in asked and isinstance(value, dict) else value
        for name, value in values.items()
    }
    given: Mapping[str, Any] = leaves(texts)
    short = {field.name: _short(field) for field in fields}
    return {name: given.get(name, given.get(last)) for name, last in short.items() if name in given or last in given}


def _ways(account: str, fields: "Sequence[CredentialField]") -> str:
    required = [field for field in fields if field.required]
    if len(required) == 1:
        return f"echo KEY | conn auth login {account}; or --json < FILE, with {shape(fields)} in it"
    return f"conn auth login {account} --json < FILE, with {shape(fields)} in it"


def _short(field: "CredentialField") -> str:
    return field.name.rpartition(".")[2]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_file(app: App, name: str) -> str:
    """A key or certificate, which has lines that no question takes."""
    try:
        with (app.folder / name).expanduser().open(encoding="utf-8") as file:
            return file.read(_LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"the file {name} cannot be read: {reason}") from None
