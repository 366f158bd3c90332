"""A multipart body as the language says it: files are the caller's, by the names of their fields; what is written in
JSON is said by an expression. Which fields these are is read by the formats."""

import json
from collections.abc import Iterator

from conn_engine.analysis.drift.contract import Endpoint
from conn_import.contract import Losses
from conn_import.words import plain, step

__all__ = ["body_of", "files_note"]

_MOST_SHOWN = 8


def files_note(endpoint: Endpoint) -> str:
    """Which fields are files, for people; "" when none is known."""
    names = endpoint.parts.files
    if not names:
        return ""
    more = ", …" if len(names) > _MOST_SHOWN else ""
    return f"files: {', '.join(plain(name, 40) for name in names[:_MOST_SHOWN])}{more}"


def body_of(endpoint: Endpoint, losses: Losses) -> str | None:
    """The `body`: the caller's, over the files that it must have, with its parts in JSON. None when it is the caller's
    as it is."""
    needed = [name for name in endpoint.parts.needed if _sayable(name)]
    files = ", ".join(f"{_text(name)}: {{'file': {_text(name)}}}" for name in needed)
    before = [f"{{{files}}}"] if files else []
    after = list(_json_parts(endpoint, losses))
    if not before and not after:
        return None
    return f"{{{{ $merge([{', '.join([*before, 'body ?: {}', *after])}]) }}}}"


def _json_parts(endpoint: Endpoint, losses: Losses) -> Iterator[str]:
    parts = endpoint.parts
    for name in (*parts.whole, *parts.each):
        if not _sayable(name):
            losses.add("parts in JSON whose names cannot be said", f"{endpoint.where}: {plain(name, 60)}")
            continue
        value = f"body.{step(name)}"
        made = f"{{'json': {value}}}" if name in parts.whole else f"[{value}.{{'json': $}}]"
        yield f"$exists({value}) ? {{{_text(name)}: {made}}}"


def _sayable(name: str) -> bool:
    return "`" not in name and "{" not in name and "}" not in name and name.isprintable()


def _text(name: str) -> str:
    return f"'{name}'" if "'" not in name and "\\" not in name else json.dumps(name)
