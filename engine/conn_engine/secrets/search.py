"""Find the secrets of a run in a string, in all forms in which they may be sent. `redaction` replaces them."""

from collections.abc import Iterable, Iterator

from conn_engine.secrets.escapes import Unescaped, can_hide, unescape_around, unwrap, unwrap_roughly
from conn_engine.secrets.forms import FormsPattern, compile_forms, find_marks, widen

__all__ = ["REDACTED", "SHORTEST", "SecretSearch", "Spans"]

REDACTED = "[redacted]"
SHORTEST = 4
_SHORTEST_ECHO = 8
_LINE = 20
_LONGEST_ESCAPE = 16

Spans = list[tuple[int, int]]


class SecretSearch:
    """Finds secrets and their labels. Thread-safe. The time is linear in the length of the text.

    Secrets of at least 8 characters that grant access are also searched for as *echoes*: a response must not repeat
    them.
    """

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.reach = _LONGEST_ESCAPE
        self._echoes: dict[str, str] = {}
        self._marks: tuple[int, tuple[str, ...]] = (0, ())
        self._compiled: dict[bool, FormsPattern] = {}

    def add(self, value: str, label: str, *, echo: bool) -> None:
        """Add a secret. Values shorter than 4 characters are ignored, because any text may contain them."""
        for part in (value, *_list_lines(value)):
            if len(part) < SHORTEST:
                continue
            label = self.labels.setdefault(part, label)
            self.reach = max(self.reach, _LONGEST_ESCAPE * (len(part) + 1))
            if echo and len(part) >= _SHORTEST_ECHO and part not in self._echoes:
                self._echoes[part] = label

    @property
    def has_echoes(self) -> bool:
        """Whether there are secrets that a response must not repeat."""
        return bool(self._echoes)

    def locate(self, text: str) -> Spans:
        """Return the places of secrets, sorted, without overlaps, and outside existing placeholders."""
        return self._locate(text, echoes=False)

    def locate_echoes(self, text: str) -> Spans:
        """Return the places of echoes. This is fast if there are none."""
        return self._locate(text, echoes=True) if self.suspects(text) else []

    def suspects(self, text: str, *, wrapped: bool = True) -> bool:
        """Return whether the text may contain an echo. If not, it certainly has none."""
        if not self._echoes:
            return False
        marks = self._current_marks()
        if any(mark in text for mark in marks):
            return True
        if can_hide(text) and any(mark in view.text for view in unescape_around(text, self.reach) for mark in marks):
            return True
        return wrapped and any(self.suspects(plain, wrapped=False) for plain in unwrap_roughly(text))

    def labels_in(self, text: str) -> list[str]:
        """Return the labels of the secrets in the text, without duplicates."""
        compiled = self._current(echoes=False)
        if compiled is None:
            return []
        parts = text.split(REDACTED)
        readings = (reading for part in parts for reading in (part, *(view.text for view in self._views(part))))
        return list(dict.fromkeys(label for reading in readings for label in _find_labels(compiled, reading)))

    def _locate(self, text: str, *, echoes: bool) -> Spans:
        compiled = self._current(echoes=echoes)
        if compiled is None or not text:
            return []
        if REDACTED not in text:
            return self._locate_in_part(compiled, text)
        spans: Spans = []
        offset = 0
        for part in text.split(REDACTED):
            spans += [(offset + start, offset + end) for start, end in self._locate_in_part(compiled, part)]
            offset += len(part) + len(REDACTED)
        return spans

    def _locate_in_part(self, compiled: FormsPattern, text: str) -> Spans:
        spans = _find_matches(compiled, text)
        located = [view.locate(*span) for view in self._views(text) for span in _find_matches(compiled, view.text)]
        return _join_spans(spans + located) if located else spans

    def _views(self, text: str, *, wrapped: bool = True) -> Iterator[Unescaped]:
        """Return the text without escapes, around each place where escapes may hide a secret."""
        if can_hide(text):
            yield from unescape_around(text, self.reach)
        for plain in unwrap(text) if wrapped else ():
            yield plain
            yield from (view.compose(plain) for view in self._views(plain.text, wrapped=False))

    def _current_marks(self) -> tuple[str, ...]:
        count, marks = self._marks
        if count != len(self._echoes):
            values = list(self._echoes)
            marks = tuple(dict.fromkeys(mark for value in values for mark in sorted(find_marks(value))))
            self._marks = len(values), marks
        return marks

    def _current(self, *, echoes: bool) -> FormsPattern | None:
        # Replaced atomically, and valid only for the secrets it was built from: threads add and read at the same time.
        values = self._echoes if echoes else self.labels
        compiled = self._compiled.get(echoes)
        if values and (compiled is None or compiled.size != len(values)):
            compiled = self._compiled[echoes] = compile_forms(list(values.items()))
        return compiled


def _list_lines(value: str) -> list[str]:
    """Return the lines of a PEM key, as single lines may leak too."""
    if "\n" not in value:
        return []
    return [line for line in value.splitlines() if len(line) >= _LINE and not line.startswith("-----")]


def _find_labels(compiled: FormsPattern, text: str) -> Iterable[str]:
    return (compiled.groups[(match.lastindex or 1) - 1][0] for match in compiled.pattern.finditer(text))


def _find_matches(compiled: FormsPattern, text: str) -> Spans:
    spans: Spans = []
    done = 0
    for match in compiled.pattern.finditer(text):
        start, end = match.span()
        if compiled.groups[(match.lastindex or 1) - 1][1]:
            start, end = widen(text, start, end, done)
        if start > done or not spans:
            spans.append((start, end))
        else:  # one that starts in the previous widened place, or at its end, only extends it
            spans[-1] = (spans[-1][0], max(done, end))
        done = max(done, end)
    return spans


def _join_spans(spans: Spans) -> Spans:
    joined: Spans = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
