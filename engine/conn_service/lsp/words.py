"""The word at the cursor, and what it means: a key of the document, a value, or a part of an expression."""

import re
from dataclasses import dataclass

from conn_engine.documents import Path_
from conn_engine.roles import TEMPLATES, Note
from conn_service.lsp.config_places import ConfigPlace
from conn_service.lsp.cursor import locate_cursor
from conn_service.lsp.edited_document import EditedDocument
from conn_service.lsp.expression_cursor import ExpressionPlace, locate_in_expression, locate_in_template
from conn_service.lsp.messages import TextRange

__all__ = ["WordPlace", "find_word"]

_EXPRESSIONS = TEMPLATES | {"expression", "values"}
_WORD = re.compile(r"[$\w]*")
_VALUE = re.compile(r"[^\s,\]}\"']*")


@dataclass(frozen=True, slots=True)
class WordPlace:
    """A word of a document. `path` is that of the key or the value that it is a part of.

    `expression` is what the word is in an expression; None for a key and for a value that is not computed.
    """

    text: str
    range: TextRange
    path: Path_
    is_key: bool
    place: ConfigPlace | None
    note: Note
    expression: ExpressionPlace | None = None

    @property
    def steps(self) -> tuple[str, ...] | None:
        """The path of the value in an expression, from a name in scope on; None if it is unknown."""
        if self.expression is None or self.expression.kind == "function" or self.expression.steps is None:
            return None
        return (*self.expression.steps, self.text)


def find_word(document: EditedDocument, offset: int) -> WordPlace | None:
    """Return the word around an offset, or None."""
    text = document.text
    end = _match_end(_WORD, text, offset)
    at = locate_cursor(text, end)
    if at is None:
        return None
    if at.kind == "key" or (at.kind == "item" and text[end : end + 1] == ":"):
        start, end = end - len(at.text), max(end, at.end)
        word = text[start:end].strip("\"'")
        path = (*at.path, word)
        place = document.find_config_place(path)
        return WordPlace(word, document.positions.to_range_of(start, end), path, True, place, document.find_note(path))
    place, note = document.find_config_place(at.path), document.find_note(at.path)
    if note.role not in _EXPRESSIONS:
        end = _match_end(_VALUE, text, offset)
        whole = locate_cursor(text, end)
        if whole is None or whole.path != at.path or not whole.text:
            return None
        range_ = document.positions.to_range_of(end - len(whole.text), end)
        return WordPlace(whole.text, range_, at.path, False, place, note)
    found = (locate_in_template if note.role in TEMPLATES else locate_in_expression)(at.text)
    if found is None or not found.typed:
        return WordPlace("", document.positions.to_range_of(offset, offset), at.path, False, place, note)
    range_ = document.positions.to_range_of(end - len(found.typed), end)
    return WordPlace(found.typed, range_, at.path, False, place, note, found)


def _match_end(pattern: re.Pattern[str], text: str, offset: int) -> int:
    match = pattern.match(text, offset)
    return match.end() if match else offset
