"""Format connector.yaml and README.md. The same data always gives the same text."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import lookup
from conn_engine.config.inheritance import resolve_settings
from conn_engine.documents import dump_yaml
from conn_engine.documents.markdown import END_OF_GENERATED, GENERATED
from conn_import.condensing import condense
from conn_import.contract import FinishedConnector, Where
from conn_import.folding import fold_losses
from conn_import.webhook_draft import format_webhook_draft
from conn_import.words import clean_text, to_comment

__all__ = ["format_connector", "format_inline", "format_readme"]

SCHEMA = "# yaml-language-server: $schema=../../schemas/connector.schema.json"
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./{}-]*(?: [A-Za-z0-9(][A-Za-z0-9_./(),-]*)*")
_URL = re.compile(r"https?://[A-Za-z0-9_./%~{}-]+")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_FLOW = re.compile(r"[{}\[\],]")
_WIDTH = 108
_INLINE_WIDTH = 100
_INLINE_VALUES = 5
_INLINE_LEVELS = 2
_OPERATION = 3
"""The length of the path of an operation."""
_MOST_ROWS = 2_000
_NEEDED = re.compile(r"\{\{(?:query\.)?([A-Za-z_]\w*)\}\}")
_FROM_ENV = re.compile(r"\{\{\s*env\.([A-Za-z0-9_]+)\s*\}\}")


def format_connector(connector: FinishedConnector, name: str, file: str) -> str:
    """Format connector.yaml. A summary of what was not imported is at its top; the README has the complete list.
    Webhooks are a comment at its end."""
    lines = [SCHEMA, *_format_head(connector, file), ""]
    data, notes = condense(connector.data, connector.notes)
    for key, value in data.items():
        if key in (
            "base_url",
            "credentials",
            "signature",
            "rate_limit",
            "pagination",
            "verify",
            "resources",
            "fields",
            "headers",
            "response_path",
            "incremental",
        ):
            lines.append("")
        lines += _format_pair(key, value, (key,), 0, notes)
    if connector.webhooks is not None:
        lines += ["", *format_webhook_draft(connector.webhooks, name)]
    return "\n".join(_collapse_blanks(lines)) + "\n"


def _format_head(connector: FinishedConnector, file: str) -> Iterator[str]:
    operations = _count(len(connector.operations), "operation")
    yield f"# Imported from {to_comment(file, 120)} ({connector.format}): {operations}."
    if _has_guesses(connector):
        yield '# Values with the comment "guess" were inferred from names and schemas. Try them before you use them.'
    if connector.left:
        yield f"# {_count(connector.left, 'operation')} left out (--only)."
    if connector.unused:
        models = to_comment(" and ".join(connector.proposed))
        yield f"# {_count(len(connector.unused), 'operation')} left out: the mapping to {models} does not use them."
        yield "# README.md lists them and says how to import them."
    if not len(connector.losses):
        is_partial = connector.left or connector.unused
        yield "# Everything else was imported." if is_partial else "# Everything was imported."
        return
    yield "#"
    lines = fold_losses(connector.losses)
    is_complete = lines == [f"{what}: {', '.join(places)}" if places else what for what, places in connector.losses]
    yield f"# Not imported{'' if is_complete else ' (README.md lists every place)'}:"
    for text in lines:
        yield from textwrap.wrap(
            to_comment(text, len(text) + 1), _WIDTH, initial_indent="# - ", subsequent_indent="#   ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def _has_guesses(connector: FinishedConnector) -> bool:
    return any(note.startswith("guess") for note in connector.notes.values())


def _collapse_blanks(lines: list[str]) -> Iterator[str]:
    before = "x"
    for line in lines:
        if line or before:
            yield line
        before = line


def _format_pair(key: str, value: Any, path: Where, depth: int, notes: Mapping[Where, str]) -> Iterator[str]:
    indent = "  " * depth
    note = notes.get(path)
    beside = f" # {to_comment(note)}" if note else ""
    line = f"{indent}{format_scalar(key)}: {format_inline(value)}"
    if _may_be_inline(value, path, notes) and len(line) <= _INLINE_WIDTH:
        yield f"{line}{beside}"
    elif isinstance(value, Mapping) and value:
        yield f"{indent}{format_scalar(key)}:{beside}"
        for n, (name, inner) in enumerate(value.items()):
            if path == ("resources",) and n:
                yield ""
            yield from _format_pair(str(name), inner, (*path, str(name)), depth + 1, notes)
    elif isinstance(value, list) and value:
        yield f"{indent}{format_scalar(key)}:{beside}"
        yield from _format_items(value, depth + 1)
    else:
        yield f"{indent}{format_scalar(key)}: {format_scalar(value)}{beside}"


def _may_be_inline(value: Any, path: Where, notes: Mapping[Where, str]) -> bool:
    """Return whether a value may be on the line of its key: it is small, and there is no comment in it. Resources and
    what they contain start on lines of their own."""
    if path[:1] == ("resources",) and len(path) < _OPERATION:
        return False
    return _is_small(value) and not any(path and place[: len(path)] == path and place != path for place in notes)


def _is_small(value: Any) -> bool:
    is_container = isinstance(value, Mapping | list) and bool(value)
    return is_container and _count_values(value) <= _INLINE_VALUES and _count_levels(value) <= _INLINE_LEVELS


def _count_values(value: Any) -> int:
    items = value.values() if isinstance(value, Mapping) else value
    return sum(map(_count_values, items)) if isinstance(value, Mapping | list) else 1


def _count_levels(value: Any) -> int:
    items = value.values() if isinstance(value, Mapping) else value
    return 1 + max(map(_count_levels, items), default=0) if isinstance(value, Mapping | list) else 0


def format_inline(value: Any) -> str:
    """Format a value for one line, in the flow style of YAML."""
    if isinstance(value, Mapping) and value:
        pairs = (f"{format_inline(str(key))}: {format_inline(inner)}" for key, inner in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list) and value:
        return f"[{', '.join(map(format_inline, value))}]"
    return _quote(value) if isinstance(value, str) and _FLOW.search(value) else format_scalar(value)


def _format_items(items: list[Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for item in items:
        line = f"{indent}- {format_inline(item)}"
        if _is_small(item) and _count_values(item) > 1 and len(line) <= _INLINE_WIDTH:
            yield line
        elif isinstance(item, Mapping) and item:
            lines = [line for key, inner in item.items() for line in _format_pair(str(key), inner, (), depth + 1, {})]
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        else:
            yield f"{indent}- {format_scalar(item)}"


def format_scalar(value: Any) -> str:
    """Format a value on one line, with quotes if a YAML 1.1 or 1.2 parser could misread it."""
    if isinstance(value, str):
        simple = (_PLAIN.fullmatch(value) or _URL.fullmatch(value)) and value.lower() not in _WORDS
        return value if simple and len(value) < 1000 else _quote(value)
    if isinstance(value, Mapping | list):
        return "{}" if isinstance(value, Mapping) else "[]"
    return dump_yaml([value])[2:].strip() if isinstance(value, float) else json.dumps(value)


def _quote(text: str) -> str:
    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    quoted = json.dumps(clean, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda c: f"\\u{ord(c[0]):04x}", quoted)


def format_readme(connector: FinishedConnector, name: str, file: str) -> str:
    """Format README.md: the source, how to connect an account, the operations, and what was not imported."""
    guesses = (
        ""
        if connector.bare or not _has_guesses(connector)
        else " Record paths and pagination are guesses: check those with the comment `guess`."
    )
    missing = " See [what is missing](#not-imported)." if len(connector.losses) else ""
    operations = _count(len(connector.operations), "operation")
    rows = [
        f"# {_to_cell(connector.title or name)}",
        "",
        GENERATED,
        "",
        f"Imported from `{_to_cell(file)}` ({connector.format}) by `conn import`: "
        f"{operations} in {_count(connector.resources, 'resource')}.{guesses}{missing}",
        "",
        "## Connect",
        "",
        *_format_connect(connector.data, name),
        "",
        "## Next",
        "",
        *_format_next_steps(connector, name, guesses=bool(guesses)),
        "",
    ]
    if connector.operations:
        rows += ["## Operations", "", "| operation | request |", "|---|---|"]
        for operation, request in connector.operations[:_MOST_ROWS]:
            method, _, path = request.partition(" ")
            rows.append(f"| `{operation}` | `{method} {_to_cell(path)}` |")
        if len(connector.operations) > _MOST_ROWS:
            rows.append(f"| … | {len(connector.operations) - _MOST_ROWS} more, in connector.yaml |")
        rows.append("")
    rows += _format_unused(connector)
    if len(connector.losses):
        rows += ["## Not imported", ""]
        for what, places in connector.losses:
            fix = connector.losses.find_fix(what)
            instead = f". Write this instead: {fix}." if fix else ""
            rows.append(f"- {_to_cell(what)}{f': {_format_places(places)}' if places else ''}{instead}")
        rows.append("")
    return "\n".join([*rows, END_OF_GENERATED]) + "\n"


def _format_unused(connector: FinishedConnector) -> list[str]:
    """Format the operations that no proposed mapping uses, by resource, and how to import them."""
    if not connector.unused:
        return []
    resources: dict[str, list[str]] = {}
    for operation, _ in connector.unused:
        resource, _, method = operation.partition(".")
        resources.setdefault(resource, []).append(method)
    imported = " ".join(f"--only {name}" for name in connector.data["resources"])
    return [
        "## Left out",
        "",
        f"The mapping to {_to_cell(' and '.join(connector.proposed))} does not use these "
        f"{_count(len(connector.unused), 'operation')}. To import more, repeat the command with `--force`, which "
        "replaces what it created, and:",
        "",
        "- `--only '*'` for everything, or",
        f"- `{imported} --only {next(iter(resources))}`, with a `--only` for each resource that you need.",
        "",
        "| resource | operations |",
        "|---|---|",
        *(f"| `{resource}` | {', '.join(f'`{one}`' for one in methods)} |" for resource, methods in resources.items()),
        "",
    ]


def _format_places(places: list[str]) -> str:
    shown = ", ".join(f"`{_to_cell(place)}`" for place in places[:_MOST_ROWS])
    return shown if len(places) <= _MOST_ROWS else f"{shown} and {len(places) - _MOST_ROWS} more"


def _count(number: int, text: str) -> str:
    return f"{number} {text}" if number == 1 else f"{number} {text}s"


def _format_next_steps(connector: FinishedConnector, name: str, *, guesses: bool) -> list[str]:
    rows = [
        f"1. Run `conn lint`. Create an account: a file accounts/ACCOUNT.yaml with `connector: {name}` in it. "
        "`conn auth login ACCOUNT` stores its credential."
    ]
    if connector.bare:
        rows.append(
            "2. Add the operations you need under `resources` in connector.yaml. The document has no operations."
        )
    else:
        if first := _choose_first_try(connector):
            rows[0] += " Then"
            rows.append(f"   `conn run {first} --account ACCOUNT --raw --dry-run` shows a request.")
        rows.append(f"2. {_CHECK_GUESSES if guesses else _CHECK}")
    return [
        *rows,
        "3. Run `conn record OPERATION --account ACCOUNT` to record real responses. Then map them in `unified/`.",
    ]


def _choose_first_try(connector: FinishedConnector) -> str:
    """Choose the operation to try first: the one that verifies the credential, or a read with the fewest values. Values
    are placeholders. Returns "" if all operations write."""
    reads = [name for name, _ in connector.operations if _is_read(_get_settings(connector, name))]
    verify = connector.data.get("verify")
    verify = verify.get("operation") if isinstance(verify, Mapping) else verify
    if verify in reads:
        return str(verify)
    needs = {name: _find_needed_values(_get_settings(connector, name)) for name in reads}
    first = min(reads, key=lambda name: len(needs[name]), default="")
    return " ".join([first, *(f"-p {name}={name.upper()}" for name in needs.get(first, ()))])


def _get_settings(connector: FinishedConnector, name: str) -> Mapping[str, Any]:
    resource, _, method = name.partition(".")
    is_known = isinstance(lookup(connector.data, ("resources", resource, method)), Mapping)
    return resolve_settings(connector.data, resource, method) if is_known else {}


def _is_read(operation: Mapping[str, Any]) -> bool:
    default = str(operation.get("method", "")).upper() not in ("GET", "HEAD")
    return bool(operation) and operation.get("writes", default) is False


def _find_needed_values(operation: Mapping[str, Any]) -> list[str]:
    """The values that the caller gives: in the path and the query."""
    text = f"{operation.get('path', '')} {operation.get('query', '')}"
    return list(dict.fromkeys(_NEEDED.findall(text)))


_CHECK_GUESSES = (
    "Check the values with the comment `guess` in connector.yaml, in the vendor's documentation or with an account."
)
_CHECK = "Try the operations you need with an account."
_CREDENTIALS = {
    "none": "The document has no credential. If the vendor requires one, set `credentials` and `authorization`.",
    "api_key": "An account needs an API key.",
    "bearer": "An account needs an access token.",
    "basic": "An account needs a user name and a password.",
    "oauth2": "An account needs a person's consent (OAuth 2).",
    "oauth2_client_credentials": "An account needs a client ID and a client secret (OAuth 2).",
    "oauth2_password": "An account needs a user name and a password (OAuth 2).",
    "session": "An account logs in with a vendor-specific request.",
    "jwt_bearer": "An account needs a key that signs its token requests.",
    "choice": "An account needs one of several kinds of credentials.",
}


def _format_connect(data: Mapping[str, Any], name: str) -> list[str]:
    kind = data["credentials"]["format"]
    what = _CREDENTIALS.get(kind, f"An account needs credentials with the format `{kind}`.")
    config = data["credentials"].get("config", {})
    if config.get("required", config.get("username_required")) is False:
        what = f"{what} It is optional."
    rows = [what if kind == "none" else f"{what} `conn auth login ACCOUNT` asks for it."]
    names = [
        match[1] for key in ("client_id", "client_secret") if (match := _FROM_ENV.search(str(config.get(key, ""))))
    ]
    if names:
        rows.append(
            f"The app's identity is read from the environment variables {', '.join(f'`{one}`' for one in names)}."
        )
    fields = [row for row in data.get("fields", []) if not row.get("secret")]
    if fields:
        rows += ["", f"An account of `{name}` sets under `context`:", ""]
        rows += [f"- `{row['name']}` {_to_cell(row.get('description', ''))}".rstrip() for row in fields]
    return rows


def _to_cell(text: str) -> str:
    """Escape text so that it stays inside its table cell or code span."""
    return clean_text(text, 300).replace("|", "\\|").replace("`", "'")
