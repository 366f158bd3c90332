"""Build a `Call` from the options `--param` and `--body`."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName
    from conn_engine.runtime.call import Call
    from conn_engine.runtime.parameters import Parameters

__all__ = ["build_call", "read_input"]

MAX_INPUT = 64 * 1024 * 1024


def build_call(
    app: App,
    effective: "Effective",
    name: "OperationName",
    *,
    params: Sequence[str],
    body: str | None,
    cursor: str | None = None,
) -> "Call":
    """Build the call of `--param NAME=VALUE` options.

    Raises UsageError for a name that a unified operation does not read, for a param without `=`, and for a body that is
    not JSON. A vendor operation sends any name; if it resembles a known one, a warning is printed.
    """
    from conn_engine.runtime.parameters import parameters

    pairs = dict(_parse_pair(text) for text in params)
    accepted = parameters(effective, name)
    _check_names(app, effective, name, accepted, {key: value for key, value in pairs.items() if key != "id"})
    return accepted.build_call(pairs, None if body is None else read_input(app, body), cursor)


def _check_names(
    app: App, effective: "Effective", name: "OperationName", accepted: "Parameters", pairs: Mapping[str, Any]
) -> None:
    """Raise UsageError for a name without effect, and warn about one that looks misspelled."""
    for name_given in accepted.unknown(pairs):
        near = accepted.suggest(name_given, pairs)
        if not accepted.open:
            candidates = sorted(accepted.names | accepted.query | {"id"})
            names = f"use one of: {', '.join(candidates)}"
            raw = f"for the vendor's parameters: conn run {effective.connector_name}:RESOURCE.METHOD"
            fix = "use --cursor" if name_given == "cursor" else near or f"{names}; {raw}"
            raise UsageError(f'{name.text} has no parameter "{name_given}"', hint=fix)
        if near and name.kind == "vendor":
            app.err(f'warning: "{name_given}" is sent to the vendor as a query parameter; {near}')


def _parse_pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise UsageError(
            f'--param "{text}" is not NAME=VALUE',
            hint='write it like --param limit=5, or --param ids=\'["1","2"]\'',
        )
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError("a --param is not UTF-8 text", hint="check the character set of the shell or the script")
    if value[:1] in "[{" or value in ("true", "false", "null"):
        try:
            return name, json.loads(value)
        except json.JSONDecodeError:
            return name, value
    return name, value


def read_input(app: App, text: str) -> Any:
    """Read JSON from a string, from `@FILE` below the current folder, or from standard input (`-`).

    Raises UsageError if it cannot be read or is not JSON.
    """
    source, hint = "the given text", "pass JSON text, @FILE with JSON in it, or - for standard input"
    try:
        if text == "-":
            source, text = "standard input", app.stdin.read(MAX_INPUT)
            hint = "pipe JSON into the command"
        elif text.startswith("@"):
            source, hint = text[1:], ""
            path = app.folder / source
            if path.stat().st_size > MAX_INPUT:
                raise UsageError(
                    f"{source} is larger than 64 MiB", hint="pass a smaller file, or send it with --file FIELD=PATH"
                )
            text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise UsageError(f"{source} is empty, but JSON is required", hint=hint)
        return json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error.strerror).lower() if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"cannot read {source}: {reason}",
            hint="correct the path or the permissions of the file, and save it as UTF-8",
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is not JSON: {error}", hint=hint) from error
