"""Determine whether a listing returned everything, from what its responses report about their end and the total. The
caller decides what to do with the result."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from conn_engine.diagnostics import did_you_mean
from conn_engine.settings import Answer
from conn_engine.wire import Completeness

__all__ = ["EndKey", "EndingTally"]

_PLAIN = re.compile(r"""(?:\w+|"[^"\\]+"|`[^`]+`)(?:\.(?:\w+|"[^"\\]+"|`[^`]+`))*""")
_NAME = re.compile(r"""\w+|"[^"\\]+"|`[^`]+`""")
_ANSWER = frozenset({"body", "response", "headers"})
_MANY = 8
_LEADS_NOWHERE = "check the settings of `pagination` for the next page"
_FEWER = "check the settings of `pagination`; if the vendor's total is an estimate, set `complete: warn`"
_NO_KEY = "correct the setting, or set a page size, which distinguishes a full page from the last one"


@dataclass(frozen=True, slots=True)
class EndKey:
    """A key of a response that decides whether another page follows. `setting` is the setting with it; `path` is an
    expression over the body or the complete response, or the name of a header."""

    setting: str
    path: str
    source: Literal["body", "answer", "header"] = "body"

    @property
    def names(self) -> list[str] | None:
        """The names of a plain path, starting with a part of the response. None for an expression that computes: an
        undefined result is an end."""
        if self.source == "header":
            return ["headers", self.path.lower()]
        if not _PLAIN.fullmatch(self.path.strip()):
            return None
        names = [name.strip('"`') for name in _NAME.findall(self.path)]
        if self.source == "body":
            return ["body", *names]
        return names if names[0] in _ANSWER and len(names) > 1 else None

    @property
    def level(self) -> str:
        """The pagination it belongs to, if one is nested in another."""
        return self.setting.rpartition(".")[0]

    def find(self, answer: Answer) -> Literal["value", "null", "absent"]:
        """Return whether the response has the key. A null on the path counts as a null value."""
        names = self.names
        if names is None:
            return "value"
        level: Any = _part(names[0], answer)
        for name in names[1:]:
            if level is None:
                return "null"
            if isinstance(level, list):
                return "value"  # an expression over the items of a list
            if not isinstance(level, dict) or name not in level:
                return "absent"
            level = level[name]
        return "null" if level is None else "value"

    def neighbors(self, answer: Answer) -> list[str]:
        """Return the keys next to which this one is missing."""
        level: Any = None
        for name in self.names or []:
            below = _part(name, answer) if level is None else level.get(name)
            if not isinstance(below, dict):
                break
            level = below
        return [str(name) for name in level or {}]


def _part(name: str, answer: Answer) -> Any:
    return answer.response.headers.plain() if name == "headers" else answer.body


class EndingTally:
    """What the pages of one listing report about its end. `keys` decide it, and `totals` have the total. `seen` are the
    settings whose key was in a response; the steps of a listing share them. `resumed` means that the listing started
    at a cursor, so the records before it are unknown. `counts` means that the vendor's total counts the same
    records."""

    def __init__(
        self, keys: Sequence[EndKey], totals: Sequence[EndKey], seen: set[str], *, resumed: bool, counts: bool
    ) -> None:
        self._keys = keys
        self._every = (*keys, *totals)
        self._seen = seen
        self._counts = counts and not resumed
        if resumed:
            seen.update(key.setting for key in self._every)
        self._arrived = 0
        self._totals: list[int] = []

    def add(self, answer: Answer, total: int | None, *, again: bool = False) -> None:
        """Add a page. A repeated page (`again`) adds no records."""
        self._arrived += 0 if again else answer.count
        if total is not None:
            self._totals = [*self._totals[:1], total]
        self._seen.update(key.setting for key in self._every if key.find(answer) != "absent")

    def judge(self, answer: Answer, size: int | None) -> Completeness:
        """Return the verdict (see `Completeness`), given the last response and the number of records of a full page
        (None if unknown)."""
        total = min(self._totals) if self._totals and self._counts else None
        return replace(self._judge(answer, size, total), total=total)

    def _judge(self, answer: Answer, size: int | None, total: int | None) -> Completeness:
        absent = tuple(key.setting for key in self._every if key.setting not in self._seen) if answer.count else ()
        if any(answer.more):
            settings = " and ".join(f"`{key.setting}`" for key in self._keys if key.setting != "has_more")
            lead = f", but {settings} has no next page" if settings else ""
            reason = f"the last response reports more records (`has_more`){lead}"
            return Completeness("incomplete", reason, absent, hint=_LEADS_NOWHERE)
        if total is not None and self._arrived < total:
            return Completeness("incomplete", f"{self._arrived} of {total} records arrived", absent, hint=_FEWER)
        if total is not None or answer.more:  # something else marks the end, so the key to the next page may be missing
            deciding = {key.setting for key in self._keys}
            return Completeness("complete", settings=tuple(name for name in absent if name not in deciding))
        ended = {key.level for key in self._keys if key.find(answer) == "null"}
        missing = [key for key in self._keys if key.setting not in self._seen and key.level not in ended]
        if not missing or not answer.count or (size is not None and answer.count < size):
            return Completeness("complete", settings=absent)
        names = tuple(key.setting for key in missing)
        return Completeness("unknown", _describe_missing(missing, answer), names, hint=_NO_KEY)


def _describe_missing(keys: Sequence[EndKey], answer: Answer) -> str:
    texts = []
    for key in keys:
        near = key.neighbors(answer)
        names = ", ".join(near[:_MANY]) + (", …" if len(near) > _MANY else "") if near else "no keys"
        meant = did_you_mean((key.names or [""])[-1], near)
        where = "the response's headers are" if key.source == "header" else "the response has"
        texts.append(f'`{key.setting}` "{key.path}" is in no response; {meant + "; " if meant else ""}{where} {names}')
    return "; ".join(texts)
