"""The settings of a manifest by their place in the configuration: their names, and which ones are secret.

A setting is secret if an authenticator uses it or if its name is that of a secret, whatever the specification says.
Its name in the credential is unique among the secrets of an account.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from conn_engine.secrets import is_secret_name
from conn_import.airbyte.jinja import Default, Lit, Node, ObjectOf, PathNode, SecretNode, Untranslatable, to_node
from conn_import.airbyte.spec import Place, Setting, read_specification, to_field
from conn_import.words import find_free_name, to_identifier, to_snake

__all__ = ["ManifestSettings"]

_RESERVED = frozenset({
    "env", "context", "captured", "before", "assertion", "request", "callback", "consent", "session", "oauth", "client",
})  # fmt: skip
_PROVES_NOTHING = frozenset({
    "audience", "domain", "environment", "host", "locale", "realm", "region", "resource", "scope", "scopes", "server",
    "site", "type", "uri", "url", "version", "zone",
})  # fmt: skip
"""Last words of the names of values that identify a place or a request, and are not secret."""

_MAX_SETTINGS = 300


class ManifestSettings:
    """All settings of a manifest, by their place in the configuration."""

    def __init__(self, specification: Any) -> None:
        self.by_place: dict[Place, Setting] = {}
        self._claims: dict[str, Place] = {}
        for setting in read_specification(specification):
            known = self.by_place.get(setting.place)
            if known is not None:
                known.merge(setting)
            elif len(self.by_place) < _MAX_SETTINGS:
                self.by_place[setting.place] = setting
        for setting in self.by_place.values():
            self._name_setting(setting)
            self._hide_by_name(setting)
        self._tell_titles_apart()

    def _tell_titles_apart(self) -> None:
        """Add its name to a title that several settings have: two questions never read the same."""
        titles = Counter(to_snake(one.title) for one in self.by_place.values())
        for setting in self.by_place.values():
            if titles[to_snake(setting.title)] > 1 and to_snake(setting.title) not in ("", to_snake(setting.name)):
                setting.title = f"{setting.title} ({setting.name.replace('_', ' ')})"

    def _name_setting(self, setting: Setting) -> None:
        last = setting.place[-1]
        alone = sum(place[-1] == last for place in self.by_place) <= 1
        words = last if alone else "_".join(setting.place)
        others = [one for one in self.by_place.values() if one is not setting]
        setting.name = find_free_name(to_identifier(words), {one.name for one in others})
        setting.secret_name = find_free_name(_to_secret_name(setting.name), {one.secret_name for one in others})

    def _hide_by_name(self, setting: Setting) -> None:
        if setting.could_be_secret and is_secret_name(setting.place[-1]):
            setting.hide()

    def find_setting(self, place: Place) -> Setting | None:
        """Return the setting at a place, or the one that contains it."""
        for length in range(len(place), 0, -1):
            if (found := self.by_place.get(place[:length])) is not None:
                return found
        return None

    def translate(self, steps: tuple[Any, ...]) -> Node:
        """Translate `config` with steps."""
        return self._translate(steps, credential=False)

    def translate_credential(self, steps: tuple[Any, ...]) -> Node:
        """Translate a value that is part of a credential: the setting counts as a secret from the next reading on."""
        return self._translate(steps, credential=True)

    def translate_login(self, steps: tuple[Any, ...]) -> Node:
        """Translate in a field of a login. Some fields only describe the request and are not secret."""
        place = _take_names(steps)
        plain = bool(place) and to_snake(place[-1]).rpartition("_")[2] in _PROVES_NOTHING
        return self._translate(steps, credential=not plain)

    def translate_in_request(self, steps: tuple[Any, ...]) -> Node:
        """Translate in a request, whose secrets every kind of authorization has to send."""
        node = self.translate(steps)
        if isinstance(node, SecretNode):
            self.by_place[node.place].sent_elsewhere = True
        return node

    def translate_visible(self, steps: tuple[Any, ...]) -> Node:
        """Translate a value that is not secret. Raises Untranslatable for a secret, as `expose` does."""
        node = self.translate(steps)
        if isinstance(node, SecretNode):
            self.expose({node.name}, "a place that cannot have secrets")
        return node

    def _translate(self, steps: tuple[Any, ...], *, credential: bool) -> Node:
        place = _take_names(steps)
        if not place:
            what = "a setting with a computed name" if steps else "the complete configuration as one value"
            raise Untranslatable(what)
        found = self.find_setting(place)
        if found is None:
            inner = [setting for setting in self.by_place.values() if setting.place[: len(place)] == place]
            if inner:
                return self._translate_group(place, inner)
            found = Setting(place, declared=False)
            self.by_place[place] = found
            self._name_setting(found)
            self._hide_by_name(found)
        if credential and found.could_be_secret and len(found.place) == len(steps):
            found.authenticates = True
        return self._translate_setting(found, steps[len(found.place) :])

    def _translate_setting(self, setting: Setting, rest: tuple[Any, ...]) -> Node:
        setting.used = True
        if setting.secret:
            if rest:
                raise Untranslatable("a part of a secret")
            return SecretNode(setting.secret_name, setting.kind, place=setting.place)
        sure = setting.required or setting.default is not None
        path = PathNode("context", (setting.name, *rest), "any" if rest else setting.kind, sure and not rest)
        if setting.default is not None and not setting.required and not rest:
            return Default(path, to_node(setting.default))
        return path

    def _translate_group(self, place: Place, inner: list[Setting]) -> Node:
        if any(setting.secret for setting in inner):
            raise Untranslatable("a group of settings with secrets as one value")
        depth = len(place)
        pairs = [
            (Lit(one.place[depth]), self._translate_setting(one, ())) for one in inner if len(one.place) == depth + 1
        ]
        return ObjectOf(tuple(pairs))

    # Readings

    def apply_changes(self) -> bool:
        """Apply newly found secrets, and settings that cannot be secret. Returns whether there were any."""
        found = [one for one in self.by_place.values() if one.authenticates and one.could_be_secret]
        opened = [one for one in self.by_place.values() if one.exposed and one.secret]
        for setting in found:
            setting.hide()
        for setting in opened:
            setting.reveal()
        return bool(found or opened)

    def restart(self) -> None:
        """Begin another reading of the manifest."""
        for setting in self.by_place.values():
            setting.used = False
        self._claims.clear()

    def watch(self) -> Callable[[], list[Setting]]:
        """Begin to watch; called, the result ends that and gives the secrets that were used meanwhile."""
        before = {place for place, setting in self.by_place.items() if setting.used}
        for setting in self.by_place.values():
            setting.used = False

        def stop_watching() -> list[Setting]:
            found = [setting for setting in self.by_place.values() if setting.used and setting.secret]
            for place in before:
                self.by_place[place].used = True
            return found

        return stop_watching

    # Names of secrets

    def claim(self, place: Place, name: str) -> bool:
        """Give a secret the name that a kind of credential has for it. False where another secret has claimed it."""
        setting = self.by_place[place]
        if self._claims.setdefault(name, place) != place:
            if setting.secret_name == name:
                self._rename(setting)
            return False
        for other in self.by_place.values():
            if other.secret_name == name and other is not setting and not other.claimed:
                self._rename(other)
        setting.secret_name, setting.claimed = name, True
        return True

    def _rename(self, setting: Setting) -> None:
        taken = {one.secret_name for one in self.by_place.values()}
        setting.secret_name = find_free_name(_to_secret_name("_".join(setting.place)), taken)
        setting.claimed = False

    @contextmanager
    def try_option(self, before: Mapping[str, Place]) -> Iterator[None]:
        """Translate one of several options, of which an account has one: it may use names that the other options claim,
        except for secrets that every request sends. `before` are the claims before the choice."""
        others = dict(self._claims)
        still_sent = {name: place for name, place in others.items() if self.by_place[place].sent_elsewhere}
        self._claims = {**before, **still_sent}
        yield
        self._claims = {**others, **self._claims}

    def list_claims(self) -> Mapping[str, Place]:
        """Return the names that secrets have claimed so far, with their places."""
        return dict(self._claims)

    # Places that cannot have secrets

    def expose(self, names: set[str], text: str) -> None:
        """Refuse secrets in a place that cannot have them. Those that are IDs are no longer secret in the next reading.

        Raises Untranslatable if there are names.
        """
        for setting in self.by_place.values():
            if setting.secret and setting.secret_name in names and not setting.looks_like_key:
                setting.exposed = True
        if names:
            raise Untranslatable(f"a secret in {text}")

    def list_path_secrets(self) -> set[str]:
        """Return the names of secrets that stay secret in a path: required ones, and those that look like keys."""
        return {
            setting.secret_name
            for setting in self.by_place.values()
            if setting.secret and (setting.required or setting.looks_like_key)
        }

    def require(self, names: Iterable[str]) -> None:
        """Let every account have these secrets: a path needs all its parts."""
        wanted = set(names)
        for setting in self.by_place.values():
            if setting.secret and setting.secret_name in wanted:
                setting.required = setting.needed = True

    def list_revealed(self) -> list[str]:
        """Return the names of settings that the specification declares as secret but that are not secret here."""
        return [setting.path for setting in self.by_place.values() if setting.exposed and setting.declared_secret]

    # Values that an account supplies

    def is_declared(self, node: Node) -> bool:
        """Return whether the specification declares the value. Undeclared values never exist."""
        names = {setting.name for setting in self.by_place.values() if not setting.declared}
        return not (isinstance(node, PathNode) and node.root == "context" and node.steps[:1] and node.steps[0] in names)

    def list_choices(self, name: str) -> tuple[str, ...]:
        """Return the values that a name of the context can have, if the specification lists them."""
        return next(
            (setting.options for setting in self.by_place.values() if setting.name == name and not setting.secret), ()
        )

    def has_slash(self, name: str) -> bool | None:
        """Return whether a value of the context has slashes, as far as the specification shows values."""
        return next((setting.has_slash for setting in self.by_place.values() if setting.name == name), None)

    def list_fields(self) -> list[dict[str, Any]]:
        """Return the fields of the connector: the values that an account sets under `context`."""
        return [to_field(setting) for setting in self.by_place.values() if not setting.secret and setting.used]


def _take_names(steps: tuple[Any, ...]) -> Place:
    """Return the steps up to the first that is not a name."""
    length = next((n for n, one in enumerate(steps) if not isinstance(one, str)), len(steps))
    return steps[:length]


def _to_secret_name(text: str) -> str:
    """Return a name for a secret in the credential."""
    made = to_snake(text) or "secret"
    return f"key_{made}" if not made[0].isalpha() or made in _RESERVED else made
