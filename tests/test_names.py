"""Names that a reader can trust: a class name means one thing, and a function is named by what it does."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from scanning import ROOT, scan

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
    assert [place for functions, _ in find_all() for place in functions] == []


def test_a_class_name_is_used_once() -> None:
    places = defaultdict(list)
    for _, classes in find_all():
        for name, place in classes:
            places[name].append(place)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", ["kept", "_kept", "settled", "within", "own", "remembering"])
def test_a_bare_participle_or_preposition_is_odd(name: str) -> None:
    assert is_odd(name)


@pytest.mark.parametrize("name", ["keep", "read", "find_kept", "feed", "to_state", "is_settled", "__or__", "string"])
def test_a_verb_phrase_is_not_odd(name: str) -> None:
    assert not is_odd(name)


@cache
def find_all() -> list[tuple[list[str], list[tuple[str, str]]]]:
    """The odd functions of each module, and its public classes, with their places."""
    paths = sorted(path for folder in ("cli", "engine") for path in (ROOT / folder).rglob("*.py"))
    return [
        (
            [f"{path.relative_to(ROOT)}:{line}: {name}" for name, line in functions],
            [(name, f"{path.relative_to(ROOT)}:{line}") for name, line in classes],
        )
        for path, (functions, classes) in scan(look, paths).items()
    ]


def look(tree: ast.Module) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    functions, classes = list(find_odd_functions(tree)), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            classes.append((node.name, node.lineno))
    return functions, classes


def find_odd_functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_odd(node.name) and not is_property(node):
            yield node.name, node.lineno


def is_odd(name: str) -> bool:
    """Whether a name is one word that is a participle, a preposition or the like."""
    word = name.strip("_")
    if name.startswith("__") or "_" in word or word in VERBS | NOUNS:
        return False
    return word in ODD or word.endswith("ed") or (word.endswith("ing") and len(word) > 4)


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_a_module_of_tests_that_another_one_imports_has_a_name_of_its_own() -> None:
    """Two of one name depend on which is imported first."""
    folder = Path(__file__).parent
    imported = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r"^ *from (\w+) import", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    loose = (path for path in folder.rglob("*.py") if not (path.parent / "__init__.py").exists())
    names = [path.stem for path in loose if path.stem in imported]
    assert sorted({name for name in names if names.count(name) > 1}) == []
