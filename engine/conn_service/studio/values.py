"""The values of records in the JSON that the page reads: exact numbers, and no string that is too long to show."""

from typing import Any, Final

from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED

__all__ = ["describe_expression_error", "describe_value", "to_utf16_offset"]

_EXACT: Final = 2**53
_LONGEST: Final = 4_000
_MARKS: Final = frozenset({"$number", "$text", "$object"})


def describe_value(value: Any) -> Any:
    """Return a value for the page. A number that JavaScript would round is `{"$number": "…"}`, a long string
    `{"$text": "its start", "length": …}`, and an object that looks like one of these is wrapped: `{"$object": …}`."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else {"$text": value[:_LONGEST], "length": len(value)}
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_EXACT < value < _EXACT else {"$number": str(value)}
    if isinstance(value, dict):
        described = {str(key): describe_value(item) for key, item in value.items()}
        return {"$object": described} if described.keys() & _MARKS else described
    if isinstance(value, list | tuple):
        return [describe_value(item) for item in value]
    return None if value is UNDEFINED else value


def describe_expression_error(error: ExpressionError) -> dict[str, Any]:
    """Return the error of an expression, with the place of its token as JavaScript counts: in UTF-16."""
    is_placed = error.text != "" and 0 <= error.offset <= len(error.text)
    start = to_utf16_offset(error.text, error.offset) if is_placed else None
    end = error.offset + len(error.token)
    is_token = is_placed and error.token != "" and error.text[error.offset : end] == error.token
    return {
        "message": error.message,
        "fix": error.hint,
        "code": error.code,
        "offset": start,
        "end": to_utf16_offset(error.text, end) if is_token else start,
        "token": error.token,
        "text": error.text,
    }


def to_utf16_offset(text: str, offset: int) -> int:
    """Return an offset in UTF-16 code units for one in characters."""
    return offset + sum(ord(letter) > 0xFFFF for letter in text[:offset])
