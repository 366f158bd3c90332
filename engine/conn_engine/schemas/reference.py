"""Print the kinds of settings: Markdown tables for `docs/`, plain text for `conn explain`."""

import re

from conn_engine.schemas.kinds import Key, Kind, find_kinds

__all__ = [
    "find_references",
    "format_key_table",
    "format_reference",
    "format_strategy_table",
    "has_computed_texts",
    "list_kinds",
    "list_words",
]


def format_key_table(name: str) -> str:
    """Return the Markdown table of a kind's keys. Raises KeyError for an unknown kind."""
    kind = find_kinds()[name]
    if not kind.keys:
        return "No keys.\n"
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key in kind.keys:
        default = key.default if key.default in ("", "required") else f"`{_escape_cell(key.default)}`"
        rows.append(f"| `{key.name}` | {_escape_cell(key.type)} | {default} | {_escape_cell(_describe_key(key))} |")
    if kind.common:
        rows += ["", f"It also has the keys that formats of `{kind.common}` share."]
    return "\n".join(rows) + "\n"


def format_strategy_table(name: str) -> str:
    """Return the Markdown table of a union's formats. Raises KeyError for an unknown kind."""
    rows = [f"| `{name}: {{format: …}}` | |", "|---|---|"]
    for member in find_kinds()[name].formats:
        rows.append(f"| `{member.rpartition('.')[2]}` | {_escape_cell(_summarize(find_kinds()[member]))} |")
    return "\n".join(rows) + "\n"


def find_references(word: str) -> list[str]:
    """Return the kinds that a word can mean: the kind of that name, or kinds whose name ends with it, or keys of that
    name (as `kind#key`). Return an empty list if there is none."""
    kinds = find_kinds()
    if word in kinds:
        return [word]
    last = [name for name, kind in kinds.items() if name.rpartition(".")[2] == word or word in kind.others]
    if last:
        return last
    keyed = [(name, key) for name, kind in kinds.items() for key in kind.keys if word in (key.name, *key.aliases)]
    path, _, rest = word.rpartition(".")
    holder = path.removesuffix(".config")  # as reports name the place of a setting
    for name in (holder, *kinds[holder].formats) if holder in kinds else ():
        keyed += [(name, key) for key in kinds[name].keys if rest in (key.name, *key.aliases)]
    return [f"{name}#{key.name}" for name, key in keyed]


def list_words() -> list[str]:
    """Return every word to suggest for `find_references`: kinds, the last parts of their names, and keys, without the
    other spellings of keys."""
    kinds = find_kinds()
    keys = [key.name for kind in kinds.values() for key in kind.keys]
    return list(dict.fromkeys([*kinds, *(name.rpartition(".")[2] for name in kinds), *keys]))


def list_kinds() -> list[str]:
    """Return one line for each kind, formats below their union."""
    return [f"{name:<44} {_summarize(kind)}" for name, kind in find_kinds().items()]


def format_reference(reference: str) -> str:
    """Format one result of `find_references` as text for a terminal."""
    name, _, key_name = reference.partition("#")
    kind = find_kinds()[name]
    if key_name:
        return f"{name} · " + "\n".join(_format_key(key) for key in kind.keys if key.name == key_name)
    lines = [_format_title(kind), ""]
    lines += [f"  {member.rpartition('.')[2]:<26} {_summarize(find_kinds()[member])}" for member in kind.formats]
    if kind.formats and kind.keys:
        lines += ["", "keys that formats share:", ""]
    lines += [_format_key(key) for key in kind.keys]
    if kind.common:
        lines += ["", f"keys that formats of {kind.common} share:", ""]
        lines += [_format_key(key) for key in find_kinds()[kind.common].keys]
    if not kind.keys and not kind.formats and not kind.common:
        lines.append("no keys")
    return "\n".join(lines)


def has_computed_texts(found: str) -> bool:
    """Return whether one result of `find_references` describes templates or expressions."""
    name, _, wanted = found.partition("#")
    return any(key.is_computed and wanted in ("", key.name) for key in find_kinds()[name].keys)


def _format_title(kind: Kind) -> str:
    title = f"{kind.name} · {_summarize(kind)}" if kind.format else f"{kind.name} · {kind.meaning}"
    if not kind.format:
        return title
    union, _, tag = kind.name.rpartition(".")
    return f"{title}\n\n{union}: {f'{{format: {tag}, …}}' if kind.keys else tag}"


def _format_key(key: Key) -> str:
    note = "required" if key.default == "required" else f"default {_format_default(key.default)}" if key.default else ""
    head = f"{key.name}  ({key.type}{'; ' if note else ''}{note})"
    return f"{head}\n    {_describe_key(key)}"


def _format_default(default: str) -> str:
    """Format a default; spaces are quoted to be visible."""
    return default if default.strip() else f'"{default}"'


def _describe_key(key: Key) -> str:
    more = ["Advanced."] if key.is_advanced else []
    more += [key.meaning] if key.meaning else []
    if key.refers:
        more.append("See " + ", ".join(f"`{name}`" for name in key.refers) + ".")
    return " ".join(more)


def _summarize(kind: Kind) -> str:
    first = _take_first_sentence(kind.meaning)
    return f"Advanced. {first}" if kind.is_advanced else first


def _take_first_sentence(text: str) -> str:
    """Return the first sentence of a docstring."""
    return re.split(r"(?<=[.!?]) (?=[A-Z`])", text, maxsplit=1)[0]


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|")
