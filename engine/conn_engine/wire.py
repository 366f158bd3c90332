"""Frozen values that cross the engine's only door: requests, responses, pages and the other effects of an operation.

An operation is a generator (`Flow`). It yields effects and is sent their results:

| yields    | is sent                                                                            |
|-----------|------------------------------------------------------------------------------------|
| `Request` | a `Response`; or a `TransportError` is thrown in at the yield                        |
| `Page`    | None                                                                               |
| `Wait`    | None                                                                               |
| `Renew`   | the account's renewed credential document (a dict); or a `CredentialError` is thrown in |

Who drives the generator decides what each means. Nothing here does I/O.
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

Purpose = Literal["operation", "step", "token", "verify"]
T = TypeVar("T")


class Headers(Mapping[str, str]):
    """Case-insensitive, ordered, repeated names kept. `headers["x"]` joins repeats with ", " (RFC 9110)."""

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
        """Every value of a repeated header, in order."""
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def replace_header(self, name: str, value: str) -> "Headers":
        """A copy in which `name` has this one value."""
        kept = [(k, v) for k, v in self.pairs if k.lower() != name.lower()]
        return Headers([*kept, (name, value)])

    def plain(self) -> dict[str, str]:
        """Lower-case name to value: the form expressions see."""
        return dict(self._index)


class Blob(Protocol):
    """Bytes that may be too many for memory, and are kept elsewhere. May be read more than once."""

    @property
    def size(self) -> int:
        """How many bytes."""
        ...

    def open(self) -> BinaryIO:
        """A reader of its own, from the first byte. Valid until `close()`."""
        ...

    def close(self) -> None:
        """Give back what holds them."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class ClientCertificate:
    """What a client proves itself with in TLS: its certificate (and those above it) and private key as PEM texts."""

    chain: str
    key: str
    passphrase: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One HTTP request, finished: `url` is absolute and encoded, `body` is bytes.

    A large upload is a `payload` instead of a body. `stream` says that a good answer may be large, and is spooled.
    `hosts` are the host patterns a credential may go to (see `transport.door`); `authorized` says that the request
    carries one. `certificate` is shown to those hosts alone. `label` names the operation or step for people.
    `timeout_seconds` bounds the whole exchange. `declared` are the headers that the configuration and the caller say:
    none of a credential, a signature or the transport. `signed_headers` are the lower-case names of the headers that
    the signature has set. `shown` is the same request with `[redacted]` in the places of
    secrets that are too short to be searched for (None: it has none).
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
    shown: "Request | None" = None

    @property
    def visible(self) -> "Request":
        """The request as it may be shown and kept, once known secrets are replaced."""
        return self.shown or self

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url.split('?')[0]})"  # no query, headers or body: they may be secret


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """One HTTP response, read whole: `body` is decompressed bytes, `url` the one that answered (after redirects).

    The large answer of a request that says `stream` is in `spool`, and `body` is empty. `echoes` removes credentials
    that the answer repeats from what only decoding brings to light (None: there is no need).
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
        """Bytes of the body, wherever they are."""
        return len(self.body) if self.spool is None else self.spool.size

    def open(self) -> BinaryIO:
        """A reader of the body, wherever it is."""
        return io.BytesIO(self.body) if self.spool is None else self.spool.open()

    def clean(self, data: Any) -> Any:
        """What was decoded of the body, without credentials that it repeats; the same object if there are none."""
        return data if self.echoes is None else self.echoes.data_without_echo(data)

    def close(self) -> None:
        """Give back what a spooled body takes up."""
        if self.spool is not None:
            self.spool.close()

    def __repr__(self) -> str:
        return f"Response({self.status}, {self.size} bytes)"


class Echoes(Protocol):
    """Knows what an answer may not repeat."""

    def data_without_echo(self, data: Any) -> Any:
        """Decoded data without it; the same object if it has none."""
        ...

    def echo_cleaner(self) -> "Cleaner":
        """The same for bytes that come in pieces."""
        ...


class Cleaner(Protocol):
    """Cleans bytes that come in pieces. What comes out does not depend on where the pieces begin."""

    def feed(self, piece: bytes) -> bytes:
        """What is clean of what came so far."""
        ...

    def finish(self) -> bytes:
        """The rest."""
        ...


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a listing gave everything. `complete`: its end was seen, and no total says that there is more;
    `incomplete`: something is missing; `unknown`: the answers say nothing of an end, because keys of paging are not
    there; `stopped`: the caller wanted no more. `reason` is a sentence about all but the first, `hint` is what to do.
    `settings` are those of paging that name a key which no answer had.

    `policy` is the operation's `complete`: what a caller should make of an incomplete listing.
    """

    state: Literal["complete", "incomplete", "unknown", "stopped"]
    reason: str = ""
    settings: tuple[str, ...] = ()
    policy: Literal["error", "warn", "ignore"] = "error"
    hint: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether records are missing from a listing that has to be complete."""
        return self.state == "incomplete" and self.policy == "error"


@dataclass(frozen=True, slots=True)
class Page:
    """Records that are ready. `records` are unified (or the vendor's, for a raw operation); `raw` the vendor's own.

    `next_cursor` and `prev_cursor` are opaque tokens that continue the listing in a later call; None at the end.
    `headers` are what the caller may see: normalised rate-limit headers and mapped response headers.
    `whole` marks an operation that answers with one thing and not a list (get, create, update, delete).
    `partial` says that the next page is of the same answer, which is delivered in parts because it is long: to resume
    at its cursor, the answer is requested again. `content` are the bytes of a binary answer, readable until the next
    page is requested.
    `partition` are the values of a fanned-out operation that the page belongs to. `state`, JSON data, is from where a
    later run of an incremental operation goes on, once this page and those before it are kept; None: from the start.
    `notes` are what the caller should hear of the request: a page size that was cut. `completeness` is the verdict on
    the whole listing, on its last page only.
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


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause the operation wants before it goes on."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Renew:
    """Asks for a fresh credential in place of `stale` (the document the operation has used so far).

    The driver takes the account's lock, loads the stored document, returns it when it is no longer `stale` (someone
    else has renewed it), else drives `exchange(stored)`, stores what it returns *before* it hands it out, and releases
    the lock. This is the only place where a credential is written.
    """

    account: str
    stale: Mapping[str, Any]
    exchange: "Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]"


Effect: TypeAlias = Request | Page | Wait | Renew
Flow: TypeAlias = Generator[Effect, Any, T]


class Clock(Protocol):
    """The only source of time. `now` is Unix seconds."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Pause."""
        ...


class SystemClock:
    """The machine's clock. Nothing else asks the machine what time it is."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Really pause."""
        time.sleep(seconds)


class FrozenClock:
    """A clock that stands still, and jumps when told to sleep. `slept` collects the pauses."""

    def __init__(self, now: float = 1_760_000_000.0) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Jump ahead without pausing."""
        self.slept.append(seconds)
        self._now += seconds


MACHINE_CLOCK = SystemClock()
"""What is used where no clock is passed."""
