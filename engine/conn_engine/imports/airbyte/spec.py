"""What a manifest's `spec` asks of its user: as fields of the connector, and as names that expressions use.

A value that is no secret is `context.<name>`; a secret is a name of the account's credential, which only credentials
and authorization may read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.imports.airbyte.jinja import Default, Kind, Lit, Node, ObjectOf, Path, Secret, Untranslatable, literal
from conn_engine.imports.words import identifier, plain, snake

__all__ = ["Setting", "Settings"]

Place = tuple[str, ...]
_KINDS: Mapping[str, Kind] = {
    "string": "text", "integer": "int", "number": "any", "boolean": "bool", "array": "list", "object": "object",
}  # fmt: skip
_TAKEN = frozenset({"env", "context", "captured", "before", "assertion", "request", "callback", "consent", "session"})
_CREDENTIAL = re.compile(r"token|key|secret|passw|credential|auth|private|signature|cookie|jwt|pin\b")
_MAX_SETTINGS = 300
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
    """Required where it stands: whoever takes this one of several alternatives must give it."""
    default: Any = None
    options: tuple[str, ...] = ()
    pattern: str = ""
    name: str = ""
    secret_name: str = ""
    declared: bool = True
    used: bool = False
    exposed: bool = False
    """Said to be secret, but an id that stands in URLs or records, where nothing is."""

    @property
    def text(self) -> str:
        """As a manifest's users know it: `credentials.client_id`."""
        return ".".join(self.place)


class Settings:
    """All settings of a manifest, by their place in the configuration."""

    def __init__(self, specification: Any) -> None:
        self.by_place: dict[Place, Setting] = {}
        if isinstance(specification, Mapping):
            for setting in _read(specification, (), True, 0):
                known = self.by_place.get(setting.place)
                if known is None and len(self.by_place) < _MAX_SETTINGS:
                    self.by_place[setting.place] = setting
                elif known is not None:
                    known.secret = known.secret or setting.secret
                    known.options = known.options + tuple(o for o in setting.options if o not in known.options)
                    known.required = known.required and setting.required
                    known.needed = known.needed and setting.needed
        self._name_all()

    def _name_all(self) -> None:
        taken: set[str] = set()
        for setting in self.by_place.values():
            self._name(setting, taken)

    def _name(self, setting: Setting, taken: set[str]) -> None:
        last = setting.place[-1]
        alone = sum(place[-1] == last for place in self.by_place) <= 1
        name = identifier(last if alone else "_".join(setting.place))
        while name in taken:
            name = f"{name}_2"
        taken.add(name)
        setting.name = name
        secret = snake(name) or "secret"
        secret = f"key_{secret}" if not secret[0].isalpha() or secret in _TAKEN else secret
        setting.secret_name = secret

    def setting(self, place: Place) -> Setting | None:
        """The setting of a place, or the one that holds it."""
        for length in range(len(place), 0, -1):
            if (found := self.by_place.get(place[:length])) is not None:
                return found
        return None

    def value(self, steps: tuple[Any, ...]) -> Node:
        """What `config` with steps means."""
        fixed: list[str] = []
        for one in steps:
            if not isinstance(one, str):
                break
            fixed.append(one)
        if not fixed:
            if steps:
                raise Untranslatable("a setting whose name is computed")
            raise Untranslatable("the whole configuration as one value")
        place = tuple(fixed)
        found = self.setting(place)
        if found is None:
            inner = [setting for setting in self.by_place.values() if setting.place[: len(place)] == place]
            if inner:
                return self._group(place, inner)
            found = Setting((place[0],), declared=False)
            self.by_place[found.place] = found
            self._name(found, {setting.name for setting in self.by_place.values()})
        return self._single(found, steps[len(found.place) :])

    def _single(self, setting: Setting, rest: tuple[Any, ...]) -> Node:
        setting.used = True
        if setting.secret:
            if rest:
                raise Untranslatable("a part of a secret")
            return Secret(setting.secret_name, setting.kind)
        sure = setting.required or setting.default is not None
        path = Path("context", (setting.name, *rest), "any" if rest else setting.kind, sure and not rest)
        if setting.default is not None and not setting.required and not rest:
            return Default(path, literal(setting.default))
        return path

    def reading(self) -> Callable[[], list[Setting]]:
        """Begin to watch; called, what it gives ends that and tells the secrets that were used meanwhile."""
        before = {place for place, setting in self.by_place.items() if setting.used}
        for setting in self.by_place.values():
            setting.used = False

        def read() -> list[Setting]:
            found = [setting for setting in self.by_place.values() if setting.used and setting.secret]
            for place in before:
                self.by_place[place].used = True
            return found

        return read

    def declares(self, node: Node) -> bool:
        """Whether a value is one that the specification asks for; what it does not ask for is never there."""
        names = {setting.name for setting in self.by_place.values() if not setting.declared}
        return not (isinstance(node, Path) and node.root == "context" and node.steps[:1] and node.steps[0] in names)

    def _group(self, place: Place, inner: list[Setting]) -> Node:
        if any(setting.secret for setting in inner):
            raise Untranslatable("a group of settings with secrets as one value")
        depth = len(place)
        pairs = [(Lit(one.place[depth]), self._single(one, ())) for one in inner if len(one.place) == depth + 1]
        return ObjectOf(tuple(pairs))

    def expose(self, names: set[str], what: str) -> None:
        """Refuse secrets where none can be kept. Those that are ids are none at the second reading.

        Raises Untranslatable when there are names.
        """
        for setting in self.by_place.values():
            if setting.secret and setting.secret_name in names and not _CREDENTIAL.search(setting.place[-1].lower()):
                setting.exposed = True
        if names:
            raise Untranslatable(f"a secret in {what}")

    def kept(self) -> set[str]:
        """The names of secrets that stay so in a path: what every account has, and what is called like a key."""
        return {
            setting.secret_name
            for setting in self.by_place.values()
            if setting.secret and (setting.required or _CREDENTIAL.search(setting.place[-1].lower()))
        }

    def require(self, names: Iterable[str]) -> None:
        """Let every account have these secrets: a path cannot go without its parts."""
        wanted = set(names)
        for setting in self.by_place.values():
            if setting.secret and setting.secret_name in wanted:
                setting.required = setting.needed = True

    def opened(self) -> list[str]:
        """Make what is exposed no secret; their names."""
        found = [setting for setting in self.by_place.values() if setting.exposed and setting.secret]
        for setting in found:
            setting.secret = False
            note = "It stands in URLs, so it is no secret here."
            setting.description = f"{setting.description} {note}".strip()
        return [setting.text for setting in found]

    def fields(self) -> list[dict[str, Any]]:
        """The fields of the connector: what an account says under `context`."""
        return [_field(setting) for setting in self.by_place.values() if not setting.secret and setting.used]


def _read(schema: Mapping[str, Any], place: Place, required: bool, depth: int) -> Iterator[Setting]:
    properties = schema.get("properties")
    listed = schema.get("required")
    listed = listed if isinstance(listed, list) else []
    for name, one in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(one, Mapping):
            continue
        here = (*place, str(name))
        options = [alternative for key in ("oneOf", "anyOf") for alternative in _list(one.get(key))]
        groups = [group for group in (one, *options) if isinstance(group, Mapping) and group.get("properties")]
        if groups and depth < _MAX_DEPTH:
            alone = len(groups) == 1
            for group in groups:
                yield from _read(group, here, required and alone and name in listed, depth + 1)
        else:
            yield _setting(one, here, required and name in listed, name in listed)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _setting(one: Mapping[str, Any], place: Place, required: bool, needed: bool) -> Setting:
    kind = one.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), None)
    values = one.get("enum")
    if values is None and "const" in one:
        values = [one["const"]]
    default = one.get("default")
    if default is None and isinstance(values, list) and len(values) == 1 and required:
        default = values[0]
    pattern = one.get("pattern")
    return Setting(
        place=place,
        kind=_KINDS.get(kind, "any") if isinstance(kind, str) else "any",
        title=plain(one.get("title") or "", 80),
        description=plain(re.sub(r"<[^>]{0,200}>", "", str(one.get("description") or "")), 180),
        secret=one.get("airbyte_secret") is True,
        required=required,
        needed=needed,
        default=default if isinstance(default, str | int | float | bool | list) and default != "" else None,
        options=tuple(str(value) for value in values[:100]) if isinstance(values, list) else (),
        pattern=pattern if isinstance(pattern, str) and len(pattern) <= 300 else "",
    )


def _field(setting: Setting) -> dict[str, Any]:
    row: dict[str, Any] = {"name": setting.name}
    if setting.title and snake(setting.title) != snake(setting.name):
        row["label"] = setting.title
    if setting.description:
        row["description"] = setting.description
    if not setting.required:
        row["required"] = False
    if setting.pattern and _usable(setting.pattern):
        row["pattern"] = setting.pattern
    if setting.options:
        row["options"] = list(setting.options)
    if setting.default is not None:
        row["default"] = setting.default
    return row


def _usable(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
