"""`/admin/endpoints` and `/admin/deliveries`: how endpoints respond, what they got, a test, and events again.

A token for one tenant sees the endpoints of its accounts, and the deliveries about its accounts. Events have no content
here: it is the customers' data, and the scope `admin` does not read records.
"""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conn_engine.errors import ConfigurationError, UsageError
from conn_service.delivery import (
    DEFAULT_OVERLAP,
    DeliveryEntry,
    DeliveryStatus,
    DeliveryStore,
    EndpointEntry,
    EndpointSecrets,
    RedeliveredEvents,
    ResolvedEndpoint,
    RotatedSecret,
    find_deliveries,
    find_endpoint,
    list_endpoints,
    name_endpoint,
    parse_overlap,
    send_test_event,
)
from conn_service.delivery.places import ACCOUNTS
from conn_service.http.admin import AdminGate
from conn_service.http.admin_bodies import refuse
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import ServiceLimits, parse_query, read_body
from conn_service.http.tenant_turns import TenantTurns
from conn_service.http.tokens import ApiToken
from conn_service.revisions import Subject

__all__ = ["build_endpoint_routes"]

_MOST_PER_PAGE: Final = 100
_MOST_TESTS: Final = 4
"""At once: an endpoint that does not respond keeps a thread, which other requests need, for as long as it may."""
_FILTERS: Final = ("account", "cursor", "endpoint", "status")
_INTERNAL: Final = "an internal address"
"""What errors of the egress check have: they describe the network of the service."""
_ADDRESS: Final = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4})(?![\w.])", re.IGNORECASE
)
_ROTATION_FIX: Final = "send {} to …/rotate/end first, or set CONN_VAULT_KEY of the service"
_Changed = TypeVar("_Changed")
_STATUSES: Final = get_args(DeliveryStatus)


@dataclass(frozen=True, slots=True)
class _AdminEndpoints:
    gate: AdminGate
    deliveries: DeliveryStore
    secrets: EndpointSecrets = field(repr=False)
    limits: ServiceLimits
    turns: TenantTurns

    # --- endpoints ---

    async def list_all(self, request: Request) -> Response:
        """Answer with the endpoints that the token may see."""
        token = await self.gate.admit(request)
        _read_filters(request, ())
        found = await asyncio.to_thread(self._list_visible, token)
        return JSONResponse({"result": [_describe_endpoint(entry, token) for entry in found]})

    async def get(self, request: Request) -> Response:
        """Answer with one endpoint."""
        token, entry = await self._find(request)
        return JSONResponse(_describe_endpoint(entry, token))

    async def enable(self, request: Request) -> Response:
        """Enable an endpoint that was disabled. Its events are sent when they are due."""
        token, entry = await self._find(request)
        await self._read_object(request, ())
        await asyncio.to_thread(self.deliveries.set_disabled, entry.key, "", self._now())
        await self._record(token, "enable", entry)
        return JSONResponse(_describe_endpoint((await self._find(request))[1], token))

    async def test(self, request: Request) -> Response:
        """Send a test event to an endpoint, and answer with what it answered."""
        token, entry = await self._find(request)
        await self._read_object(request, ())
        async with self.turns.wait(token, entry.account or entry.key):
            workspace = self.gate.callers.source.get_current()[1]
            endpoint = await asyncio.to_thread(self._resolve, entry)
            done = await asyncio.to_thread(send_test_event, workspace, endpoint, self.gate.callers.clock)
        await self._record(token, "test", entry)
        problem = _hide_network(done.problem, token)
        return JSONResponse({**asdict(done), "status": done.status or None, "problem": problem})

    async def redeliver(self, request: Request) -> Response:
        """Enable an endpoint, and send it what it has not received; or one event, or those of a time."""
        token, entry = await self._find(request)
        body = await self._read_object(request, ("event_id", "since", "until"))
        event_id = body.get("event_id")
        if event_id is not None and (not isinstance(event_id, str) or not event_id.isprintable() or len(body) > 1):
            raise refuse("event_id is not the ID of an event, or is not alone", 'send {"event_id": "evt_…"}')
        since, until = _read_time(body, "since"), _read_time(body, "until")
        if until is not None and since is None:
            raise refuse("until needs since", "send since, too")
        done = await asyncio.to_thread(self._redeliver, entry.key, event_id, since, until)
        if event_id is not None and not done.again:
            raise HttpProblem(404, "unknown", "the endpoint has no such event, or its content is removed")
        await self._record(token, "redeliver", entry)
        return JSONResponse(asdict(done), 202)

    async def rotate(self, request: Request) -> Response:
        """Make a new secret and store it in the vault. It is in the answer only if the body asks for it."""
        token, entry = await self._find(request)
        body = await self._read_object(request, ("ed25519", "overlap", "show"))
        overlap = _read_overlap(body)
        is_private, is_shown = _read_flag(body, "ed25519"), _read_flag(body, "show")

        def work() -> RotatedSecret:
            keys = self._resolve(entry).signing_keys
            return self.secrets.rotate(entry.key, keys, overlap, is_private=is_private, is_shown=is_shown)

        done = await self._change_secret(work)
        await self._record(token, "rotate_secret", entry)
        shown = {"secret": done.secret} if is_shown else {}
        answer = {"endpoint": entry.name, "previous_until": done.previous_until, "public_key": done.public_key or None}
        return JSONResponse({**answer, **shown}, headers={"Cache-Control": "no-store"})

    async def end_previous(self, request: Request) -> Response:
        """Let only the current secret in the vault sign."""
        token, entry = await self._find(request)
        await self._read_object(request, ())
        ended = await self._change_secret(lambda: self.secrets.end_previous(entry.key))
        await self._record(token, "end_previous_secret", entry)
        return JSONResponse({"endpoint": entry.name, "ended": ended})

    # --- deliveries ---

    async def list_deliveries(self, request: Request) -> Response:
        """Answer with deliveries, the newest first."""
        token = await self.gate.admit(request)
        query = _read_filters(request, _FILTERS)
        status, cursor, account = query.get("status"), query.get("cursor"), query.get("account")
        if status is not None and status not in _STATUSES:
            raise refuse(f'there is no status "{status[:100]}"', f"use one of: {', '.join(_STATUSES)}")
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            raise refuse("cursor is not one of this list", "leave it out to start again")
        accounts = self._list_accounts(token)
        if account is not None:
            is_one = Subject("account", account).has_valid_name if accounts is None else account in accounts
            accounts = [account] if is_one else []
        found = await asyncio.to_thread(
            lambda: find_deliveries(
                self.deliveries.engine,
                endpoint=self._find_key(query.get("endpoint")),
                accounts=accounts,
                status=status,
                before=None if cursor is None else int(cursor),
                limit=_MOST_PER_PAGE + 1,
            )
        )
        page = found[:_MOST_PER_PAGE]
        more = len(found) > len(page)
        return JSONResponse(
            {
                "result": [_describe_delivery(entry, token) for entry in page],
                "next_cursor": str(page[-1].number) if more else None,
            }
        )

    async def get_delivery(self, request: Request) -> Response:
        """Answer with one delivery."""
        token, entry = await self._find_delivery(request)
        return JSONResponse(_describe_delivery(entry, token))

    async def redeliver_one(self, request: Request) -> Response:
        """Send an event again, to the endpoint of its delivery."""
        token, entry = await self._find_delivery(request)
        await self._read_object(request, ())
        work = self.deliveries.redeliver
        done = await asyncio.to_thread(work, entry.endpoint, self._now(), event_id=entry.event_id)
        if not done.again:
            raise HttpProblem(409, "unknown", "the content of the event is removed, so it cannot be sent again")
        await self.gate.record(token, "redeliver", f"deliveries/{entry.number}", account=entry.account)
        return JSONResponse(asdict(done), 202)

    # --- what the token may see ---

    async def _find(self, request: Request) -> tuple[ApiToken, EndpointEntry]:
        """Return the token and the endpoint of the path. Raises HttpProblem."""
        token = await self.gate.admit(request)
        name = name_endpoint(request.path_params["name"])
        for entry in await asyncio.to_thread(self._list_visible, token, name):
            if entry.name == name:
                return token, entry
        raise HttpProblem(404, "unknown", "there is no such endpoint")

    async def _find_delivery(self, request: Request) -> tuple[ApiToken, DeliveryEntry]:
        token = await self.gate.admit(request)
        number, accounts = request.path_params["number"], self._list_accounts(token)
        found = []
        if number < 2**63:
            engine = self.deliveries.engine
            found = await asyncio.to_thread(lambda: find_deliveries(engine, number=number, accounts=accounts))
        if not found:
            raise HttpProblem(404, "unknown", "there is no such delivery")
        return token, found[0]

    def _list_visible(self, token: ApiToken, name: str = "") -> list[EndpointEntry]:
        """Return the endpoints that the token may see; of the account that a name has, if it has one."""
        workspace = self.gate.callers.source.get_current()[1]
        accounts = self._list_accounts(token)
        if name.startswith(ACCOUNTS):
            account = name.split("/")[1]
            if self.gate.callers.may_use(token, account):
                accounts = [account]  # the documents of others need not be read
        return list_endpoints(self.deliveries.engine, workspace, self.secrets, accounts=accounts)

    def _list_accounts(self, token: ApiToken) -> Collection[str] | None:
        """Return the accounts that the token is for, None if it is for all, also for those that were removed."""
        if _is_for_all(token):
            return None
        names = self.gate.callers.source.get_current()[1].accounts()
        return [name for name in names if self.gate.callers.may_use(token, name)]

    def _find_key(self, name: str | None) -> str | None:
        """Return the key of an endpoint. Those that are URLs have other names."""
        known = {name_endpoint(key): key for key in self.deliveries.find_endpoints()} if name is not None else {}
        return None if name is None else known.get(name_endpoint(name), "")

    # --- what is done ---

    def _resolve(self, entry: EndpointEntry) -> ResolvedEndpoint:
        workspace = self.gate.callers.source.get_current()[1]
        try:
            return find_endpoint(workspace, entry.key, environ=self.secrets.environ, stored=self.secrets.find)
        except ConfigurationError as error:
            raise HttpProblem(409, "configuration", error.message, error.hint) from None

    async def _change_secret(self, work: Callable[[], _Changed]) -> _Changed:
        """Change a secret in a thread: a lock of the vault may have to be waited for."""
        try:
            return await asyncio.to_thread(work)
        except (ConfigurationError, UsageError) as error:
            raise HttpProblem(409, "configuration", error.message, _ROTATION_FIX) from None

    def _redeliver(self, key: str, event_id: str | None, since: float | None, until: float | None) -> RedeliveredEvents:
        now = self._now()
        if event_id is None and since is None:
            done = RedeliveredEvents(self.deliveries.retry_dead(now, endpoint=key, also_waiting=True), 0)
        else:
            done = self.deliveries.redeliver(key, now, event_id=event_id, since=since or 0.0, until=until)
        if event_id is None or done.again:
            self.deliveries.set_disabled(key, "", now)
        return done

    async def _record(self, token: ApiToken, action: str, entry: EndpointEntry) -> None:
        await self.gate.record(token, action, f"endpoints/{entry.name}", account=entry.account)

    async def _read_object(self, request: Request, names: Collection[str]) -> Mapping[str, Any]:
        body = await read_body(request, self.limits)
        if body is not None and not isinstance(body, dict):
            raise refuse("the body is not an object", "send a JSON object")
        unknown = sorted((body or {}).keys() - {*names})
        if unknown:
            raise refuse(f'the body has an unknown key "{unknown[0][:100]}"', f"use: {', '.join(names) or 'no key'}")
        return body or {}

    def _now(self) -> float:
        return self.gate.callers.clock.now()


def build_endpoint_routes(
    gate: AdminGate, deliveries: DeliveryStore, secrets: EndpointSecrets, limits: ServiceLimits
) -> list[Route]:
    """Return the routes of endpoints and deliveries. The names of endpoints have slashes."""
    served = _AdminEndpoints(gate, deliveries, secrets, limits, TenantTurns(_MOST_TESTS))
    one, delivery = "/admin/endpoints/{name:path}", "/admin/deliveries/{number:int}"
    return [
        Route("/admin/endpoints", served.list_all, methods=["GET"]),
        Route(f"{one}/enable", served.enable, methods=["POST"]),
        Route(f"{one}/test", served.test, methods=["POST"]),
        Route(f"{one}/redeliver", served.redeliver, methods=["POST"]),
        Route(f"{one}/rotate", served.rotate, methods=["POST"]),
        Route(f"{one}/rotate/end", served.end_previous, methods=["POST"]),
        Route(one, served.get, methods=["GET"]),
        Route("/admin/deliveries", served.list_deliveries, methods=["GET"]),
        Route(delivery, served.get_delivery, methods=["GET"]),
        Route(f"{delivery}/redeliver", served.redeliver_one, methods=["POST"]),
    ]


def _is_for_all(token: ApiToken) -> bool:
    return not token.tenant and not token.accounts


def _read_filters(request: Request, names: Collection[str]) -> dict[str, str]:
    query = dict(parse_query(request))
    if unknown := query.keys() - {*names}:
        raise refuse(f'the list does not read "{min(unknown)[:100]}"', f"use: {', '.join(names) or 'no parameter'}")
    return query


def _read_time(body: Mapping[str, Any], name: str) -> float | None:
    text = body.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise refuse(f"{name} is not a time", "write it like 2026-11-25T14:30:00Z") from None


def _read_flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise refuse(f"{name} is not true or false", f'send {{"{name}": true}}')
    return value


def _read_overlap(body: Mapping[str, Any]) -> float:
    try:
        return parse_overlap(body.get("overlap", DEFAULT_OVERLAP))
    except UsageError as error:
        raise refuse(error.message, error.hint or "") from None


def _hide_network(problem: str, token: ApiToken) -> str:
    """Return what a token may know of a problem. A tenant chooses names that resolve inside, and must not learn what
    they resolve to: not even that they resolve."""
    if _is_for_all(token):
        return problem
    if _INTERNAL in problem:
        return "the host of the endpoint may not be reached"
    return _ADDRESS.sub("…", problem)


def _describe_endpoint(entry: EndpointEntry, token: ApiToken) -> dict[str, Any]:
    data = asdict(replace(entry, problem=_hide_network(entry.problem, token)))
    del data["key"]
    return {"id": data.pop("name"), **data}


def _describe_delivery(entry: DeliveryEntry, token: ApiToken) -> dict[str, Any]:
    return {
        "number": entry.number,
        "endpoint": name_endpoint(entry.endpoint),
        "event_id": entry.event_id,
        "type": entry.type,
        "account": entry.account,
        "record": entry.key.partition("/")[2],
        "status": entry.status,
        "attempts": entry.attempts,
        "next_attempt": entry.due if entry.status == "waiting" else None,
        "problem": _hide_network(entry.last_error, token),
        "done_at": entry.done_at,
    }
