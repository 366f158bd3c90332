"""Records one run of an operation: a live one, or one with sample responses (`samples`). `recordings.files` redacts and
writes the file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET

from conn_engine.auth import absent_parts, read_secret_fields
from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import pluralize
from conn_engine.documents import WriteOptions, dump_json
from conn_engine.errors import ConnError, TransportError
from conn_engine.personal import PersonalSummary
from conn_engine.recordings.files import RecordedCall, redact_recording, save_recording
from conn_engine.recordings.record import Recorder
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.drive import Sender
from conn_engine.runtime.field_problems import describe_problem, merge_problems
from conn_engine.runtime.variants import base_url
from conn_engine.runtime.wiring import Wiring
from conn_engine.secrets import REDACTED, Redactor
from conn_engine.secrets.names import is_common_word, is_secret_name
from conn_engine.testing.cases import Outcome, replay
from conn_engine.testing.compare import compare_records
from conn_engine.testing.personal import PersonalData, save_without_personal_data
from conn_engine.testing.recorded_files import to_recorded_part
from conn_engine.wire import Completeness, FieldProblem

__all__ = ["NoMorePages", "Recorded", "RecordedRun", "describe_call", "record_operation"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of recording a run.

    `error` is the vendor error that ended the run; it is recorded like any other result. `difference` describes how a
    replay of the file differs from the run, for example because redaction changed a value that the operation needs.
    `notes` are remarks on the requests for the caller. `completeness` is the verdict on the listing (None if the run
    did not reach its end), and `personal` summarizes the replaced personal data (None if it was kept).
    """

    exchanges: int
    records: int
    error: ConnError | None
    difference: str = ""
    notes: tuple[str, ...] = ()
    personal: PersonalSummary | None = None
    completeness: Completeness | None = None


@dataclass(slots=True)
class RecordedRun:
    """The result of a run. `pages` is the number of its pages; `cut` is true if there were more."""

    records: list[Any] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    fault: ConnError | None = None
    pages: int = 0
    cut: bool = False
    completeness: Completeness | None = None
    problems: tuple[FieldProblem, ...] = ()


class NoMorePages(Exception):
    """Raised by a transport to end the run before the next page. It is not a ConnError, so that no flow catches it."""


def record_operation(
    wiring: Wiring,
    name: OperationName,
    call: Call,
    path: Path,
    *,
    scenario: str = "default",
    pages: int | None = 3,
    own: bool = False,
    transport: Sender | None = None,
    source: Literal["live", "sample", "contract"] = "live",
    note: str = "",
    seen: Callable[[int], None] = lambda count: None,
    check: Callable[[RecordedRun], None] = lambda ran: None,
    placing: WriteOptions | None = None,
    personal: PersonalData | None = None,
) -> Recorded:
    """Run the operation for at most `pages` pages and write the recording to `path`, with the options in `placing`.
    With `personal`, pseudonyms replace personal data.

    A vendor's error response is recorded too. If there was no response at all, raises the error and writes nothing.
    `check` can refuse a run by raising an error.
    Raises ConfigurationError (REC002, REC005) if the recording cannot be saved safely.
    """
    _learn_named_values(call, wiring.redactor)
    recorder = Recorder(transport or wiring.live())
    began = int(
        wiring.session.clock.now()
    )  # a replay starts at the same second, so that windows that end now end there too
    wiring.session.now_ms = began * 1000
    ran = _run(Connection(wiring, recorder), name, call, pages, seen)
    if not recorder.exchanges and ran.fault is not None:
        raise ran.fault
    check(ran)
    recording = recorder.to_recording(
        connector=wiring.effective.connector_name,
        operation=name.text,
        recorded_at=datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        source=source,
        note=note,
        scenario=scenario,
        account=wiring.session.account if own else "",
        base_url=base_url(wiring.effective),
        context=wiring.effective.context if own else _describe_context(wiring.effective),
        left_out=_left_out(wiring),
        call=describe_call(call, wait=wiring.session.policy.wait, pages=ran.pages if ran.cut else None),
    )
    clean = redact_recording(recording, wiring.redactor)
    where, summary = placing or {}, None
    if personal is None:
        save_recording(path, clean, wiring.redactor, **where)
        outcome = replay(wiring.effective, name, clean)
    else:
        outcome, summary = save_without_personal_data(
            path, wiring.effective, name, clean, personal, wiring.redactor, **where
        )
    return Recorded(
        exchanges=len(recording.exchanges),
        records=len(ran.records),
        error=ran.fault,
        difference=_difference(outcome, ran.records, ran.fault),
        notes=(*ran.notes, *(describe_problem(problem, len(ran.records)) for problem in ran.problems)),
        personal=summary,
        completeness=ran.completeness,
    )


def _learn_named_values(call: Call, redactor: Redactor) -> None:
    """Add the values of the call that are secrets by their names to the secrets of the run: the path of a request may
    contain them."""
    for name, value in call.params.items():
        is_value = isinstance(value, str) and REDACTED not in value and not is_common_word(value)
        if is_value and is_secret_name(name):
            redactor.add(value, f"the value of {name}")


def describe_call(call: Call, *, wait: bool, pages: int | None) -> RecordedCall:
    return RecordedCall(
        query=dict(call.query),
        body=UNSET if call.body is None else call.body,
        id=call.id,
        params=dict(call.params),
        headers=dict(call.headers),
        cursor=call.cursor,
        state=call.state,
        files={name: to_recorded_part(name, upload) for name, upload in call.files.items()},
        pages=pages,
        wait=wait,
    )


def _run(
    connection: Connection, name: OperationName, call: Call, pages: int | None, seen: Callable[[int], None]
) -> RecordedRun:
    """Run the operation for at most `pages` pages. Raises TransportError if the vendor does not respond."""
    ran = RecordedRun()
    flow = connection.pages(name, call)
    try:
        for count, page in enumerate(flow, 1):
            ran.pages = count
            ran.records += page.records
            ran.notes |= dict.fromkeys(page.notes)
            ran.problems = merge_problems(ran.problems, page.problems)
            ran.completeness = None if page.whole else page.completeness
            seen(len(page.records))
            if pages is not None and count >= pages:
                ran.cut = page.next_cursor is not None or page.partial
                if ran.cut:
                    ran.completeness = Completeness(
                        "stopped", f"at most {pluralize(count, 'page')} can be recorded (--pages)"
                    )
                break
    except TransportError:
        raise
    except ConnError as error:
        ran.fault = error
    except NoMorePages as end:
        ran.cut, ran.completeness = True, Completeness("stopped", str(end))
    finally:
        flow.close()
        connection.close()
    return ran


def _describe_context(effective: Effective) -> dict[str, Any]:
    """Return the account's values, with null for those that it could have: a replay for another account has neither."""
    absent = dict.fromkeys(field.name for field in effective.connector.fields if not field.secret)
    return {**absent, **effective.context}


def _left_out(wiring: Wiring) -> tuple[str, ...]:
    """Return the optional parts of the credential that the account does not have. A secret that only webhooks use is
    not one of them, since no request contains it."""
    effective = wiring.effective
    credentials = effective.connector.credentials
    absent = absent_parts(credentials.fields(), wiring.session.document) if credentials else frozenset[str]()
    requests = {key: value for key, value in effective.data.items() if key not in ("fields", "webhooks", "unified")}
    text = dump_json(requests) if absent else ""
    unused = {field.name for field in read_secret_fields(effective.data) if not re.search(rf"\b{field.name}\b", text)}
    return tuple(sorted(absent - unused))


def _difference(outcome: Outcome, records: Sequence[Any], fault: ConnError | None) -> str:
    if (outcome.error is None) != (fault is None):
        return f"the replay ends with: {outcome.error.message if outcome.error else 'no error'}"
    compared = compare_records(records, outcome.records)
    if compared.equal:
        return ""
    fields = ", ".join(sorted({field for field, _ in compared.by_field()})[:5])
    counts = f"{len(compared.changed)} changed, {len(compared.gone)} missing and {len(compared.new)} new records"
    return f"{counts}{f' ({fields})' if fields else ''}"
