"""Recorded cases: pairs an operation with its recordings and replays them. `testing.judgement` judges the results."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import UNSET

from conn_engine.auth import remove_absent
from conn_engine.conditions import Chance, Conditions
from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.documents import iterate_texts
from conn_engine.errors import ConnError, CredentialError, UsageError, VendorError
from conn_engine.recordings.exchanges import to_recorded_request
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.recordings.replay import Replay
from conn_engine.responses.failures import Policy
from conn_engine.runtime.call import Call, Observer, Run, Session, cursor_token, decode_cursor
from conn_engine.runtime.drive import Sender, drive
from conn_engine.runtime.field_problems import merge_problems
from conn_engine.runtime.operation import perform
from conn_engine.runtime.variants import base_url, for_replay, in_context
from conn_engine.secrets import is_secret_name
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.settings import Scope
from conn_engine.testing.coverage import find_paths
from conn_engine.testing.credential_headers import describe_credential_headers
from conn_engine.testing.recorded_files import to_upload
from conn_engine.wire import Completeness, FieldProblem, FrozenClock, Page, Request, Response

__all__ = [
    "Case",
    "LoggingTransport",
    "Outcome",
    "SentRequest",
    "SyntheticVault",
    "conditions_at",
    "find_cases",
    "golden_request",
    "read_recorded_at",
    "recorded_call",
    "replay",
    "sent_requests",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One recording of one operation, for one account or for the base level only."""

    name: OperationName
    recording: Recording
    path: Path
    golden: Path
    base_golden: Path

    @property
    def scenario(self) -> str:
        """The recording's scenario, such as `default`."""
        return self.recording.scenario


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request of a replay for display: path with query, status, number of records.

    `url` is relative to the base URL, `whole_url` is complete. `authorized` is whether the request carries a
    credential. `headers` are those that the configuration and the caller set, by lower-case name, without those that
    may contain a credential. `credentials` describes the latter (`describe_credential_headers`); it is None if the
    credential is real.
    """

    method: str
    url: str
    status: int
    records: int
    body: Any = None
    whole_url: str = ""
    authorized: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] | None = None


@dataclass(slots=True)
class Outcome:
    """The result of a replay. `error` is the vendor's or the engine's; `records` are those before it.

    `previous` has each page's previous cursor in the vendor's form (a token, a number, a relative URL), or None.
    `completeness` is the verdict on the listing; None before its end. `headers`, `states` and `sizes` have one entry
    per page; a size is the number of records and of the vendor's records.
    `problems` has the fields whose expressions fail on some records. `scopes` has what the response mapping saw of each
    record, and `conditions` those of its evaluation; empty for an operation without one.
    """

    records: list[Any] = field(default_factory=list)
    raw: list[Any] = field(default_factory=list)
    sent: list[SentRequest] = field(default_factory=list)
    error: ConnError | None = None
    pages: int = 0
    unused: int = 0
    whole: bool = False
    previous: list[Any] = field(default_factory=list)
    completeness: Completeness | None = None
    headers: list[Mapping[str, str]] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    problems: tuple[FieldProblem, ...] = ()
    sizes: list[tuple[int, int]] = field(default_factory=list)
    scopes: list[Mapping[str, Any]] = field(default_factory=list, repr=False, compare=False)
    conditions: Conditions | None = field(default=None, repr=False, compare=False)
    _paths: frozenset[tuple[str, ...]] | None = field(default=None, repr=False, compare=False)

    def vendor_paths(self) -> frozenset[tuple[str, ...]]:
        """Return every path of the vendor's records that has a value."""
        if self._paths is None:
            self._paths = find_paths(self.raw)
        return self._paths

    def add(self, page: Page) -> None:
        """Add a page to the outcome."""
        self.records += page.records
        self.raw += page.raw
        self.sizes.append((len(page.records), len(page.raw)))
        self.pages += 1
        self.whole = page.whole
        self.completeness = page.completeness
        self.headers.append(page.headers)
        self.states.append(page.state)
        self.problems = merge_problems(self.problems, page.problems)
        self.previous.append(_decode_cursor(page.prev_cursor))

    @property
    def failure(self) -> str:
        """The kind and message of the error, for comparing two runs; "" without an error."""
        if isinstance(self.error, VendorError):
            return f"{self.error.kind}: {self.error.vendor_message}"
        return "" if self.error is None else f"{type(self.error).__name__}: {self.error.message}"

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests as in a golden (`golden_request`), with relative URLs."""
        return [golden_request(request) for request in self.sent]


def _decode_cursor(token: str | None) -> Any:
    """Return a cursor in the vendor's form, or unchanged if it is too long to be used again."""
    try:
        return None if token is None else cursor_token(decode_cursor(token))
    except UsageError:
        return token


def golden_request(request: SentRequest) -> dict[str, Any]:
    """Return `{method, url, headers?, credentials?, body?}` of a sent request."""
    row: dict[str, Any] = {"method": request.method, "url": request.url}
    if request.headers:
        row["headers"] = dict(request.headers)
    if request.credentials is not None:
        row["credentials"] = dict(request.credentials)
    return row if request.body is None else {**row, "body": request.body}


def find_cases(
    workspace: Workspace,
    effective: Effective,
    names: Iterable[OperationName],
    load: Callable[[Path, str], Recording] = load_recording,
) -> list[Case]:
    """Find the recorded cases of these operations, sorted by file. An account's own recording replaces the shared
    one. `load` reads a recording."""
    names_by_text = {name.text: name for name in names}
    folder = workspace.root / "connectors" / effective.connector_name
    shared = {path.name: path for path in workspace.find_recorded(folder / "recordings")}
    own_folder = folder / "recordings" / effective.account if effective.account else None
    for place in ("recordings", "expected"):
        workspace.check_inside(folder / place / (effective.account or ""))
    own_files = {path.name: path for path in workspace.find_recorded(own_folder)} if own_folder is not None else {}
    cases = []
    for file_name, path in sorted({**shared, **own_files}.items()):
        workspace.check_inside(path)
        recording = load(workspace.tree.on_disk(path), workspace.format_path(path))
        name = names_by_text.get(recording.operation)
        if name is None or (recording.account and recording.account != effective.account):
            continue
        shared_golden = folder / "expected" / file_name
        golden = folder / "expected" / (effective.account or "") / file_name
        workspace.check_inside(golden)
        # An account's own recording is not compared with the shared golden of the same name.
        cases.append(Case(name, recording, path, golden, golden if file_name in own_files else shared_golden))
    return cases


def replay(
    effective: Effective,
    name: OperationName,
    recording: Recording,
    observer: Observer | None = None,
    *,
    evaluator: str = "",
    call: Call | None = None,
) -> Outcome:
    """Run an operation on its recording: without network, at the time of the recording, with a synthetic credential.

    With `call`, that is made instead of the recorded one. Errors of the operation, including MissingRecording, are
    stored in `Outcome.error`. `observer` is passed to `Session`; `evaluator` overrides the workspace's. The isolation
    and the limits are those of the configuration's conditions.
    """
    effective = in_context(effective, recording.context)
    clock = FrozenClock(read_recorded_at(recording.recorded_at))
    outcome = Outcome()
    try:
        base = base_url(effective)
        vault = SyntheticVault(effective, recording.left_out)
        document = vault.load("")
    except ConnError as error:  # a context value is missing or a strategy is wrong: nothing could be sent
        outcome.error = error
        outcome.unused = len(recording.exchanges)
        return outcome
    answers = Replay(recording, base_url=base)
    transport = LoggingTransport(answers)
    environ = {variable: f"synthetic-{variable}" for variable in effective.env_names}

    def observe(operation: OperationName, scopes: Sequence[Mapping[str, Any]], results: Sequence[Any]) -> None:
        outcome.scopes += scopes
        if observer is not None:
            observer(operation, scopes, results)

    usual = effective.conditions
    fixed = conditions_at(clock.now(), evaluator or effective.evaluator)
    outcome.conditions = replace(fixed, isolation=usual.isolation, limits=usual.limits)
    session = Session(
        account=effective.account or "",
        document=document,
        environ=environ,
        clock=clock,
        policy=Policy(wait=recording.call.wait),
        observer=observe,
        conditions=outcome.conditions,
    )
    run = Run(for_replay(effective, base, recording.base_url), session)
    flow = perform(run, name, call or recorded_call(recording))
    counts: list[int] = []
    try:
        with closing(drive(flow, transport, vault, clock=clock)) as pages:
            for page in pages:
                outcome.add(page)
                counts.append(len(page.raw))
                if recording.call.pages is not None and outcome.pages >= recording.call.pages:
                    break
    except ConnError as error:
        outcome.error = error
    bases = [base, recording.base_url]
    outcome.sent = sent_requests(transport.rows, counts, bases, {*vault.texts, *environ.values()})
    outcome.previous = [_relative(back, bases) if isinstance(back, str) else back for back in outcome.previous]
    outcome.unused = len(answers.unused)
    return outcome


def conditions_at(now: float, evaluator: str) -> Conditions:
    """Return the conditions of a replay: a fixed time and fixed random numbers."""
    return Conditions(FrozenClock(now), Chance(0), evaluator)


def recorded_call(recording: Recording) -> Call:
    """Return the call that the recording's caller made."""
    call = recording.call
    return Call(
        query=call.query,
        body=None if call.body is UNSET else call.body,
        id=None if call.id is None else str(call.id),
        params=call.params,
        headers=call.headers,
        cursor=call.cursor,
        state=call.state,
        files={name: to_upload(part) for name, part in call.files.items()},
    )


class LoggingTransport:
    """A transport that remembers requests and responses. A request that fails has no response."""

    def __init__(self, inner: Sender) -> None:
        self._inner = inner
        self.rows: list[tuple[Request, Response | None]] = []

    def send(self, request: Request) -> Response:
        """Send a request with the inner transport, and remember both."""
        self.rows.append((request, None))
        response = self._inner.send(request)
        self.rows[-1] = (request, response)
        return response


def sent_requests(
    log: Sequence[tuple[Request, Response | None]],
    counts: Sequence[int],
    bases: Sequence[str],
    invented: Collection[str] | None = None,
) -> list[SentRequest]:
    """Return the log of a run for display. `counts` are the numbers of records per page; `bases` are removed from URLs.
    `invented` are the strings of a synthetic credential; None for a real one, which is not shown at all."""
    rows = []
    record_counts = iter(counts)
    for request, answer in log:
        operation = request.purpose == "operation" and answer is not None and answer.status < 400
        rows.append(
            SentRequest(
                request.method,
                _relative(request.url, bases),
                answer.status if answer is not None else 0,
                next(record_counts, 0) if operation else 0,
                _body(request),
                request.url,
                request.authorized,
                {name: text for name, text in sorted(request.declared.items()) if not is_secret_name(name)},
                None if invented is None else describe_credential_headers(request, invented),
            )
        )
    return rows


def read_recorded_at(text: str) -> float:
    """Return an RFC 3339 time in Unix seconds; a recording without a valid time is replayed at a fixed one."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()  # never the machine's zone
    except ValueError:
        return FrozenClock().now()


def _relative(url: str, bases: Sequence[str]) -> str:
    """Return the URL relative to the base URL, so that goldens do not depend on the vendor's address."""
    base = next((base for base in bases if base and url.startswith(base)), "")
    return url[len(base) :]


def _body(request: Request) -> Any:
    """Return the request's body in recorded form; None without one."""
    recorded = to_recorded_request(request)
    if recorded.body is not UNSET:
        return recorded.body
    return recorded.form if recorded.form is not None else recorded.text


class SyntheticVault(MemoryVault):
    """A vault with a synthetic credential that satisfies the connector's fields and changes with each renewal."""

    def __init__(self, effective: Effective, left_out: Sequence[str] = ()) -> None:
        super().__init__({})
        self._effective = effective
        self._left_out = left_out
        self._loads = 0
        self.texts: set[str] = set()

    def load(self, account: str) -> dict[str, Any]:
        """Return a new credential. `texts` collects the strings of every credential so far."""
        self._loads += 1
        credentials = self._effective.connector.credentials
        if credentials is None:
            return {}
        optional = {part.name for part in credentials.fields() if not part.required}
        names = Scope(credentials.sample(self._loads), self._effective.conditions)
        document = dict(remove_absent(names, frozenset(optional.intersection(self._left_out))))
        self.texts |= {text for _, text in iterate_texts(document) if text}
        return document


def failure_kind(error: ConnError) -> str:
    """Return the kind of an error for goldens: a vendor kind, `unauthorized`, or the exception's name."""
    if isinstance(error, VendorError):
        return error.kind
    return "unauthorized" if isinstance(error, CredentialError) else type(error).__name__
