"""The short form of documents. `expand` returns the canonical form, in which levels are merged, and where the author
wrote each part of it; `shorten` returns the short form of canonical data.

- A strategy may have its settings next to `format` instead of below `config`, and may be only the name of its format:
`{format: page, size: 50}`, `authorization: bearer`.
- A setting may have another common name (an alias).
- An operation may be only its path: `list: /people`.

Canonical data has `{format: …, config: {…}}` and the names of the models. An override may leave out the `format` of a
strategy: it has the one below.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from conn_engine.config.merge import Path_, lookup
from conn_engine.config.plans import (
    Plan,
    StructPlan,
    choose_structs,
    common_aliases,
    common_plan,
    compile_plan,
    is_flat,
)

__all__ = [
    "Moves",
    "Spelling",
    "WrittenPlaces",
    "expand",
    "find_canonical",
    "find_long_strategies",
    "find_spellings",
    "shorten",
]

Moves: TypeAlias = dict[Path_, Path_]
"""What an expansion moved: the place after it to the place before it. Everything below moved with it."""
_KEYS: Final = frozenset({"format", "config"})


@dataclass(frozen=True, slots=True)
class WrittenPlaces:
    """Where the author wrote what is at a place of the canonical form. `moves` are those of each expansion, the last
    one first."""

    moves: Sequence[Moves] = ()

    def find(self, path: Path_) -> Path_:
        """Return the place in the document of a canonical place. The longest moved prefix applies."""
        for moved in self.moves:
            path = _find_before(path, moved)
        return path

    def add_earlier(self, moved: Moves) -> "WrittenPlaces":
        """Return the places if an earlier expansion had these moves."""
        return WrittenPlaces((*self.moves, moved))


def _find_before(path: Path_, moved: Moves) -> Path_:
    for end in range(len(path) if moved else 0, 0, -1):
        before = moved.get(path[:end])
        if before is not None:
            return (*before, *path[end:])
    return path


@dataclass(frozen=True, slots=True)
class Spelling:
    """A setting under another name than that of its model, or at an earlier place. `path` is its place in the document,
    `name` the name to write (`windows[0].limit` for a place next to it)."""

    path: Path_
    name: str


def find_spellings(data: Any, kind: Any, below: Any = None) -> list[Spelling]:
    """Return the settings of a document that are written under other names than those of the models."""
    expander = _Expander()
    expander.visit(data, compile_plan(kind), below, (), ())
    return expander.spellings


def expand(data: Any, kind: Any, below: Any = None) -> tuple[Any, WrittenPlaces]:
    """Return the canonical form of a document's data, and where its parts are written.

    `below` is the canonical data that it will be merged over, None for a connector. The input is not changed, and is
    returned as it is if it has no short forms.
    """
    expander = _Expander()
    expanded = expander.visit(data, compile_plan(kind), below, (), ())
    return expanded, WrittenPlaces((expander.moved,))


@dataclass(slots=True)
class _Expander:
    """Expands strategies and renames aliases. `path` is a place in the result, and `written` the same place in the
    input."""

    moved: Moves = field(default_factory=dict)
    spellings: list[Spelling] = field(default_factory=list)

    def visit(self, data: Any, plan: Plan | None, below: Any, path: Path_, written: Path_) -> Any:
        if plan is None:
            return data
        if isinstance(data, dict):
            if "" in plan.structs:
                return self._visit_struct(data, plan.structs[""], below, path, written)
            if plan.structs:
                return self._visit_strategy(data, plan, below, path, written)
            if plan.value is not None:
                return self._visit_items(data, lambda _: plan.value, below, path, written)
        elif isinstance(data, list) and plan.item is not None:
            items = [self.visit(item, plan.item, None, (*path, i), (*written, i)) for i, item in enumerate(data)]
            return data if all(a is b for a, b in zip(items, data, strict=True)) else items
        elif isinstance(data, str) and (key := _find_text_key(data, plan)):
            self.moved[*path, key] = written
            return {key: data}
        elif isinstance(data, str) and data in plan.structs:
            self.moved[*path, "format"] = written
            return {"format": data}
        elif isinstance(data, str) and data in plan.formats:
            alias = plan.formats[data]
            self.spellings.append(Spelling(written, alias.tag))
            self.moved[*path, "format"] = written
            return {"format": alias.tag, "config": dict(alias.settings)}
        return data

    def _visit_struct(self, data: dict[str, Any], struct: StructPlan, below: Any, path: Path_, written: Path_) -> Any:
        self.spellings += [Spelling((*written, key), struct.moved[key]) for key in data if key in struct.moved]
        renamed = self._rename(data, struct.aliases, path, written)
        return self._visit_items(renamed, struct.get_plan, below, path, written)

    def _visit_strategy(self, data: dict[str, Any], plan: Plan, below: Any, path: Path_, written: Path_) -> Any:
        data = self._rename_format(data, plan, below, path, written)
        flat = is_flat(data)
        settings = {key: value for key, value in data.items() if key != "format"} if flat else data.get("config")
        if not isinstance(settings, dict):
            return data
        if flat:
            self.moved[*path, "config"] = written
        lower = below if isinstance(below, dict) else {}
        candidates = choose_structs(data.get("format", lower.get("format")), plan)
        place, written_place = (*path, "config"), written if flat else (*written, "config")
        config = self._rename(settings, common_aliases(candidates), place, written_place)
        config = self._visit_items(
            config, lambda key: common_plan(key, candidates), lower.get("config"), place, written_place
        )
        if not flat:
            return data if config is settings else {**data, "config": config}
        return {"format": data["format"], "config": config} if "format" in data else {"config": config}

    def _rename_format(
        self, data: dict[str, Any], plan: Plan, below: Any, path: Path_, written: Path_
    ) -> dict[str, Any]:
        """Return the strategy with the name of its format instead of another one, and with what that one stands for.

        Below may be the same format with settings that refine these (`rsa-sha256` refines `rsa`), which stay. If they
        differ, the strategy replaces the one below, as one of another format does.
        """
        tag = data.get("format")
        alias = plan.formats.get(tag) if isinstance(tag, str) else None
        if alias is None:
            return data
        self.spellings.append(Spelling((*written, "format"), alias.tag))
        same = isinstance(below, dict) and below.get("format") == alias.tag and isinstance(below.get("config"), dict)
        lower = below["config"] if same else {}
        settings = dict(alias.settings)
        if same and all(str(lower.get(key, "")).startswith(str(value)) for key, value in settings.items()):
            settings = {}
        elif same:
            settings = {**dict.fromkeys(lower), **settings}
        self.moved.update({(*path, "config", key): (*written, "format") for key in settings})
        if isinstance(data.get("config"), dict):
            return {**data, "format": alias.tag, "config": {**settings, **data["config"]}}
        return {**settings, **data, "format": alias.tag}

    def _visit_items(
        self,
        data: dict[str, Any],
        get_plan: Callable[[str], Plan | None],
        below: Any,
        path: Path_,
        written: Path_,
    ) -> dict[str, Any]:
        lower = below if isinstance(below, dict) else {}
        changed: dict[str, Any] = {}
        for key, value in data.items():
            plan = get_plan(key)
            if plan is not None:
                place = (*path, key)
                before = self.moved.get(place, (*written, key))
                made = self.visit(value, plan, lower.get(key), place, before)
                if made is not value:
                    changed[key] = made
        return {**data, **changed} if changed else data

    def _rename(self, data: dict[str, Any], aliases: Mapping[str, str], path: Path_, written: Path_) -> dict[str, Any]:
        present = {key: aliases[key] for key in data if key in aliases and aliases[key] not in data}
        for key, name in present.items():
            self.moved[*path, name] = (*written, key)
            self.spellings.append(Spelling((*written, key), name))
        return {present.get(key, key): value for key, value in data.items()} if present else data


def _find_text_key(text: str, plan: Plan) -> str:
    """Return the key of the only setting that a string sets; "" if a string is not a model of this plan."""
    key, pattern = (plan.structs[""].text_form if "" in plan.structs else None) or ("", "")
    return key if key and re.match(pattern, text) else ""


def find_canonical(path: Path_, data: Any, kind: Any) -> Path_:
    """Return the canonical place that a place means, in either form. `data` is the canonical data that it is in."""
    return _find_canonical(path, data, compile_plan(kind))


def _find_canonical(path: Path_, data: Any, plan: Plan | None) -> Path_:
    if plan is None or not path:
        return path
    if isinstance(path[0], int) or not plan.structs:
        inner = plan.item if isinstance(path[0], int) else plan.value
        return (path[0], *_find_canonical(path[1:], lookup(data, path[:1]), inner))
    if "" in plan.structs:
        return _find_setting(path, data, [plan.structs[""]])
    if path[0] == "format":
        return path
    tag = data.get("format") if isinstance(data, dict) else None
    rest = path[1:] if path[0] == "config" else path
    return ("config", *_find_setting(rest, lookup(data, ("config",)), choose_structs(tag, plan)))


def _find_setting(path: Path_, data: Any, candidates: Sequence[StructPlan]) -> Path_:
    if not path:
        return path
    key = str(path[0])
    name = common_aliases(candidates).get(key, key)
    return (name, *_find_canonical(path[1:], lookup(data, (name,)), common_plan(name, candidates)))


# --- the inverse ---


def shorten(data: Any, kind: Any) -> Any:
    """Return the short form of canonical data. `expand` returns the same data again. The input is not changed."""
    return _shorten(data, compile_plan(kind))


def find_long_strategies(data: Any, kind: Any) -> Iterator[Path_]:
    """Yield the places of `config` in strategies whose settings can stand next to `format`, the innermost first."""
    yield from _find_long(data, compile_plan(kind), ())


def _find_long(data: Any, plan: Plan | None, path: Path_) -> Iterator[Path_]:
    if plan is None:
        return
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _find_long(item, plan.item, (*path, index))
    elif isinstance(data, dict) and "" in plan.structs:
        for key, value in data.items():
            struct = plan.structs[""]
            yield from _find_long(value, struct.get_plan(struct.aliases.get(key, key)), (*path, key))
    elif isinstance(data, dict) and plan.structs:
        config = data.get("config") if not data.keys() - _KEYS else data
        at = (*path, "config") if config is not data else path
        candidates = choose_structs(data.get("format"), plan)
        for key, value in config.items() if isinstance(config, dict) else ():
            name = common_aliases(candidates).get(key, key)
            yield from _find_long(value, common_plan(name, candidates), (*at, key))
        if config is not data and isinstance(config, dict) and config and not config.keys() & _KEYS:
            yield at
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _find_long(value, plan.value, (*path, key))


def _shorten(data: Any, plan: Plan | None) -> Any:
    if plan is None:
        return data
    if isinstance(data, dict):
        if "" in plan.structs:
            struct = plan.structs[""]
            key = struct.text_form[0] if struct.text_form else ""
            if data.keys() == {key} and isinstance(data[key], str) and _find_text_key(data[key], plan):
                return data[key]
            return {key: _shorten(value, struct.get_plan(struct.aliases.get(key, key))) for key, value in data.items()}
        if plan.structs:
            return _shorten_strategy(data, plan)
        return {key: _shorten(value, plan.value) for key, value in data.items()}
    if isinstance(data, list) and plan.item is not None:
        return [_shorten(item, plan.item) for item in data]
    return data


def _shorten_strategy(data: dict[str, Any], plan: Plan) -> Any:
    tag, config = data.get("format"), data.get("config")
    if data.keys() == {"format"} and isinstance(tag, str) and tag in plan.structs:
        return tag
    if not isinstance(config, dict):
        return data
    candidates = choose_structs(tag, plan)
    aliases = common_aliases(candidates)
    config = {key: _shorten(value, common_plan(aliases.get(key, key), candidates)) for key, value in config.items()}
    if not config or data.keys() - _KEYS or config.keys() & _KEYS:
        return {**data, "config": config}
    return {"format": tag, **config} if "format" in data else config
