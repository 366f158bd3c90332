"""The log of a service: one line per event, as text or as JSON.

A line has no secrets, bodies or personal data. Of an exception that nobody expected, it has the type and the places in
the code, but not the message, which may quote a value.
"""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Literal

from conn_engine.errors import ConnError, ExpressionError

__all__ = ["LogFormat", "describe_for_log", "write_logs"]

LogFormat = Literal["json", "text"]
_LEVELS: Final = {
    "": logging.WARNING,
    "conn_service": logging.INFO,
    "conn_engine": logging.ERROR,  # what it warns of concerns one answer, which says so too
}


def describe_for_log(error: ConnError) -> str:
    """Return the message of an error for the log. That of an expression may quote a value: its place is shown
    instead."""
    if isinstance(error, ExpressionError):
        code = f" ({error.code})" if error.code else ""
        return f"an expression fails{code}: {error.at or error.text[:100]}"
    return error.message


@contextmanager
def write_logs(emit: Callable[[str], None], form: LogFormat) -> Iterator[None]:
    """Pass each line of the log to `emit`, until the end of the block."""
    handler = _LineHandler(emit, form)
    loggers = {logging.getLogger(name): level for name, level in _LEVELS.items()}
    levels = {logger: logger.level for logger in loggers}
    root = logging.getLogger()
    root.addHandler(handler)
    for logger, level in loggers.items():
        logger.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, level in levels.items():
            logger.setLevel(level)


class _LineHandler(logging.Handler):
    def __init__(self, emit: Callable[[str], None], form: LogFormat) -> None:
        super().__init__()
        self._emit = emit
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            event = _describe_event(record)
            self._emit(json.dumps(event, ensure_ascii=False) if self._form == "json" else _format_text(event))
        except Exception:  # what cannot be logged must not end a request
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging
        """Leave the line out: its text is what could not be written."""


def _describe_event(record: logging.LogRecord) -> dict[str, Any]:
    members: dict[str, Any] = getattr(record, "members", {})
    event = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "message": record.getMessage(),
        **members,
    }
    if record.exc_info is not None and record.exc_info[0] is not None:
        kind, _, trace = record.exc_info
        frames = traceback.extract_tb(trace)[-8:]
        event["error"] = kind.__name__
        event["places"] = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return event


def _format_text(event: dict[str, Any]) -> str:
    time, level, message, *members = event.items()
    more = " ".join(f"{name}={_format_value(value)}" for name, value in members)
    line = f"{time[1]} {level[1]:<7} {message[1]}{'  ' + more if more else ''}"
    return "".join(character if character.isprintable() else " " for character in line)


def _format_value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) and (not text or " " in text) else text
