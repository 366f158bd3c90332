"""Convert a manifest's URL and path to `base_url`, `path` and `query`.

A value in our path is one segment. A value with slashes (one of two paths, a complete path, or a name such as
`owner/repository`) becomes a list, in which every item is a segment.
"""

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from conn_import.airbyte.jinja import (
    Concat,
    Cond,
    Default,
    Each,
    FunctionNode,
    ListOf,
    Lit,
    Node,
    Not,
    ObjectOf,
    Op,
    PathNode,
    SecretNode,
    StepNode,
    Untranslatable,
    find_secrets,
    to_text,
    to_truth,
)
from conn_import.airbyte.templates import join_parts, split_parts, to_template
from conn_import.words import to_snake

__all__ = [
    "Url",
    "assume_secrets",
    "find_hosts",
    "parse_query",
    "replace_secrets",
    "split_after_host",
    "split_values",
    "spread_choices",
    "to_base_url",
    "to_url",
]

Options: TypeAlias = Callable[[str], Sequence[str]]

_SLASH = Lit("/")
_MOST_ALTERNATIVES = 200
_LIKE_PATH = re.compile(r"(^|_)(path|ur[il]|href|link|endpoint|route|full_name|resource_name)$")
_PAST_HOST = re.compile(r"https?://[^/?#]*[/?#]")
_HOST = re.compile(r"https?://([A-Za-z0-9.\0-]+(?::\d+)?)(?=[/?#]|$)")


@dataclass(slots=True)
class Url:
    """Path and query of a request; `secrets` are those that the path reads."""

    path: str
    query: dict[str, Node] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)


def assume_secrets(node: Node) -> Node:
    """Return a URL for an account that has all secrets: conditions that check for a secret are resolved."""
    if isinstance(node, Cond):
        test = to_truth(node.test)
        if isinstance(test, SecretNode):
            return assume_secrets(node.then)
        if isinstance(test, Not) and isinstance(test.value, SecretNode):
            return assume_secrets(node.other)
        return Cond(node.test, assume_secrets(node.then), assume_secrets(node.other))
    return join_parts([assume_secrets(piece) for piece in node.parts]) if isinstance(node, Concat) else node


def spread_choices(node: Node) -> Node:
    """Convert a string with a choice between parts of a host or a scheme to a choice between strings.

    `https://{{ 'eu.' if … else '' }}x.com` is one of two URLs; a host must be complete.
    """
    pieces = split_parts(to_text(node))
    for n, piece in enumerate(pieces):
        if isinstance(piece, Cond) and all(isinstance(leaf, Lit) for leaf in _list_leaves(piece)):
            branches = [
                spread_choices(join_parts([*pieces[:n], one, *pieces[n + 1 :]])) for one in (piece.then, piece.other)
            ]
            return Cond(piece.test, branches[0], branches[1])
    return join_parts(pieces)


def _list_leaves(node: Node) -> list[Node]:
    if isinstance(node, Cond):
        return [*_list_leaves(node.then), *_list_leaves(node.other)]
    return [node]


def to_base_url(node: Node) -> str:
    """Return `base_url`. Raises Untranslatable if it is not a URL."""
    made = to_template(spread_choices(node))
    if (
        not isinstance(made, str)
        or not re.match(r"https?://|\{\{", made)
        or re.search(r"\s", re.sub(r"\{\{.*?\}\}", "", made))
    ):
        raise Untranslatable("a URL that does not start with a scheme")
    return made.rstrip("/")


def find_hosts(node: Node, options: Options = lambda _: ()) -> list[str]:
    """Return the hosts that the tree of a URL contains, for every alternative. `options` returns the values that a
    name of the configuration can have, if the document lists them."""
    collected: dict[str, None] = {}
    for text in _list_alternatives(node, options):
        match = _HOST.match(text)
        labels = ["*" if "\0" in label else label for label in match[1].lower().split(".")] if match else [""]
        if not all(labels):
            continue
        while len(labels) > 1 and labels[0] == labels[1] == "*":
            labels.pop(0)
        if "*" not in labels[1:] and len(labels) > (2 if labels[0] == "*" else 1):
            collected[".".join(labels)] = None
    return list(collected)


def _list_alternatives(node: Node, options: Options) -> list[str]:
    """Return the possible strings of a URL up to its host. A mark stands for computed parts."""
    texts = [""]
    for piece in split_parts(node):
        values = _list_values(piece, options)
        made = [
            text if _PAST_HOST.match(text) else f"{text}{value}" for text in texts for value in dict.fromkeys(values)
        ]
        texts = list(dict.fromkeys(made)) if len(made) <= _MOST_ALTERNATIVES else [f"{text}\0" for text in texts]
    return texts


def _list_values(node: Node, options: Options) -> list[str]:
    match node:
        case Lit(value):
            return [str(value)]
        case Cond(_, then, other) | Default(then, other):
            return [*_list_alternatives(then, options), *_list_alternatives(other, options)]
        case StepNode(ObjectOf(pairs), (_,)):
            return [text for _, item in pairs for text in _list_alternatives(item, options)]
        case PathNode("context", (str() as name,)):
            return list(options(name)) or ["\0"]
        case _:
            return ["\0"]


def to_url(node: Node) -> Url:
    """Split a path's tree into path and query. Empty query values are sent empty, unless a condition drops them."""
    path, query = _divide(to_text(node))
    return Url(_to_path(path), query, find_secrets(path))


def split_values(node: Node, has_slash: Callable[[PathNode], bool | None]) -> Node:
    """Convert values that contain slashes to lists of segments. `has_slash` returns whether a value does, or None if
    unknown: then a value that is the complete path does, and one with the name of a path."""
    pieces = split_parts(node)
    alone = sum(piece != _SLASH for piece in pieces) == 1
    return join_parts([_split_value(piece, has_slash, alone=alone) for piece in pieces])


def _split_value(node: Node, has_slash: Callable[[PathNode], bool | None], *, alone: bool) -> Node:
    value = node.value if isinstance(node, Default) and node.other == Lit("") else node
    inner = value.value if isinstance(value, Default) else value
    if not isinstance(inner, PathNode) or inner.kind not in ("any", "text"):
        return node
    known = has_slash(inner)
    name = [one for one in (inner.root, *inner.steps) if isinstance(one, str)][-1]
    if known is False or not (known or alone or _LIKE_PATH.search(to_snake(name))):
        return node
    text = value if inner.kind == "text" and inner.root != "context" else FunctionNode("string", (value,), "text")
    return Each(
        "filter", FunctionNode("split", (text, _SLASH), "list"), ("s",), Op("!=", PathNode("$s"), Lit(""), "bool")
    )


def split_after_host(node: Node) -> tuple[list[Node], Node]:
    """Split an absolute URL after its host."""
    pieces = split_parts(node)
    for n, piece in enumerate(pieces):
        text = str(piece.value) if isinstance(piece, Lit) else ""
        slash = text.find("/", text.find("://") + 3 if "://" in text else 0)
        if slash >= 0:
            return [*pieces[:n], Lit(text[:slash])], join_parts([Lit(text[slash:]), *pieces[n + 1 :]])
    return pieces, Lit("")


def replace_secrets(node: Node, names: Container[str]) -> tuple[Node, dict[str, str]]:
    """Replace standalone secrets in a path by `{place}`. Returns the tree and the secrets' names by place."""
    nodes: list[Node] = []
    places: dict[str, str] = {}
    in_query = False
    for piece in split_parts(node):
        in_query = in_query or (isinstance(piece, Lit) and "?" in str(piece.value))
        if in_query or not isinstance(piece, SecretNode) or piece.name not in names:
            nodes.append(piece)
            continue
        places[to_snake(piece.name)] = piece.name
        nodes.append(Lit(f"{{{to_snake(piece.name)}}}"))
    return join_parts(nodes), places


Query = dict[str, Node]


def _divide(node: Node) -> tuple[Node, Query]:
    """Split at the first question mark."""
    if isinstance(node, Cond):
        (left, in_left), (right, in_right) = _divide(node.then), _divide(node.other)
        query: Query = {}
        for name in {**in_left, **in_right}:
            then, other = in_left.get(name, Lit(None)), in_right.get(name, Lit(None))
            query[name] = then if then == other else Cond(node.test, then, other)
        return (left if left == right else Cond(node.test, left, right)), query
    pieces = split_parts(node)
    for n, piece in enumerate(pieces):
        if isinstance(piece, Lit) and "?" in str(piece.value):
            before, _, after = str(piece.value).partition("?")
            query_after = parse_query([Lit(after), *pieces[n + 1 :]])
            return (node, {}) if query_after is None else (join_parts([*pieces[:n], Lit(before)]), query_after)
        if isinstance(piece, Cond) and n == len(pieces) - 1:
            path, query = _divide(piece)
            if query:
                return join_parts([*pieces[:n], path]), query
    return node, {}


def parse_query(pieces: list[Node]) -> Query | None:
    """Parse `a=1&b={{x}}`. Returns None if it is not a list of parameters."""
    query: Query = {}
    current: list[list[Node]] = [[]]
    for piece in pieces:
        if not isinstance(piece, Lit):
            current[-1].append(piece)
            continue
        for n, text in enumerate(str(piece.value).split("&")):
            if n:
                current.append([])
            if text:
                current[-1].append(Lit(text))
    for pair in current:
        if not pair:
            continue
        first = pair[0]
        if not isinstance(first, Lit) or "=" not in str(first.value):
            return None
        name, _, value = str(first.value).partition("=")
        if not name or name in query or "/" in name:
            return None
        query[name] = join_parts([Lit(value), *pair[1:]])
    return query


def _to_path(node: Node) -> str:
    """Convert a path to a template."""
    words: list[str] = []
    for piece in _complete_segments(split_parts(node)):
        if isinstance(piece, Lit):
            text = re.sub("/{2,}", "/", str(piece.value)).replace("{{", "{{'{{'}}")
            words.append(text.lstrip("/") if words and words[-1].endswith("/") else text)
        elif _has_slash(piece):
            words.append(str(to_template(_to_segments(piece))))
        else:
            words.append(str(to_template(piece)))
    text = "".join(words)
    return text if text.startswith("/") or not text else f"/{text}"


def _complete_segments(pieces: list[Node]) -> list[Node]:
    """Merge a choice of paths with the rest of its first and last segment."""
    waiting = [one for piece in pieces for one in _split_at_slashes(piece)]
    nodes: list[Node] = []
    while waiting:
        piece = waiting.pop(0)
        if isinstance(piece, Cond) and _has_slash(piece):
            before: list[Node] = []
            after: list[Node] = []
            while nodes and nodes[-1] != _SLASH:
                before.insert(0, nodes.pop())
            while waiting and waiting[0] != _SLASH:
                after.append(waiting.pop(0))
            piece = _wrap(before, piece, after)
        nodes.append(piece)
    return split_parts(join_parts(nodes))


def _split_at_slashes(piece: Node) -> list[Node]:
    return [Lit(text) for text in re.split("(/)", str(piece.value)) if text] if isinstance(piece, Lit) else [piece]


def _wrap(before: list[Node], piece: Node, after: list[Node]) -> Node:
    if isinstance(piece, Cond):
        return Cond(piece.test, _wrap(before, piece.then, after), _wrap(before, piece.other, after))
    return join_parts([*before, *split_parts(piece), *after])


def _has_slash(node: Node) -> bool:
    if isinstance(node, Cond):
        return _has_slash(node.then) or _has_slash(node.other)
    if isinstance(node, Default):
        return _has_slash(node.other)
    return any(isinstance(one, Lit) and "/" in str(one.value) for one in split_parts(node))


def _to_segments(node: Node) -> Node:
    """Convert text with slashes to the list of its segments."""
    if isinstance(node, Cond):
        return Cond(node.test, _to_segments(node.then), _to_segments(node.other))
    if isinstance(node, Default):
        return Default(_to_segments(node.value), _to_segments(node.other), node.truth)
    collected: list[list[Node]] = [[]]
    for piece in split_parts(node):
        if not isinstance(piece, Lit):
            collected[-1].append(piece)
            continue
        for n, text in enumerate(str(piece.value).split("/")):
            if n:
                collected.append([])
            if text:
                collected[-1].append(Lit(text))
    return ListOf(tuple(join_parts(one) for one in collected if one))
