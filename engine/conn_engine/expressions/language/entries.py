"""What the documentation of one word of the expression language holds."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["LanguageEntry", "Topic"]

Topic: TypeAlias = Literal["function", "operator", "variable"]


@dataclass(frozen=True, slots=True, eq=False)
class LanguageEntry:
    """A function, an operator or a name: its `signature` (`$split(text, separator, limit?) → list`), one sentence, and
    an example with its result.

    `example` is evaluated over `data`. `below` is the mapping of the level below, if the example is a field that an
    override sets. `also` are other spellings to find the entry by.
    """

    topic: Topic
    name: str
    signature: str
    doc: str
    example: str
    result: Any
    data: Any = None
    below: str = ""
    also: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of a function's parameters; `?` marks one that may be left out."""
        inner = self.signature.partition("(")[2].partition(")")[0]
        return tuple(name.strip() for name in inner.split(",") if name.strip()) if self.topic == "function" else ()
