"""`ConnectorDraft`: what is built from an entry while its parts are read, and the parts that every entry has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_engine.config.literals import literal_secrets
from conn_engine.secrets import is_secret_name
from conn_import.contract import Losses, Where
from conn_import.nango.entries import Entry
from conn_import.nango.names import Names, strip_prefix
from conn_import.nango.templates import UntranslatableText, find_names
from conn_import.secrecy import is_key_name
from conn_import.words import clean_text, to_step

__all__ = [
    "HEADER",
    "PLACEHOLDER",
    "ConnectorDraft",
    "complete_fields",
    "read_credentials",
    "read_settings",
    "to_answer_path",
]

PLACEHOLDER = "https://api.example.com"
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_|~-]+")
_FORMATS = {
    "hostname": r"^[A-Za-z0-9.-]+(:[0-9]+)?$",
    "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "email": r"^[^@\s]+@[^@\s]+$",
    "uri": r"^https?://\S+$",
}
_CLIENT = ("client_id", "client_secret")
_CAPTURES = ("token_response_metadata", "redirect_uri_metadata", "webhook_response_metadata")


@dataclass(slots=True)
class ConnectorDraft:
    """A connector that is being built. `prefix` is the start of the names of its environment variables.

    `credentials` and `authorization` are in the language of connectors. `signed_headers` are those that a signature
    sets.
    """

    entry: Entry
    names: Names
    prefix: str
    losses: Losses = field(default_factory=Losses)
    notes: dict[Where, str] = field(default_factory=dict)
    fields: list[dict[str, Any]] = field(default_factory=list)
    ask: list[dict[str, Any]] = field(default_factory=list)
    capture: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, Any] | None = None
    authorization: dict[str, Any] | None = None
    signature: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    signed_headers: set[str] = field(default_factory=set)

    def fill_url(self, text: str, where: str) -> str | None:
        """Return a URL of the entry as a template. Returns None without one, and None with a loss if it is
        unsupported."""
        return self.fill(text, where, whole=False) if text else None

    def fill_required_url(self, text: str, where: str) -> str:
        """Return a required URL. A missing or unsupported one becomes a placeholder, with a loss."""
        made = self.fill_url(text, where)
        if not text:
            self.losses.add(f"{where}: the entry has none, so it is a placeholder")
        return made or PLACEHOLDER

    def fill_headers(self, told: Mapping[str, Any], where: str) -> dict[str, str]:
        """Return headers as templates. Invalid and unsupported ones are left out, with a loss."""
        row: dict[str, str] = {}
        for name, value in told.items():
            if isinstance(value, bool) or not isinstance(value, str | int | float) or not HEADER.fullmatch(name):
                self.losses.add(f"{where}.{clean_text(name, 60)}: not a valid header")
            elif (text := self.fill(str(value), f"{where}.{clean_text(name, 60)}")) is not None:
                if any(literal_secrets({"headers": {name: text}})):
                    self.losses.add(f"{where}.{clean_text(name, 60)}: the entry contains a secret value")
                else:
                    row[name] = text
        return row

    def fill(self, text: str, where: str, *, bars: bool = True, whole: bool = True) -> str | None:
        """Return a string as a template, or None with a loss if it is unsupported. See `Names.to_template`."""
        try:
            return self.names.to_template(text, bars=bars, whole=whole)
        except UntranslatableText as unknown:
            self.losses.add(f"{where}: it uses {unknown}")
            return None

    def fill_deep(self, value: Any, where: str) -> Any:
        """Return data with all its strings as templates. Unsupported ones are left out, with a loss."""
        if isinstance(value, str):
            return self.fill(value, where)
        if isinstance(value, Mapping):
            row = {str(name): self.fill_deep(inner, f"{where}.{name}") for name, inner in value.items()}
            return {name: inner for name, inner in row.items() if inner is not None}
        if isinstance(value, list):
            return [self.fill_deep(inner, where) for inner in value]
        return value

    def build_env_template(self, name: str) -> str:
        """Build a template that reads one of the connector's environment variables."""
        return f"{{{{env.{self.prefix}_{name}}}}}"

    def build_credentials(self, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Build credentials of a kind, with the values that an account adds and those captured from a response."""
        settings = {key: value for key, value in config.items() if value is not None and value != {}}
        if self.ask:
            settings["ask"] = [*settings.get("ask", []), *self.ask]
        if self.capture and name in ("oauth2", "oauth2_client_credentials", "session", "oauth1"):
            settings["capture"] = self.capture
        elif self.capture:
            self.losses.add(f"values captured from the login response: {', '.join(self.capture)}")
        return {"format": name, "config": settings} if settings else {"format": name}


def read_settings(draft: ConnectorDraft) -> None:
    """Read `connection_config` and `integration_config`: values of an account's context or credential."""
    entry, names = draft.entry, draft.names
    secret_values = _find_secret_values(entry)
    captured = {name for key in _CAPTURES for name in _list_texts(entry.peek(key))}
    for group in ("connection_config", "integration_config"):
        rows = [(name, row) for name, row in entry.take_object(group).items() if isinstance(row, Mapping)]
        for name, row in sorted(rows, key=lambda pair: _get_order(pair[1])):
            if name in names.context or name in names.secrets:
                continue
            if row.get("secret") in (True, "true") or name in secret_values or _may_be_secret(name, row):
                called = names.add_secret(name)
                draft.ask.append(_build_ask(called, row))
                draft.fields.append(_build_field(draft, called, row, secret=True))
                continue
            called = names.add_context(name)
            default = row.get("default_value")
            if isinstance(default, str) and default:
                names.defaults[name] = default
            if name in captured:
                continue  # the login finds it out
            made = _build_field(draft, called, row, secret=False)
            if row.get("automated") in (True, "true"):
                draft.losses.add("values that are filled in automatically: an account has to set them", name)
            if made.get("required") is False and "default" not in made:
                names.optional.add(name)
            draft.fields.append(made)
            if row.get("visible_when") and group == "connection_config":
                draft.losses.add("the condition for asking for a value (visible_when)", name)
    for name, value in entry.take_object("proxy", "connection_config").items():
        if isinstance(value, str) and draft.fill(value, f"proxy.connection_config.{name}") is not None:
            continue  # it names a value that the account has anyway


def _may_be_secret(name: str, row: Mapping[str, Any]) -> bool:
    """Return whether a value has a secret's name and the entry does not list its values."""
    return is_secret_name(name) and not row.get("enum") and "default_value" not in row


def _find_secret_values(entry: Entry) -> set[str]:
    """Find values that are the complete value of a header or parameter with a key."""
    names: set[str] = set()
    for group, place in (("headers", "header"), ("query", "query")):
        values = entry.peek("proxy", group)
        for name, value in values.items() if isinstance(values, Mapping) else ():
            mentioned = list(find_names(str(value)))
            if len(mentioned) == 1 and is_key_name(str(name), place):
                names.add(strip_prefix(mentioned[0]))
    return names


def read_credentials(draft: ConnectorDraft, usual: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """Read `credentials`: what an account is asked for. `usual` maps names of the entry to the names that this kind of
    credential has for them; the others are asked for in addition. Returns the rows by name."""
    entry, names = draft.entry, draft.names
    rows = {name: row for name, row in entry.take_object("credentials").items() if isinstance(row, Mapping)}
    for name, called in usual.items():
        names.add_secret(name, called)
    for name, row in sorted(rows.items(), key=lambda pair: _get_order(pair[1])):
        called = names.add_secret(name)
        if _is_optional(row) and name not in usual:
            names.optional.add(name)
        if name not in usual:
            draft.ask.append(_build_ask(called, row))
        if _has_details(row):
            draft.fields.append(_build_field(draft, called, row, secret=True))
    return rows


def complete_fields(draft: ConnectorDraft) -> None:
    """Add values that the entry uses but does not describe. Values that a URL needs become required."""
    called = {known: name for name, known in draft.names.context.items()}
    for name in draft.names.mentioned:
        known = draft.names.context[name]
        if known not in draft.capture and all(row["name"] != known for row in draft.fields):
            draft.fields.append({"name": known, "description": "The entry uses it but does not describe it"})
    for row in draft.fields:
        optional = called.get(row["name"], "") in draft.names.optional
        if row["name"] in called and not optional and not row.get("secret") and "default" not in row:
            row.pop("required", None)


def to_answer_path(path: str, root: str = "response") -> str:
    """`data.token.access_token` as an expression over the response."""
    steps = re.findall(r"[^.\[\]]+", path)
    return root + "".join(f"[{step}]" if step.isdigit() else f".{to_step(step.replace('`', ''))}" for step in steps)


def _list_texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _get_order(row: Mapping[str, Any]) -> float:
    order = row.get("order")
    return float(order) if isinstance(order, int | float) else 1e9


def _build_ask(called: str, row: Mapping[str, Any]) -> dict[str, Any]:
    collected: dict[str, Any] = {"name": called}
    if row.get("title"):
        collected["label"] = clean_text(row["title"], 80)
    if row.get("secret") not in (True, "true") and called.rpartition("_")[2] in ("id", "name", "username", "email"):
        collected["secret"] = False
    if _is_optional(row):
        collected["required"] = False
    return collected


def _is_optional(row: Mapping[str, Any]) -> bool:
    return any(row.get(key) in (True, "true") for key in ("optional", "automated", "hidden")) or "default_value" in row


def _has_details(row: Mapping[str, Any]) -> bool:
    return bool(row.keys() & {"description", "pattern", "format", "enum", "example"})


def _build_field(draft: ConnectorDraft, called: str, row: Mapping[str, Any], *, secret: bool) -> dict[str, Any]:
    collected: dict[str, Any] = {"name": called}
    if row.get("title"):
        collected["label"] = clean_text(row["title"], 80)
    description = _build_description(draft, row)
    if description:
        collected["description"] = description
    if secret:
        collected["secret"] = True
    if _is_optional(row):
        collected["required"] = False
    pattern = row.get("pattern") if isinstance(row.get("pattern"), str) else _FORMATS.get(str(row.get("format")))
    options = _list_texts(row.get("enum"))
    if options:
        collected["options"] = options
    elif pattern:
        full_pattern = _to_whole_pattern(pattern)
        if full_pattern is None:
            draft.losses.add("a pattern that is not a valid regular expression", called)
        else:
            collected["pattern"] = full_pattern
    if isinstance(row.get("default_value"), str) and row["default_value"]:
        collected["default"] = row["default_value"]
    existing = {
        "type", "title", "description", "pattern", "format", "enum", "example", "default_value", "hidden", "optional",
        "order", "prefix", "suffix", "doc_section", "secret", "automated", "visible_when",
    }  # fmt: skip
    for other in row.keys() - existing:
        draft.losses.add(f"{clean_text(other, 40)} of a value", called)
    return collected


def _build_description(draft: ConnectorDraft, row: Mapping[str, Any]) -> str:
    parts = [clean_text(row.get("description") or "", 300).rstrip(".")]
    around = [clean_text(row[key], 60) for key in ("prefix", "suffix") if row.get(key)]
    if around:
        parts.append(f"Without {' and '.join(around)}")
    if row.get("example"):
        parts.append(f"Such as {clean_text(row['example'], 80)}")
    page, section = draft.entry.peek("docs_connect"), row.get("doc_section")
    if isinstance(page, str) and isinstance(section, str) and section:
        parts.append(f"See {clean_text(page, 200)}{clean_text(section, 100)}")
    return ". ".join(part for part in parts if part)


def _to_whole_pattern(pattern: str) -> str | None:
    """Convert a pattern that is searched for to one that matches the complete value. None if it is invalid."""
    full_pattern = pattern.replace("\\/", "/")
    if not (full_pattern.startswith("^") and full_pattern.endswith("$")) or _has_choice(full_pattern):
        full_pattern = f".*(?:{full_pattern}).*"
    try:
        re.compile(full_pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    return full_pattern


def _has_choice(pattern: str) -> bool:
    """Return whether a pattern has a `|` outside of all brackets."""
    depth = 0
    for mark in re.findall(r"\\.|\[(?:\\.|[^\]\\])*\]|[()|]", pattern):
        depth += {"(": 1, ")": -1}.get(mark, 0)
        if mark == "|" and depth == 0:
            return True
    return False
