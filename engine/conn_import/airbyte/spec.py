"""Read the settings of a manifest's `spec`, and convert a setting to a field of the connector.

A value that is not secret is `context.<name>`. A secret is a name of the account's credential, which only credentials
and authorization can read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conn_import.airbyte.jinja import Kind
from conn_import.words import clean_text, to_snake

__all__ = ["Place", "Setting", "has_slash", "read_specification", "to_field"]

Place = tuple[str, ...]
_KINDS: Mapping[str, Kind] = {
    "string": "text", "integer": "int", "number": "any", "boolean": "bool", "array": "list", "object": "object",
}  # fmt: skip
_CREDENTIAL = re.compile(r"token|key|secret|passw|credential|auth|private|signature|cookie|jwt|pin\b")
_IDENTITY = frozenset({"id", "name", "username", "user", "email", "login"})
_SCALARS = frozenset({"text", "digits", "int", "any"})
_MAX_DEPTH = 6


@dataclass(slots=True)
class Setting:
    """One value that a user gives. `secret_name` is its name in the credential, `name` the one in the context."""

    place: Place
    kind: Kind = "any"
    title: str = ""
    description: str = ""
    secret: bool = False
    required: bool = False
    needed: bool = False
    """Whether it is required within its alternative."""
    default: Any = None
    options: tuple[str, ...] = ()
    pattern: str = ""
    name: str = ""
    secret_name: str = ""
    has_slash: bool | None = None
    """Whether its values contain slashes, if the specification shows values."""
    declared: bool = True
    declared_secret: bool = False
    """Whether the specification declares it as secret."""
    used: bool = False
    authenticates: bool = False
    """Whether an authenticator uses it."""
    sent_elsewhere: bool = False
    """Whether requests send it outside their authenticator."""
    claimed: bool = False
    """Whether it has a name that the credential's format defines."""
    exposed: bool = False
    """Whether it is an ID that is used in URLs or records, which cannot be secret."""

    @property
    def path(self) -> str:
        """The path that users of the manifest know: `credentials.client_id`."""
        return ".".join(self.place)

    @property
    def looks_like_key(self) -> bool:
        """Whether its name is that of a key, a token or a password."""
        return _CREDENTIAL.search(self.place[-1].lower()) is not None

    @property
    def is_identity(self) -> bool:
        """Whether it identifies the account without being secret, so that a login shows it while it is typed."""
        return not self.declared_secret and to_snake(self.place[-1]).rpartition("_")[2] in _IDENTITY

    @property
    def could_be_secret(self) -> bool:
        """Whether it could become secret. A setting with listed options cannot, because the document contains them."""
        return not (self.secret or self.exposed or self.options) and self.kind in _SCALARS

    def hide(self) -> None:
        """Make it secret. A setting that is not declared becomes required, because requests need it."""
        self.secret = True
        self.kind = "text" if self.kind == "int" else self.kind
        if not self.declared:
            self.required = self.needed = True

    def reveal(self) -> None:
        """Make it not secret."""
        self.secret = False
        if self.declared_secret:
            self.description = f"{self.description} It is part of URLs, so it is not secret here.".strip()

    def merge(self, other: "Setting") -> None:
        """Merge another alternative's declaration of the same place."""
        self.secret = self.secret or other.secret
        self.declared_secret = self.declared_secret or other.declared_secret
        self.options += tuple(one for one in other.options if one not in self.options)
        self.required = self.required and other.required
        self.needed = self.needed and other.needed
        self.has_slash = self.has_slash or other.has_slash


def read_specification(specification: Any) -> Iterator[Setting]:
    """Yield the settings of a connection specification. A setting of several alternatives occurs once for each."""
    if isinstance(specification, Mapping):
        yield from _read_settings(specification, (), True, 0)


def _read_settings(schema: Mapping[str, Any], place: Place, required: bool, depth: int) -> Iterator[Setting]:
    properties = schema.get("properties")
    listed = schema.get("required")
    listed = listed if isinstance(listed, list) else []
    for name, one in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(one, Mapping):
            continue
        place_here = (*place, str(name))
        options = [alternative for key in ("oneOf", "anyOf") for alternative in _as_list(one.get(key))]
        groups = [group for group in (one, *options) if isinstance(group, Mapping) and group.get("properties")]
        if groups and depth < _MAX_DEPTH:
            alone = len(groups) == 1
            for group in groups:
                yield from _read_settings(group, place_here, required and alone and name in listed, depth + 1)
        else:
            yield _build_setting(one, place_here, required and name in listed, name in listed)


def has_slash(values: Iterable[Any]) -> bool:
    """Return whether one of these values contains slashes and is not a URL."""
    return any(isinstance(value, str) and "/" in value and "://" not in value for value in values)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _build_setting(component: Mapping[str, Any], place: Place, required: bool, needed: bool) -> Setting:
    kind = component.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), None)
    values = component.get("enum")
    if values is None and "const" in component:
        values = [component["const"]]
    default = component.get("default")
    if default is None and isinstance(values, list) and len(values) == 1 and required:
        default = values[0]
    pattern = component.get("pattern")
    shown = [default, *_as_list(values), *(_as_list(component.get("examples")) or [component.get("examples")])]
    return Setting(
        place=place,
        kind=_KINDS.get(kind, "any") if isinstance(kind, str) else "any",
        title=clean_text(component.get("title") or "", 80),
        description=clean_text(re.sub(r"<[^>]{0,200}>", "", str(component.get("description") or "")), 180),
        secret=component.get("airbyte_secret") is True,
        declared_secret=component.get("airbyte_secret") is True,
        required=required,
        needed=needed,
        default=default if isinstance(default, str | int | float | bool | list) and default != "" else None,
        options=tuple(str(value) for value in values[:100]) if isinstance(values, list) else (),
        pattern=pattern if isinstance(pattern, str) and len(pattern) <= 300 else "",
        has_slash=has_slash(shown) or (False if isinstance(values, list) else None),
    )


def to_field(setting: Setting) -> dict[str, Any]:
    """Return a setting as a field of the connector."""
    row: dict[str, Any] = {"name": setting.name}
    if setting.title and to_snake(setting.title) != to_snake(setting.name):
        row["label"] = setting.title
    if setting.description:
        row["description"] = setting.description
    if not setting.required:
        row["required"] = False
    if setting.pattern and _is_usable(setting.pattern):
        row["pattern"] = setting.pattern
    if setting.options:
        row["options"] = list(setting.options)
    if setting.default is not None:
        row["default"] = setting.default
    return row


def _is_usable(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
