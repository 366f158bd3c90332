"""Parse YAML text to data and places, in one walk over the composed nodes. All YAML is read here.

The module is imported when first needed.
"""

import re
from collections.abc import Container
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from conn_engine.diagnostics import Diagnostic
from conn_engine.documents.core_schema import TooManyDigitsError, resolve
from conn_engine.documents.document import Place
from conn_engine.documents.faults import SourceText, build_duplicate_key
from conn_engine.documents.limits import MAX_ALIASED, MAX_DEPTH, MAX_DIGITS, MAX_DUPLICATES, MAX_NODES
from conn_engine.documents.surrogates import can_stand_in, replace_surrogates, restore
from conn_engine.documents.yaml_faults import fail_lone_surrogate, fail_syntax, fail_wrong_key

__all__ = ["load"]

_PLAIN = "?"
_OTHER = "!"
_CORE = "tag:yaml.org,2002:"
_TEXT_TAG = f"{_CORE}str"
_FLOAT_TAG = f"{_CORE}float"
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    _TEXT_TAG: (str,),
    _FLOAT_TAG: (float,),
    f"{_CORE}int": (int,),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
}
_LIST_TAGS = frozenset((_OTHER, f"{_CORE}seq"))
_MAPPING_TAGS = frozenset((_OTHER, f"{_CORE}map"))
_BLOCK_STYLES = frozenset("|>")
_PROPERTY_SIGNS = frozenset("&!")
_PROPERTIES = re.compile(r"(?:(?:&[\w-]*|!<[^>]*>|![^\s,\[\]{}]*)(?:\s+(?:#[^\r\n]*[\r\n]+\s*)*)?)+")
_BLANKS = re.compile(r"[ \t]*")


class _LimitExceededError(Exception):
    """A limit was exceeded while composing nodes. The composer is recursive and has no limit itself."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.at = offset


class _BoundedResolver:
    """The resolver that the composer calls for every node, so it also limits their depth and number."""

    max_nodes = MAX_NODES
    _depth = 0
    _nodes = 0

    def descend_resolver(self, parent: Any, _index: Any) -> None:
        self._depth += 1
        self._nodes += 1
        if self._depth > MAX_DEPTH + 1:
            message = f"more than {MAX_DEPTH} nested levels of lists and mappings"
            raise _LimitExceededError(message, parent.start_mark.index)
        if self._nodes > self.max_nodes:
            raise _LimitExceededError(f"more than {self.max_nodes} values in one document", parent.start_mark.index)

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def resolve(self, kind: Any, _value: Any, implicit: Any) -> str:
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _OTHER


class SlowComposer(_BoundedResolver, Reader, Scanner, Parser, Composer):
    """The composer for installations of PyYAML without its C extension."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


def _fast_composer() -> Any:
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return SlowComposer

    class FastComposer(_BoundedResolver, CParser):
        pass

    return FastComposer


COMPOSER: Any = _fast_composer()


def load(origin: SourceText, composer: Any = COMPOSER, *, max_nodes: int = MAX_NODES) -> tuple[Any, Place]:
    """Return the data and its places. Raises ConfigurationError (DOC002 to DOC006, DOC008, DOC009)."""
    try:
        node, stood_in = _compose(origin, composer, max_nodes)
    except _LimitExceededError as fault:
        origin.fail("DOC005", str(fault), fault.at, hint="split the document")
    except yaml.YAMLError as fault:
        fail_syntax(origin, fault)
    except UnicodeEncodeError as fault:
        fail_lone_surrogate(origin, fault.start)
    except (RecursionError, ValueError, AttributeError) as fault:
        origin.fail("DOC002", f"not YAML: {fault}")
    if node is None:
        return None, Place(len(origin.text), len(origin.text))
    walk = _NodeWalk(origin, stood_in)
    data, place = walk.build(node)
    origin.report_repeated(walk.findings)
    return data, place


def _compose(origin: SourceText, composer: Any, max_nodes: int) -> tuple[yaml.Node | None, bool]:
    """Return the root node, and whether surrogate pairs were replaced."""
    try:
        return _node(composer(origin.text), max_nodes), False
    except yaml.YAMLError as fault:
        if "Unicode character escape" not in str(fault) or not can_stand_in(origin.text):
            raise
    return _node(composer(replace_surrogates(origin.text)), max_nodes), True


def _node(composer: Any, max_nodes: int) -> yaml.Node | None:
    composer.max_nodes = max_nodes
    node: yaml.Node | None = composer.get_single_node()
    return node


class _NodeWalk:
    """Builds data and places from nodes. Faults that leave the rest readable are added to `findings`."""

    def __init__(self, origin: SourceText, stood_in: bool) -> None:
        self.findings: list[Diagnostic] = []
        self._origin = origin
        self._text = origin.text
        self._stood_in = stood_in
        self._path: list[str | int] = []
        self._built: set[int] = set()
        self._open: set[int] = set()
        self._aliased = 0
        self._inside_alias = 0

    def build(self, node: Any) -> tuple[Any, Place]:
        """Return the data of a node and its place. An aliased node is built again, so that the data shares nothing."""
        if self._inside_alias:
            self._count(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        name = id(node)
        place = Place(self._start(node), node.end_mark.index)
        self._enter(name, place)
        again = name in self._built
        self._built.add(name)
        self._inside_alias += again
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, _LIST_TAGS)
            data: Any = self._items(node, place)
        else:
            self._check_tag(node, _MAPPING_TAGS)
            data = self._members(node, place)
        self._inside_alias -= again
        self._open.remove(name)
        if not node.flow_style and place.children:
            # The composer ends a block only where the next token starts: after blank lines and comments.
            place.end = max(place.start, next(reversed(place.children.values())).end)
        return data, place

    def _enter(self, name: int, place: Place) -> None:
        if name in self._open:
            message = "an alias is inside the value that it repeats"
            self._origin.fail("DOC004", message, place.start, hint="write the value out")
        self._open.add(name)
        if len(self._open) > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} nested levels of lists and mappings"
            self._origin.fail("DOC005", message, place.start, hint="split the document")

    def _items(self, node: Any, place: Place) -> list[Any]:
        data = []
        children: dict[Any, Place] = {}
        place.children = children
        self._path.append(0)
        for index, item in enumerate(node.value):
            self._path[-1] = index
            value, children[index] = self.build(item)
            data.append(value)
        self._path.pop()
        return data

    def _members(self, node: Any, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        children: dict[Any, Place] = {}
        keys: dict[str, Place] = {}
        place.children, place.keys = children, keys
        self._path.append("")
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                fail_wrong_key(self._origin, key_node.start_mark.index, place.start)
            key, key_place = self._text_of(key_node)
            self._path[-1] = key
            if key == "<<" and not key_place.style:
                message = "merge keys (<<) are not part of YAML 1.2"
                hint = 'write the keys out, repeat the complete value with an alias, or quote "<<" if it is a name'
                self._origin.fail("DOC008", message, key_place.start, key_place.end, hint=hint)
            if key in data:
                self._duplicate(key, key_place, keys[key])
            data[key], children[key] = self.build(value_node)
            keys.setdefault(key, key_place)
        self._path.pop()
        return data

    def _scalar(self, node: Any) -> tuple[Any, Place]:
        text, place = self._text_of(node)
        tag = node.tag
        if tag == _OTHER:
            return text, place
        if tag != _PLAIN:
            self._check_tag(node, _SCALAR_TAGS)
            if tag == _TEXT_TAG:
                return text, place
        try:
            value = resolve(text)
        except TooManyDigitsError:
            message = f"an integer is longer than {MAX_DIGITS} digits"
            self._origin.fail("DOC005", message, place.start, place.end)
        if tag == _PLAIN:
            return value, place
        if tag == _FLOAT_TAG and type(value) is int:
            value = float(value)
        if type(value) not in _SCALAR_TAGS[tag]:
            message = f"the value does not match its tag !!{tag.removeprefix(_CORE)}"
            self._origin.fail("DOC006", message, place.start, place.end, hint="remove the tag")
        return value, place

    def _text_of(self, node: Any) -> tuple[str, Place]:
        value: str = node.value
        style: str = node.style or ""
        start, end = self._start(node), node.end_mark.index
        if self._stood_in:
            value = restore(value, style, self._text[start:end])
        if style in _BLOCK_STYLES:
            end = len(self._text[start:end].rstrip(" \t\r\n")) + start
            blanks = _BLANKS.match(self._text, end)
            end = blanks.end() if blanks else end
        return value, Place(start, end, style)

    def _start(self, node: Any) -> int:
        """Return the start of a node after its anchor and tag."""
        start: int = node.start_mark.index
        if self._text[start : start + 1] in _PROPERTY_SIGNS:
            match = _PROPERTIES.match(self._text, start, node.end_mark.index)
            start = match.end() if match else start
        return start

    def _check_tag(self, node: Any, tags: Container[str]) -> None:
        if node.tag not in tags:
            start = node.start_mark.index
            message = f"the tag {node.tag.replace(_CORE, '!!')[:80]} is not supported"
            hint = "remove the tag, and quote the value if it is text"
            self._origin.fail("DOC006", message, start, max(self._start(node), start + 1), hint=hint)

    def _count(self, node: Any) -> None:
        self._aliased += 1
        if self._aliased > MAX_ALIASED:
            message = f"aliases repeat more than {MAX_ALIASED} values"
            self._origin.fail("DOC004", message, node.start_mark.index, hint="write the values out")

    def _duplicate(self, key: str, place: Place, first: Place) -> None:
        if len(self.findings) < MAX_DUPLICATES and not self._inside_alias:
            self.findings.append(build_duplicate_key(self._origin, key, self._path, place, first))
