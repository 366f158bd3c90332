"""Lines and depth of documents in YAML, Python and TypeScript."""

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Size", "measure"]

_COMMENTS = {".yaml": "#", ".py": "#", ".ts": "//"}
_TEXT = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`|//[^\n]*")


@dataclass(frozen=True, slots=True)
class Size:
    """Lines that are neither blank nor a comment, the deepest nesting, and the characters without white space."""

    lines: int
    depth: int
    characters: int

    def __str__(self) -> str:
        return f"{self.lines} / {self.depth}"

    @classmethod
    def combine(cls, sizes: Sequence["Size"]) -> "Size":
        """The size of several documents: the sum of their lines, and the greatest depth."""
        return cls(
            sum(size.lines for size in sizes),
            max(size.depth for size in sizes),
            sum(size.characters for size in sizes),
        )


def measure(files: Iterable[Path]) -> Size:
    """The size of the files that describe one API. Raises ValueError if it has no files."""
    return Size.combine([_measure_file(path) for path in files])


def _measure_file(path: Path) -> Size:
    text = path.read_text("utf-8")
    stripped = (line.strip() for line in text.splitlines())
    lines = [line for line in stripped if line and not line.startswith(_COMMENTS[path.suffix])]
    depth = {".yaml": _yaml_depth, ".py": _python_depth, ".ts": _bracket_depth}[path.suffix](text)
    return Size(len(lines), depth, sum(len(re.sub(r"\s", "", line)) for line in lines))


def _yaml_depth(text: str) -> int:
    """Mappings and lists around the deepest value, without the document's own mapping."""
    return _levels(yaml.safe_load(text)) - 1


def _levels(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_levels, value.values() if isinstance(value, dict) else value), default=0)


def _python_depth(text: str) -> int:
    """Indented blocks and brackets around the deepest token."""
    steps = {tokenize.INDENT: 1, tokenize.DEDENT: -1}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return _deepest(steps.get(token.type, 0) or _bracket(token.string) for token in tokens)


def _bracket_depth(text: str) -> int:
    return _deepest(map(_bracket, _TEXT.sub("", text)))


def _bracket(text: str) -> int:
    return (text in ("(", "[", "{")) - (text in (")", "]", "}"))


def _deepest(steps: Iterable[int]) -> int:
    return max(_add_up(steps), default=0)


def _add_up(steps: Iterable[int]) -> Iterator[int]:
    level = 0
    for step in steps:
        level += step
        yield level
