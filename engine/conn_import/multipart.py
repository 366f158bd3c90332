"""Multipart bodies: files come from the caller, by field name, and JSON parts are built by an expression. The formats
decide which fields these are."""

import json
from collections.abc import Iterator

from conn_engine.analysis.drift.contract import Endpoint
from conn_import.contract import Losses
from conn_import.words import clean_text, to_step

__all__ = ["build_body", "describe_files"]

_MOST_SHOWN = 8


def describe_files(endpoint: Endpoint) -> str:
    """Describe which fields are files, or return "" if none is known."""
    names = endpoint.parts.files
    if not names:
        return ""
    more = ", …" if len(names) > _MOST_SHOWN else ""
    return f"files: {', '.join(clean_text(name, 40) for name in names[:_MOST_SHOWN])}{more}"


def build_body(endpoint: Endpoint, losses: Losses) -> str | None:
    """Build `body`: the caller's body with its required files and JSON parts. None if the caller's body needs no
    change."""
    needed = [name for name in endpoint.parts.needed if _is_expressible(name)]
    files = ", ".join(f"{_quote(name)}: {{'file': {_quote(name)}}}" for name in needed)
    before = [f"{{{files}}}"] if files else []
    after = list(_build_json_parts(endpoint, losses))
    if not before and not after:
        return None
    return f"{{{{ $merge([{', '.join([*before, 'body ?: {}', *after])}]) }}}}"


def _build_json_parts(endpoint: Endpoint, losses: Losses) -> Iterator[str]:
    parts = endpoint.parts
    for name in (*parts.whole, *parts.each):
        if not _is_expressible(name):
            losses.add(
                "JSON parts whose names cannot be used in an expression", f"{endpoint.where}: {clean_text(name, 60)}"
            )
            continue
        value = f"body.{to_step(name)}"
        made = f"{{'json': {value}}}" if name in parts.whole else f"[{value}.{{'json': $}}]"
        yield f"$exists({value}) ? {{{_quote(name)}: {made}}}"


def _is_expressible(name: str) -> bool:
    return "`" not in name and "{" not in name and "}" not in name and name.isprintable()


def _quote(name: str) -> str:
    return f"'{name}'" if "'" not in name and "\\" not in name else json.dumps(name)
