"""What is known of endpoints and of deliveries, for people: states, counts, and why something waits."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError
from conn_service.delivery import tables
from conn_service.delivery.endpoints import find_endpoint
from conn_service.delivery.places import SCHEMES, EndpointPlace, list_account_places, list_places, name_endpoint
from conn_service.delivery.stored_secrets import EndpointSecrets, SecretState

__all__ = ["DeliveryEntry", "DeliveryStatus", "EndpointEntry", "find_deliveries", "list_endpoints"]

EndpointState = Literal["enabled", "resting", "disabled", "unusable", "missing"]
DeliveryStatus = Literal["waiting", "delivered", "dead", "unwanted", "superseded"]
_AFTER_SLASH: Final = chr(ord("/") + 1)
_MOST_ACCOUNTS: Final = 500
"""Of one query. SQLite refuses conditions for a thousand."""


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """An endpoint as it is written and as it responds. `state` is `resting` while it fails, `unusable` if its settings
    are, and `missing` if it is not written any more but has events. The vault has its secret since
    `rotated_at`, and a previous one signs too until `previous_until`. Times are in Unix seconds."""

    key: str
    name: str
    place: str
    url: str
    account: str
    events: tuple[str, ...]
    state: EndpointState
    problem: str = ""
    since: float | None = None
    next_attempt: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    public_keys: tuple[str, ...] = ()
    rotated_at: float | None = None
    previous_until: float | None = None


@dataclass(frozen=True, slots=True)
class DeliveryEntry:
    """A delivery of an event to an endpoint, without the content of the event. Times are in Unix seconds."""

    number: int
    endpoint: str
    event_id: str
    type: str
    key: str
    status: DeliveryStatus
    attempts: int
    due: float
    last_error: str
    done_at: float | None

    @property
    def account(self) -> str:
        """The account that the event is about."""
        return self.key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store has of an endpoint."""

    disabled_reason: str = ""
    disabled_at: float | None = None
    problem: str = ""
    rests: int = 0
    rests_until: float = 0.0
    failing_since: float = 0.0


def list_endpoints(
    engine: Engine, workspace: Workspace, secrets: EndpointSecrets, *, accounts: Collection[str] | None = None
) -> list[EndpointEntry]:
    """Return every endpoint that is written somewhere, then those that are not and have events, by key. With
    `accounts`, return only those that are written in these accounts."""
    known, counts, due = _read_known(engine)
    rotated = secrets.list_states()
    if accounts is None:
        places = {place.key: place for place in list_places(workspace)}
    else:
        places = {place.key: place for name in accounts for place in list_account_places(workspace, name)}
    others = {*known, *counts, *rotated} - {*places} if accounts is None else set()
    keys = dict.fromkeys((*sorted(places), *sorted(others)))
    found = []
    for key in keys:
        entry = _describe(
            workspace, key, places.get(key), known.get(key, _Known()), counts.get(key, {}), due.get(key), secrets
        )
        state = rotated.get(key, SecretState(None, None))
        found.append(replace(entry, rotated_at=state.rotated_at, previous_until=state.previous_until))
    return found


def find_deliveries(
    engine: Engine,
    *,
    endpoint: str | None = None,
    accounts: Collection[str] | None = None,
    status: str | None = None,
    before: int | None = None,
    number: int | None = None,
    limit: int = 100,
) -> list[DeliveryEntry]:
    """Return deliveries, the newest first: of an endpoint, of some accounts, with a status, or before a number."""
    columns = tables.delivery.c
    query = (
        sa.select(*(columns[one.name] for one in fields(DeliveryEntry))).order_by(columns.number.desc()).limit(limit)
    )
    query = query.where(columns.endpoint == endpoint) if endpoint is not None else query
    query = query.where(columns.status == status) if status is not None else query
    query = query.where(columns.number < before) if before is not None else query
    query = query.where(columns.number == number) if number is not None else query
    found: list[DeliveryEntry] = []
    with engine.connect() as connection:
        for condition in [sa.true()] if accounts is None else _build_conditions(accounts):
            found += [DeliveryEntry(*row) for row in connection.execute(query.where(condition))]
    return sorted(found, key=lambda entry: -entry.number)[:limit]


def _build_conditions(accounts: Collection[str]) -> Iterator[sa.ColumnElement[bool]]:
    """Yield conditions for deliveries about some of the accounts each: databases bound the length of a query."""
    key = tables.delivery.c.key
    ranges = [sa.and_(key >= f"{name}/", key < f"{name}{_AFTER_SLASH}") for name in accounts]
    for start in range(0, len(ranges), _MOST_ACCOUNTS):
        yield sa.or_(*ranges[start : start + _MOST_ACCOUNTS])


def _read_known(engine: Engine) -> tuple[dict[str, _Known], dict[str, dict[str, int]], dict[str, float]]:
    """Return what the store has of endpoints, how many events they have by status, and when the next one is due."""
    columns, event = tables.endpoint.c, tables.delivery.c
    own = sa.select(columns.name, *(columns[one.name] for one in fields(_Known)))
    numbers = sa.select(event.endpoint, event.status, sa.func.count(), sa.func.min(event.due))
    counts: dict[str, dict[str, int]] = {}
    due: dict[str, float] = {}
    with engine.connect() as connection:
        known = {row[0]: _Known(*row[1:]) for row in connection.execute(own)}
        for endpoint, status, count, first in connection.execute(numbers.group_by(event.endpoint, event.status)):
            counts.setdefault(endpoint, {})[status] = count
            if status == "waiting":
                due[endpoint] = first
    return known, counts, due


def _describe(  # noqa: PLR0917
    workspace: Workspace,
    key: str,
    place: EndpointPlace | None,
    known: _Known,
    counts: Mapping[str, int],
    due: float | None,
    secrets: EndpointSecrets,
) -> EndpointEntry:
    fault = ""
    public_keys: tuple[str, ...] = ()
    try:
        keys = find_endpoint(workspace, key, environ=secrets.environ, stored=secrets.find).signing_keys
        public_keys = tuple(one.public_key for one in keys if one.public_key)
    except ConfigurationError as error:
        fault = error.message
    state, problem, since = _judge(key, place, known, fault)
    waits = due is not None and state in ("enabled", "resting")
    return EndpointEntry(
        key,
        name_endpoint(key),
        "" if place is None else _format_place(place),
        name_endpoint(key if place is None else place.settings.url),
        "" if place is None else place.account,
        () if place is None else place.settings.events,
        state,
        problem,
        since,
        max(due or 0.0, known.rests_until) if waits else None,
        counts,
        public_keys,
    )


def _judge(key: str, place: EndpointPlace | None, known: _Known, fault: str) -> tuple[EndpointState, str, float | None]:
    """Return the state of an endpoint, why it is so, and since when."""
    if known.disabled_reason:
        return "disabled", known.disabled_reason, known.disabled_at
    if place is None and not key.startswith(SCHEMES):
        return "missing", fault, None
    if fault:
        return "unusable", fault, None
    state: EndpointState = "resting" if known.rests else "enabled"
    return state, known.problem, known.failing_since or None


def _format_place(place: EndpointPlace) -> str:
    if place.account:
        return f"accounts/{place.account}"
    return f"environments/{place.environment}" if place.environment else "conn.yaml"
