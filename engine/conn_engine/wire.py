"""Frozen values that cross the engine's only boundary: requests, responses, pages and other effects of an operation.

An operation is a generator (`Flow`). It yields effects and is sent their results:

| yields    | is sent                                                                            |
|-----------|------------------------------------------------------------------------------------|
| `Request` | a `Response`; or a `TransportError` is thrown in at the yield                        |
| `Page`    | None                                                                               |
| `Wait`    | None                                                                               |
| `Renew`   | the account's renewed credential document (a dict); or a `CredentialError` is thrown in |

The driver of the generator decides what each means. Nothing here does I/O.
"""

import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias, TypeVar

__all__ = [
    "MACHINE_CLOCK",
    "Blob",
    "Cleaner",
    "Clock",
    "Completeness",
    "Echoes",
    "Effect",
    "FieldProblem",
    "Flow",
    "FrozenClock",
    "Headers",
    "Page",
    "Purpose",
    "Renew",
    "Request",
    "Response",
    "SystemClock",
    "Wait",
]

Purpose = Literal["operation", "step", "token", "verify", "passed"]
T = TypeVar("T")


class Headers(Mapping[str, str]):
    """Case-insensitive and ordered, with repeated names. `headers["x"]` joins repeated values with ", " (RFC 9110)."""

    __slots__ = ("_index", "pairs")

    def __init__(self, pairs: "Iterable[tuple[str, str]] | Mapping[str, str]" = ()) -> None:
        items = pairs.pairs if isinstance(pairs, Headers) else pairs
        source = items.items() if isinstance(items, Mapping) else items
        self.pairs: tuple[tuple[str, str], ...] = tuple((str(k), str(v)) for k, v in source)
        self._index: dict[str, str] = {}
        repeated: dict[str, list[str]] = {}
        for name, value in self.pairs:
            key = name.lower()
            if key in self._index:
                repeated.setdefault(key, [self._index[key]]).append(value)
            else:
                self._index[key] = value
        for key, values in repeated.items():
            self._index[key] = ", ".join(values)

    def __getitem__(self, name: str) -> str:
        return self._index[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._index == other._index

    def __hash__(self) -> int:
        return hash(tuple(self._index.items()))

    def __repr__(self) -> str:
        return f"Headers({sorted(self._index)})"  # names only: values may be secret

    def get_all(self, name: str) -> list[str]:
        """Return every value of a repeated header, in order."""
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def replace_header(self, name: str, value: str) -> "Headers":
        """Return a copy in which `name` has only this value."""
        kept = [(k, v) for k, v in self.pairs if k.lower() != name.lower()]
        return Headers([*kept, (name, value)])

    def plain(self) -> dict[str, str]:
        """Return lower-case names and values, as expressions see them."""
        return dict(self._index)


class Blob(Protocol):
    """Bytes that may be too many for memory and are stored elsewhere. They can be read more than once."""

    @property
    def size(self) -> int:
        """The number of bytes."""
        ...

    def open(self) -> BinaryIO:
        """Return a separate reader at the first byte. Valid until `close()`."""
        ...

    def close(self) -> None:
        """Release the storage."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class ClientCertificate:
    """What a client authenticates with in TLS: its certificate (and those above it) and its private key, as PEM
    strings."""

    chain: str
    key: str
    passphrase: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One finished HTTP request: `url` is absolute and encoded, `body` is bytes.

    A large upload is a `payload` instead of a body. `stream` means that a successful response may be large and is
    spooled. `hosts` are the host patterns that a credential may go to (see `transport.gateway`), and `authorized` means
    that the request contains one. `certificate` is only presented to those hosts. `label` is the operation or step in
    messages. `timeout_seconds` limits the complete exchange. `declared` has the headers set by the configuration and
    the caller, without those of a credential, a signature or the transport. `signed_headers` has the lower-case names
    of the headers that the signature set. `credential_query` has the names of the query parameters that the
    authorization and the signature set. `shown` is the same request with `[redacted]` in place of secrets that are
    too short to search for (None: there are none).
    """

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes | None = None
    purpose: Purpose = "operation"
    label: str = ""
    writes: bool = False
    idempotent: bool = True
    authorized: bool = False
    hosts: tuple[str, ...] = ()
    certificate: ClientCertificate | None = None
    timeout_seconds: float = 30.0
    payload: Blob | None = None
    stream: bool = False
    declared: Headers = field(default_factory=Headers)
    signed_headers: frozenset[str] = frozenset()
    credential_query: frozenset[str] = frozenset()
    shown: "Request | None" = None

    @property
    def visible(self) -> "Request":
        """The request as it may be shown and stored, once known secrets are replaced."""
        return self.shown or self

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url.split('?')[0]})"  # no query, headers or body: they may be secret


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """One complete HTTP response: `body` is decompressed bytes, `url` is the one that responded (after redirects).

    The large response to a request with `stream` is in `spool`, and `body` is empty. `echoes` removes credentials that
    the response repeats and that only decoding reveals (None: not needed).
    """

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    url: str = ""
    elapsed_seconds: float = 0.0
    spool: Blob | None = None
    echoes: "Echoes | None" = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """The number of bytes of the body, wherever it is stored."""
        return len(self.body) if self.spool is None else self.spool.size

    def open(self) -> BinaryIO:
        """Return a reader of the body, wherever it is stored."""
        return io.BytesIO(self.body) if self.spool is None else self.spool.open()

    def clean(self, data: Any) -> Any:
        """Return decoded data without credentials that the response repeats; the same object if there are none."""
        return data if self.echoes is None else self.echoes.data_without_echo(data)

    def close(self) -> None:
        """Release the storage of a spooled body."""
        if self.spool is not None:
            self.spool.close()

    def __repr__(self) -> str:
        return f"Response({self.status}, {self.size} bytes)"


class Echoes(Protocol):
    """Knows what a response must not repeat."""

    def data_without_echo(self, data: Any) -> Any:
        """Return decoded data without it; the same object if it has none."""
        ...

    def echo_cleaner(self) -> "Cleaner":
        """Return a cleaner for bytes that arrive in pieces."""
        ...


class Cleaner(Protocol):
    """Cleans bytes that arrive in pieces. The result does not depend on how they are split."""

    def feed(self, piece: bytes) -> bytes:
        """Return the bytes that are clean so far."""
        ...

    def finish(self) -> bytes:
        """Return the rest."""
        ...


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a listing returned everything. `complete`: its end was reached, and no total reports more; `incomplete`:
    something is missing; `unknown`: the responses report no end, because keys of the pagination are missing;
    `stopped`: the caller wanted no more.

    `reason` is a sentence about all but the first, and `hint` is the fix. `settings` are those of the pagination with a
    key that no response had. `policy` is the operation's `complete`: how to treat an incomplete listing. `total` is
    the number of records that the vendor reports, None if it does not for a part of the listing.
    """

    state: Literal["complete", "incomplete", "unknown", "stopped"]
    reason: str = ""
    settings: tuple[str, ...] = ()
    policy: Literal["error", "warn", "ignore"] = "error"
    hint: str = ""
    total: int | None = None

    @property
    def is_failure(self) -> bool:
        """Whether records are missing from a listing that must be complete."""
        return self.state == "incomplete" and self.policy == "error"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A field that is empty in some records because its expression fails on them.

    `field` is dotted (`custom_fields.score`), and `records` is the number of these records. `first_ids` has the unified
    ids of the first few of them; a record without one is called by its place (`record 3 of page 1`). `message` and
    `hint` explain the first failure. `at` is the expression's path in the configuration; `text`, `offset` and `token`
    are as in `ExpressionError`.
    """

    field: str
    records: int
    first_ids: tuple[str, ...]
    message: str
    hint: str = ""
    at: str = ""
    text: str = ""
    offset: int = -1
    token: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Records that are ready. `records` are unified (or the vendor's, for a vendor operation); `raw` are the vendor's.

    `next_cursor` and `prev_cursor` are opaque tokens that continue the listing in a later call; None at the end.
    `headers` has what the caller may see: normalized rate-limit headers and mapped response headers. `whole` marks an
    operation that returns one record instead of a list (get, create, update, delete). `partial` means that the next
    page is from the same response, which is delivered in parts because it is long; resuming at its cursor requests the
    response again. `content` has the bytes of a binary response, readable until the next page is requested.

    `partition` has the values of a fanned-out operation for this page. `state` (JSON data) is where a later run of an
    incremental operation resumes, once this page and those before it are stored; None means from the start. `notes` are
    for the caller, such as a reduced page size. `completeness` is the verdict on the complete listing, on its last page
    only. `problems` has one entry for each field whose expression fails on records of this page. `skipped` means that
    an error rule skips the response: its records are unknown. `mapping_seconds` is the time of the response mapping.
    """

    records: list[Any]
    raw: list[Any]
    number: int = 1
    next_cursor: str | None = None
    prev_cursor: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False
    partial: bool = False
    notes: tuple[str, ...] = ()
    content: Any = None
    partition: Mapping[str, Any] = field(default_factory=dict)
    state: Any = None
    completeness: Completeness | None = None
    problems: tuple[FieldProblem, ...] = ()
    skipped: bool = False
    mapping_seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause that the operation needs before it continues."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Renew:
    """A request for a new credential in place of `stale` (the document that the operation has used so far).

    The driver locks the account and loads the stored document. If it is no longer `stale` because another run has
    renewed it, the driver returns it. Otherwise it runs `exchange(stored)` and stores the result *before* it returns
    it. Then it releases the lock. Credentials are written nowhere else.
    """

    account: str
    stale: Mapping[str, Any]
    exchange: "Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]"


Effect: TypeAlias = Request | Page | Wait | Renew
Flow: TypeAlias = Generator[Effect, Any, T]


class Clock(Protocol):
    """The only source of time. `now` is in Unix seconds."""

    def now(self) -> float:
        """Return the seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Pause."""
        ...


class SystemClock:
    """The machine's clock. Nothing else reads the machine's time."""

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Pause for real."""
        time.sleep(seconds)


class FrozenClock:
    """A clock that stands still, and jumps ahead instead of sleeping. `slept` collects the pauses."""

    def __init__(self, now: float = 1_760_000_000.0) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Jump ahead without pausing."""
        self.slept.append(seconds)
        self._now += seconds


MACHINE_CLOCK = SystemClock()
"""The clock to use if none is passed."""
