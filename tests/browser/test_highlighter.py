"""The studio colors an expression by the tokens that the engine reads."""

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import launching

from conn_engine.expressions.tokens import LexError, lex

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "engine/conn_service/studio/static/jsonata.js"
CORPUS = ("connectors", "example", "templates")
WRITTEN = (
    "a /* one\ntwo */ / b",
    '"one\ntwo \\" three" & \'x\'',
    "$match(a, /[/(]\\/x{2}/im)",
    "a / b / c",
    "(/x/)",
    "a[b / 2] / 3",
    "* * 2 / %.a",
    "$ ~> |a.b|{'c': d / 2}| / 2",
    "and and or or in in and",
    "`a\nb`.`c d`",
    "[1..3].{'a': 1e-3 / 0.5}",
    "function($x){ $x ?? null ?: λ }(1)",
    "$😀.naïve.'😀'",
)


def read_corpus() -> Iterator[str]:
    """Yield every text of the workspaces, and every string of a case or of a test, that the engine can split."""
    for folder in CORPUS:
        for path in sorted((ROOT / folder).rglob("*.yaml")):
            lines = path.read_text("utf-8").splitlines()
            yield from (line.partition(": ")[2] for line in lines)
            yield "\n".join(lines)
    yield from read_strings(json.loads((ROOT / "tests/engine/expressions/cases.json").read_text("utf-8")))
    for path in sorted((ROOT / "tests/engine/expressions").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def read_strings(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from read_strings(value)


def read_tokens(texts: list[str]) -> list[list[list[str]]]:
    node = shutil.which("node")
    assert node, "Install Node.js 20 or later (apt-get install nodejs)."
    command = [node, str(ROOT / "tests/browser/highlighter.mjs"), str(MODULE)]
    sent = json.dumps(texts)
    done = launching.run(command, input=sent, capture_output=True, text=True, timeout=120, check=True)
    tokens: list[list[list[str]]] = json.loads(done.stdout)
    return tokens


def test_the_highlighter_finds_the_tokens_of_the_engine() -> None:
    expected = {}
    for text in (*WRITTEN, *read_corpus()):
        try:
            expected[text] = [[token.kind, token.text] for token in lex(text)]
        except LexError:
            continue
    assert len(expected) > 2_000
    for text, tokens in zip(expected, read_tokens(list(expected)), strict=True):
        assert tokens == expected[text], text


def test_what_the_engine_refuses_is_colored_to_its_end() -> None:
    broken = ['"open', "`open", "a + /open", "a /* open", "a ) b", "\x00 a"]
    last = [tokens[-1][1] for tokens in read_tokens(broken)]
    assert last == ['"open', "`open", "/open", "a", "b", "a"]
