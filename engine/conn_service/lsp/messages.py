"""What the server and its analysis process exchange: an `EditorQuery`, and an `EditorReply` with its result.

Positions are the protocol's: lines and characters count from 0, and characters are units of the editor's encoding.
"""

from typing import Literal

from msgspec import Struct

__all__ = ["EditorQuery", "EditorReply", "Encoding", "FileProblems", "Problem", "TextRange"]

Encoding = Literal["utf-8", "utf-16", "utf-32"]


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


class EditorQuery(Struct, frozen=True, omit_defaults=True):
    """A question about the documents.

    `changes` has the text of each document that was opened or changed since the last query, by path; None for a
    closed one. `reload` is set when files on the disk have changed.
    """

    method: Literal["lint"]
    encoding: Encoding = "utf-16"
    changes: dict[str, str | None] = {}
    reload: bool = False
    path: str = ""
    line: int = 0
    character: int = 0


class EditorReply(Struct, frozen=True, omit_defaults=True):
    """The answer to a query: the field of its method, or `error`."""

    error: str = ""
    lint: list[FileProblems] = []
