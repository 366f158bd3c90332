"""From command-line options to a `Call`: `--param`, `--body`, `--header`. No running."""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from conn_cli.console import App
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName
    from conn_engine.runtime.call import Call

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
    """The call of `--param k=v` options. `id` and names of the path go into the path, names that a template reads
    as `params.NAME` go there, names of parents choose among those, everything else is the query.

    Raises UsageError for a param without `=` and a body that is not JSON.
    """
    from conn_engine.expressions import template
    from conn_engine.runtime.call import Call

    pairs = dict(_pair(text) for text in params)
    names: set[str] = set()
    if name.kind == "vendor":
        vendor = effective.vendor(name.resource, name.method)
        names = {root for text, _ in template(vendor.path).expressions for root in _roots(text)}
        told = json.dumps([vendor.path, vendor.query, vendor.headers, vendor.body], default=str)
        names |= set(re.findall(r"\bparams\.([A-Za-z_][A-Za-z0-9_]*)", told))
    names |= _parents(effective, name)
    given = pairs.pop("id", None)
    identifier = None if isinstance(given, list) else given
    return Call(
        query={key: value for key, value in pairs.items() if key not in names},
        body=None if body is None else read_input(app, body),
        id=None if identifier is None else str(identifier),
        params={key: value for key, value in pairs.items() if key in names}
        | ({"id": given} if isinstance(given, list) else {}),
        cursor=cursor,
    )


def _parents(effective: "Effective", name: "OperationName") -> set[str]:
    from conn_engine.errors import ConfigurationError
    from conn_engine.runtime.partitions import partition_names
    from conn_engine.runtime.unified import vendor_behind

    try:
        return set(partition_names(effective, vendor_behind(effective, name)))
    except ConfigurationError:  # which operation it is, only the run can tell; what is wrong, the run tells too
        return set()


def _roots(text: str) -> set[str]:
    from conn_engine.expressions import expression

    return {str(root) for root in expression(text).roots() or ()}


def _pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise UsageError(
            f'--param "{text}" is not NAME=VALUE',
            hint='such as --param limit=5, or --param ids=\'["1","2"]\'',
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
    """JSON given as text, as `@file` (below the app's folder), or as `-` (standard input).

    Raises UsageError when it cannot be read or is not JSON.
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
                raise UsageError(f"{source} is larger than 64 MiB")
            text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise UsageError(f"{source} is empty, where JSON is needed", hint=hint)
        return json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error.strerror).lower() if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read {source}: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is not JSON: {error}", hint=hint) from error
