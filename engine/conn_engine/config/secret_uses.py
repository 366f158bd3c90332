"""Find where an override uses a secret in another way than the connector.

The settings that may contain secrets are compared, typed, with the connector's, each text by its role. An override may
write a template that reads what the connector reads in the same place, or nothing secret. Everything else that could
send a secret elsewhere (the name of a header, a format, the path of a token URL) is reserved to the connector.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from conn_engine.auth import Credentials, NoAuthorization, NoCredentials
from conn_engine.auth.signatures import NoSignature
from conn_engine.config.merge import Path_
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.roles import Role, read_roles
from conn_engine.transport.url_templates import split_url
from conn_engine.webhooks import NAMES

__all__ = ["OF_DELIVERIES", "Departure", "SecretComparison", "secrets_read"]

Name: TypeAlias = tuple[str | int, ...]
"""What an expression reads: ("env", "CLIENT_ID"), ("oauth", "token", "access_token")."""

_COMPARED = frozenset({"template", "secret", "expression", "address", "consent", "remark", "plain"})
"""The roles of strings that an override may write. A string of any other role could send a secret elsewhere."""

_OPEN = frozenset({"context", "timestamp", "timestamp_ms", "date", "nonce"})
OF_DELIVERIES = frozenset({*NAMES, "context", "timestamp", "parts", "item", "claims", "header"})
"""What everyone who sends a delivery knows about it."""

# What an override may do with a secret: insert it, join it with fixed text, encode it in a form that redaction knows.
_PLAIN_USE = re.compile(  # possessive throughout: the text is the attacker's
    r"""(?>\s++|"[^"\\]*+"|'[^'\\]*+'|(?!(?:and|or|in)\b)[A-Za-z_][A-Za-z0-9_]*+|`[^`]++`"""
    r"""|\$base64(?:encode)?(?=\s*\()|[.&()])*+"""
)

_QUOTED = re.compile(r""""[^"\\]*+"|'[^'\\]*+'""")
_SIMPLE = re.compile(r"[\w .:/+\0-]{0,200}")


@dataclass(frozen=True, slots=True)
class Departure:
    """A setting that differs from the connector's: in where a secret is sent (`place`), in which secret it is (`name`),
    or in that it computes with one (`computed`). `names` are the secrets that the connector does not use there."""

    path: Path_
    kind: Literal["place", "name", "computed"]
    names: frozenset[Name] = frozenset()
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class SecretComparison:
    """Compares typed settings.

    `variables` may be used instead of the connector's secrets. A URL that is `elsewhere`, on a host that conn.yaml
    trusts, may have a longer path. Names in `known` are not secrets.
    """

    variables: frozenset[str] = frozenset()
    elsewhere: Callable[[str], bool] = lambda url: False
    known: frozenset[str] = field(default=_OPEN)

    def departures(self, value: Any, base: Any, path: Path_, role: Role | None = None) -> Iterator[Departure]:
        """Yield how `own`, the settings at `path`, differ from the connector's."""
        if value == base and type(value) is type(base):
            return
        if isinstance(value, msgspec.Struct):
            yield from self._settings(value, base, path)
        elif isinstance(value, bool | int | float) or (value is None and isinstance(base, bool | int | float)):
            return  # durations, counts and flags cannot move a secret
        elif value is None or (role is None and not _holds_settings(value)):
            yield Departure(path, "place")
        elif role is None:
            yield from self._compare_items(value, base, path)
        else:
            if role == "address" and not self._same_endpoint(value, base):
                yield Departure(path, "place")
            yield from self._texts(value, base, path, role)

    def _settings(self, settings: msgspec.Struct, base: Any, path: Path_) -> Iterator[Departure]:
        if type(settings) is not type(base):
            if isinstance(settings, NoAuthorization | NoCredentials | NoSignature):
                return
            base = _bare(settings)
            if base is None:
                yield Departure(path, "place")
        inside = path if settings.__struct_config__.tag is None else (*path, "config")
        for name, key, note in read_roles(type(settings)):
            role = note.role if note.role in _COMPARED and not note.reserved else None
            yield from self.departures(getattr(settings, name), getattr(base, name, None), (*inside, key), role)

    def _compare_items(self, items: Any, base: Any, path: Path_) -> Iterator[Departure]:
        """Compare settings in a list or by name. One that the connector has elsewhere in it counts as the
        connector's."""
        others = list(base.values()) if isinstance(base, Mapping) else list(base or ())
        for key, item in items.items() if isinstance(items, Mapping) else enumerate(items):
            if item in others:
                continue
            if isinstance(base, Mapping):
                other = base.get(key)
            else:
                other = others[key] if isinstance(key, int) and key < len(others) else None
            yield from self.departures(item, other, (*path, key))

    def _texts(self, value: Any, base: Any, path: Path_, role: Role) -> Iterator[Departure]:
        if isinstance(value, Mapping):
            for key, item in value.items():
                yield from self._texts(item, base.get(key) if isinstance(base, Mapping) else None, (*path, key), role)
        elif isinstance(value, list | tuple):
            for index, item in enumerate(value):
                other = base[index] if isinstance(base, list | tuple) and index < len(base) else None
                yield from self._texts(item, other, (*path, index), role)
        elif isinstance(value, str) and value != base:
            yield from self._text(value, base, path, role)

    def _text(self, text: str, base: Any, path: Path_, role: Role) -> Iterator[Departure]:
        secrets = secrets_read(text, role, self.known)
        if secrets is not None and not any(secrets.values()):
            return
        used = frozenset[Name]().union(*(secrets or {}).values())
        there = secrets_read(base, role, self.known) if isinstance(base, str) else {}
        granted = frozenset[Name]().union(*(there or {}).values())
        if granted:
            granted |= {("env", name) for name in self.variables}
        if used - granted:
            yield Departure(path, "name", used - granted, role)
        if secrets is None or not all(_PLAIN_USE.fullmatch(part) for part, names in secrets.items() if names):
            yield Departure(path, "computed", used, role)
        elif granted and not _is_same_around(text, str(base), role):
            yield Departure(path, "place", role=role)

    def _same_endpoint(self, value: Any, base: Any) -> bool:
        """Return whether a URL has the connector's path, on whichever host."""
        if not isinstance(value, str) or not isinstance(base, str):
            return False
        (host, path), (base_host, base_path) = split_url(value), split_url(base)
        if host.startswith("{{") and host != base_host:
            return False  # the value of the template could contain a path
        longer = path.endswith(base_path) and base_path.startswith("/")
        return path == base_path or (longer and self.elsewhere(value))


def _is_same_around(setting: str, base: str, role: Role) -> bool:
    """Return whether the text around secrets is the connector's, or is harmless, as `Token ` is. In a body that is
    text, markup or a query's braces are not."""
    around = [_around(text, role) for text in (setting, base)]
    return around[0] == around[1] or all(_SIMPLE.fullmatch(text) for text in around)


def _around(text: str, role: Role) -> str:
    """Return a string without its expressions, except for their fixed strings."""
    parts = [(text, 0)] if role == "expression" else template(text).parts
    return "".join(
        part if isinstance(part, str) else "\0" + "\0".join(quoted[1:-1] for quoted in _QUOTED.findall(part[0])) + "\0"
        for part in parts
    )


def _holds_settings(value: Any) -> bool:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else (None,)
    return all(isinstance(item, msgspec.Struct) for item in items)


def _bare(settings: msgspec.Struct) -> msgspec.Struct | None:
    """Return credentials of the same kind without any setting. They send no secret by themselves."""
    if not isinstance(settings, get_args(Credentials)):
        return None
    try:
        defaults: msgspec.Struct = type(settings)()
    except TypeError:
        return None
    return defaults


def secrets_read(text: str, role: Role, names: frozenset[str] = _OPEN) -> dict[str, frozenset[Name]] | None:
    """Return which secrets each expression of a string reads; None if it may read anything.

    A string that does not parse reads nothing: it never runs.
    """
    try:
        parts: Sequence[str] = (
            [text] if role == "expression" else [part for part, _ in template(text).expressions] if "{{" in text else []
        )
        secrets: dict[str, frozenset[Name]] = {}
        for part in parts:
            parsed = expression(part)
            if parsed.roots() is None:
                return None
            secrets[part] = frozenset(path for path in parsed.reads() if path[0] not in names)
    except ExpressionError:
        return {}
    return secrets
