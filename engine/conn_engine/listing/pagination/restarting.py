"""A listing in several parts, for a vendor with a result cap: any pagination, restarted with a filter from the last
record. The state has what is known about the part before, so that a listing can resume from its cursor."""

import base64
import hashlib
import json
from typing import Any

from conn_engine.documents.pointers import set_pointer
from conn_engine.errors import UsageError, VendorError
from conn_engine.listing.pagination.ending import Ending, is_affirmative
from conn_engine.listing.pagination.placement import build_foreign_error, set_parameter
from conn_engine.listing.pagination.restart_settings import Restart
from conn_engine.settings import Answer, Draft, Names, Scope, ask

__all__ = ["Restarting", "fingerprint_of"]

_KEY = 8  # characters of a record's key: 48 bits
_MAX_KEYS = 300  # in a cursor; a running listing can have any number

Values = dict[str, dict[str, Any]]


class Restarting:
    """A pagination with its `restart`. State: `{at, stretch}`: the pagination's own state, and the current part: `{set,
    records, pages, known, run, value}`.

    `set` has the filter's values, and `known` the keys of records before it that may come again. `run` has those of the
    last records with the same filter value, `value`.
    """

    def __init__(self, inner: Ending, settings: Restart) -> None:
        self.inner: Any = inner
        self.settings = settings
        self._places = [
            (kind, name, text)
            for kind in ("query", "headers", "body", "form", "params")
            for name, text in getattr(settings.set, kind).items()
        ]

    def place(self, state: Any, draft: Draft) -> None:
        """Turn the draft into the request of the page, with the part's filter."""
        at, stretch = self._parts(state)
        if stretch.get("known") is None:
            raise UsageError(
                "the listing cannot be resumed here: too many records share the value at which it was restarted",
                hint="run the operation again without a cursor, or filter in `restart` by a finer value, such as an ID",
            )
        absolute, draft.absolute = draft.absolute, False
        self.inner.place(at, draft)
        followed = draft.absolute
        draft.absolute = absolute or followed
        values: Values = stretch["set"]
        if not followed:  # a URL from the listing's own response already has the filter
            for name, value in values.get("query", {}).items():
                set_parameter(draft, value, param=name)
        for name, value in values.get("headers", {}).items():
            set_parameter(draft, value, header=name)
        for pointer, value in values.get("body", {}).items():
            draft.body = set_pointer(draft.body, pointer, value)
        for name, value in values.get("form", {}).items():
            set_parameter(draft, value, form=name)

    def advance(self, state: Any, answer: Answer) -> Any:
        """Return the state of the next page; None at the end."""
        at, stretch = self._parts(state)
        following = self.inner.advance(at, answer)
        stretch = {**stretch, "records": stretch["records"] + answer.count, "pages": stretch["pages"] + 1}
        stretch |= self._run(stretch, answer)
        if not self._is_capped(stretch, answer):
            return None if following is None else {"at": following, "stretch": stretch}
        value = stretch["value"]
        if value is None:
            return None if following is None else {"at": following, "stretch": stretch}
        return {"at": None, "stretch": {**_FRESH, "set": value, "known": stretch["run"]}}

    def add_part(self, state: Any, answer: Answer) -> Any:
        """Return the state of a page after a part of its response that is not the last one."""
        at, stretch = self._parts(state)
        return {"at": at, "stretch": {**stretch, **self._run(stretch, answer)}}

    def retreat(self, state: Any, answer: Answer) -> Any:
        """Return the state of the previous page within the part."""
        at, stretch = self._parts(state)
        before = self.inner.retreat(at, answer)
        return None if before is None else {"at": before, "stretch": stretch}

    def names(self, state: Any, scope: Scope) -> Names:
        """Return the pagination's own names."""
        return {"size": getattr(self.inner, "size", None), **self.inner.names(self._parts(state)[0], scope)}

    def params(self, state: Any) -> Names:
        """Return the filter's values for templates, by name."""
        return dict(self._parts(state)[1]["set"].get("params", {}))

    def fresh(self, state: Any, answer: Answer) -> list[Any]:
        """Return the records of a response that did not come before the restart."""
        marks = self._parts(state)[1]["known"]
        if not marks:
            return answer.records
        keys = {marks[offset : offset + _KEY] for offset in range(0, len(marks), _KEY)}
        return [record for record in answer.records if self._key(record, answer) not in keys]

    def trim_state(self, state: Any) -> Any:
        """Return a state for a cursor, which has a limited size."""
        if state is None:
            return None
        stretch = state["stretch"]
        cut = {name: None for name in ("known", "run") if len(stretch[name] or "") > _MAX_KEYS * _KEY}
        return {"at": state["at"], "stretch": {**stretch, "known": None}} if cut else state

    def _run(self, stretch: dict[str, Any], answer: Answer) -> dict[str, Any]:
        """Return the keys of the last records with the same filter value, and the value."""
        keys: list[str] = []
        value: Values | None = None
        for record in reversed(answer.records):
            record_value = self._values(record, answer)
            if value is not None and record_value != value:
                return {"run": "".join(keys), "value": value}
            value = record_value
            keys.append(self._key(record, answer))
        if value is None:
            return {}
        before = stretch["run"] if stretch["value"] == value else ""
        return {"run": before + "".join(keys), "value": value}

    def _is_capped(self, stretch: dict[str, Any], answer: Answer) -> bool:
        settings = self.settings
        if settings.after_records is not None and stretch["records"] >= settings.after_records:
            return True
        if settings.after_pages is not None and stretch["pages"] >= settings.after_pages:
            return True
        return settings.when is not None and is_affirmative(answer.ask(settings.when))

    def _values(self, record: Any, answer: Answer) -> Values:
        from conn_engine.expressions import UNDEFINED

        values: Values = {}
        for kind, name, text in self._places:
            value = answer.ask(text, record=record)
            if value is UNDEFINED or value is None:
                raise VendorError(
                    f"`restart.set.{kind}.{name}` has no value on the last record ({text})",
                    kind="bad_response",
                    request=answer.request,
                    response=answer.response,
                    hint="set it to an expression over `record`, such as record.updated_at",
                )
            values.setdefault(kind, {})[name] = value
        return values

    def _key(self, record: Any, answer: Answer) -> str:
        return fingerprint_of(self.settings.key, record, answer.scope)

    def _parts(self, state: Any) -> tuple[Any, dict[str, Any]]:
        """Return the pagination's own state and the part. A cursor comes from the caller, who may have forged it: only
        the places in `set` are added to a request."""
        if state is None:
            return None, _FRESH
        stretch = state.get("stretch") if isinstance(state, dict) and "at" in state else None
        if not isinstance(stretch, dict) or not _FRESH.keys() <= stretch.keys():
            raise build_foreign_error()
        counts = all(type(stretch[name]) is int for name in ("records", "pages"))
        keys = all(stretch[name] is None or isinstance(stretch[name], str) for name in ("known", "run"))
        values = self._ours(stretch["set"]) and (stretch["value"] is None or self._ours(stretch["value"]))
        if not (counts and keys and values):
            raise build_foreign_error()
        return state["at"], stretch

    def _ours(self, values: Any) -> bool:
        """Return whether these are values for the places that `set` names."""
        if not isinstance(values, dict) or not all(isinstance(of, dict) for of in values.values()):
            return False
        pairs = {(kind, name) for kind, name, _ in self._places}
        return {(kind, name) for kind, of in values.items() for name in of} <= pairs


_FRESH: dict[str, Any] = {"set": {}, "records": 0, "pages": 0, "known": "", "run": "", "value": None}


def fingerprint_of(key: str, record: Any, scope: Scope) -> str:
    """Return what distinguishes a record: eight characters of a digest of its key, or of the complete record if it has
    none."""
    from conn_engine.expressions import UNDEFINED

    value = ask(key, scope | {"record": record, "response": record})
    if value is UNDEFINED or value is None:
        value = record
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return base64.urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=6).digest()).decode()
