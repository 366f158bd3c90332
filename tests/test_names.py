"""Names that a reader can trust: a class name means one thing, and a function is named by what it does."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for folder in ("cli", "engine") for path in (ROOT / folder).rglob("*.py"))

VERBS = frozenset({"bleed", "breed", "embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed"})
NOUNS = frozenset({"ceiling", "ping", "ring", "string"})
IRREGULAR = """
anew begun bound built caught chosen done drawn driven felt found given gone got held hidden kept known laid learned led
left lost made meant met paid said seen sent shown spent spoken stolen stood struck taken taught thought told torn
understood undone won worn wound written wrong broken brought frozen forgotten
"""
PREPOSITIONS = """
above after again all already also any at before behind below beside besides between beyond by each either else
everything anything nothing something ever few from here in inside into many more most near neither never no none not of
off on one only onto other out outside over own same since so some still than that there these this those through to
under until up upon what when where which who whole whose with within without
"""
ODD = frozenset((IRREGULAR + PREPOSITIONS).split())


def test_a_function_is_named_by_a_verb() -> None:
    assert sorted(find_odd_functions()) == []


def test_a_class_name_is_used_once() -> None:
    places = defaultdict(list)
    for path, tree in parse_all():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", ["kept", "_kept", "settled", "within", "own", "remembering"])
def test_a_bare_participle_or_preposition_is_odd(name: str) -> None:
    assert is_odd(name)


@pytest.mark.parametrize("name", ["keep", "read", "find_kept", "feed", "to_state", "is_settled", "__or__", "string"])
def test_a_verb_phrase_is_not_odd(name: str) -> None:
    assert not is_odd(name)


def find_odd_functions() -> Iterator[str]:
    for path, tree in parse_all():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_odd(node.name) and not is_property(node):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"


def is_odd(name: str) -> bool:
    """Whether a name is one word that is a participle, a preposition or the like."""
    word = name.strip("_")
    if name.startswith("__") or "_" in word or word in VERBS | NOUNS:
        return False
    return word in ODD or word.endswith("ed") or (word.endswith("ing") and len(word) > 4)


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


@cache
def parse_all() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in FILES]
