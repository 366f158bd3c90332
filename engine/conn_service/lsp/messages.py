"""What the server and its analysis process exchange: an `EditorQuery`, and an `EditorReply` with its result.

Positions are the protocol's: lines and characters count from 0, and characters are units of the editor's encoding.
"""

from typing import Literal

from msgspec import Struct

__all__ = [
    "EditorAction",
    "EditorQuery",
    "EditorReply",
    "Encoding",
    "FileProblems",
    "HoverText",
    "Method",
    "Problem",
    "RelatedPlace",
    "Suggestion",
    "TargetPlace",
    "TextRange",
]

Encoding = Literal["utf-8", "utf-16", "utf-32"]
Method = Literal["lint", "complete", "hover", "define", "act", "explain"]


class TextRange(Struct, frozen=True):
    """A range of a file. The end is exclusive."""

    line: int
    character: int
    end_line: int
    end_character: int


class RelatedPlace(Struct, frozen=True):
    """Another place that a finding mentions."""

    path: str
    range: TextRange
    message: str


class Problem(Struct, frozen=True):
    """A finding of `conn lint` in an open document. `severity` is the protocol's: 1 is an error."""

    range: TextRange
    severity: int
    code: str
    message: str
    related: list[RelatedPlace] = []


class FileProblems(Struct, frozen=True):
    """The findings of one open document."""

    path: str
    problems: list[Problem]


class Suggestion(Struct, frozen=True, omit_defaults=True):
    """What may be written at the cursor. `text` replaces the range; `kind` decides the icon."""

    label: str
    kind: Literal["key", "value", "field", "function", "variable", "name"]
    range: TextRange
    text: str
    detail: str = ""
    documentation: str = ""


class HoverText(Struct, frozen=True):
    """Markdown about what is at the cursor."""

    range: TextRange
    text: str


class TargetPlace(Struct, frozen=True):
    """A place to go to."""

    path: str
    range: TextRange


class EditorAction(Struct, frozen=True):
    """A fix of a finding: the range is replaced by the text. One that is not certain needs a person to choose it."""

    title: str
    code: str
    range: TextRange
    text: str
    is_certain: bool


class EditorQuery(Struct, frozen=True, omit_defaults=True):
    """A question about the documents.

    `changes` has the text of each document that was opened or changed since the last query, by path; None for a
    closed one. `reload` is set when files on the disk have changed. `word` is the code to explain, and
    `recording` the file whose values are shown; empty for the first one.
    """

    method: Method
    encoding: Encoding = "utf-16"
    changes: dict[str, str | None] = {}
    reload: bool = False
    path: str = ""
    line: int = 0
    character: int = 0
    end_line: int = 0
    word: str = ""
    recording: str = ""


class EditorReply(Struct, frozen=True, omit_defaults=True):
    """The answer to a query: the field of its method, or `error`."""

    error: str = ""
    lint: list[FileProblems] = []
    complete: list[Suggestion] = []
    hover: HoverText | None = None
    define: list[TargetPlace] = []
    act: list[EditorAction] = []
    explain: str = ""
