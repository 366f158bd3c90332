"""Who sends a request: the token of the caller, and the account that it may use. What a token may not use does not
exist for it: the answer is 404, never 403, so that nobody learns which accounts others have."""

import asyncio
import math
from dataclasses import dataclass, field
from functools import partial

from starlette.requests import Request

from conn_engine.config import OperationName
from conn_engine.errors import ConnError
from conn_engine.responses.ratelimit import Budget, Budgets, BudgetStore, Charge, Quota, RateLimit, format_quotas
from conn_engine.wire import Clock
from conn_engine.wire import Request as PlainHttpRequest
from conn_service.http.accounts import ConfigurationSource
from conn_service.http.problems import HttpProblem
from conn_service.http.request_record import RequestRecord, find_record
from conn_service.http.tokens import ApiToken, TokenRate, TokenScope, TokenStore
from conn_service.http.unified import Permit

__all__ = ["Callers", "build_permit", "check_scope"]


def check_scope(token: ApiToken, scope: TokenScope) -> None:
    """Raise HttpProblem 403 if the token does not have a scope."""
    if scope not in token.scopes:
        raise HttpProblem(403, "forbidden", f"the token does not have the scope {scope}")


def build_permit(token: ApiToken, record: RequestRecord) -> Permit:
    """Return what notes the operation of a request, and raises HttpProblem 403 if the token's scopes do not allow
    it."""

    def permit(operation: OperationName, connector: str, writes: bool) -> None:
        record.operation, record.connector = operation.text, connector
        check_scope(token, "unified:write" if writes else "unified:read")

    return permit


@dataclass(frozen=True, slots=True)
class Callers:
    """Finds the token of a request, and what it may use."""

    tokens: TokenStore
    source: ConfigurationSource
    clock: Clock
    rates: BudgetStore = field(default_factory=Budgets)
    store_seconds: float = 10.0

    async def authenticate(self, request: Request) -> ApiToken:
        """Return the caller's token. Raises HttpProblem."""
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        found = None
        if kind.lower() == "bearer":
            text, now = text.strip(), self.clock.now()
            found = self.tokens.find_recent(text, now) or await self._find(text, now)
        if found is None:
            raise HttpProblem(
                401,
                "unauthorized",
                "the request has no valid token",
                "send the header Authorization: Bearer TOKEN; conn token create makes one",
                headers={"www-authenticate": 'Bearer realm="conn"'},
            )
        find_record(request).token = found.id
        if found.rate is not None:
            await self._count(found, found.rate)
        return found

    async def _find(self, text: str, now: float) -> ApiToken | None:
        """Look for a token in the store. Raises HttpProblem 503 if the store does not respond in time."""
        try:
            async with asyncio.timeout(self.store_seconds):
                return await asyncio.to_thread(self.tokens.find, text, now)
        except TimeoutError:
            reason = f"the store has not found a token within {self.store_seconds:g} seconds"
            text = "the service's database cannot be used now"
            raise HttpProblem(503, "store", text, headers={"retry-after": "5"}, reason=reason) from None

    async def _count(self, token: ApiToken, rate: TokenRate) -> None:
        """Count a request of a token with a rate. Raises HttpProblem 429 if it has none left."""
        budget = Budget(requests=rate.requests, per_seconds=float(rate.seconds))
        settings, charge = RateLimit(budget=(budget,)), Charge("", token.id, "")
        admit = partial(self.rates.admit, settings, charge, PlainHttpRequest("GET", ""), self.clock.now())
        pause, _ = await asyncio.to_thread(admit) if self.rates.blocks else admit()
        if pause > 0:
            seconds = math.ceil(pause)
            quota = Quota("token", rate.requests, 0, seconds, rate.seconds)
            raise HttpProblem(
                429,
                "rate_limited",
                f"the token may send {rate.requests:,} requests in {rate.seconds:,} seconds",
                f"wait {seconds} seconds",
                headers={**format_quotas([quota]), "retry-after": str(seconds)},
            )

    def choose_account(self, request: Request, token: ApiToken) -> str:
        """Return the account that the request is for. Raises HttpProblem if the token may not use it."""
        asked = request.headers.get("conn-account")
        if asked is None and len(token.accounts) != 1:
            raise HttpProblem(
                400, "invalid_request", "the request names no account", "send the header Conn-Account: ACCOUNT"
            )
        account = token.accounts[0] if asked is None else asked
        self.check_account(token, account)
        self._check_enabled(account)
        find_record(request).account = account
        return account

    def check_account(self, token: ApiToken, account: str) -> None:
        """Raise HttpProblem 404 for an account that does not exist, or that the token may not use."""
        if not self.may_use(token, account):
            raise HttpProblem(404, "unknown", "there is no such account")

    def _check_enabled(self, account: str) -> None:
        """Raise HttpProblem 403 for a disabled account. A 404 would look as if its records were gone."""
        try:
            is_enabled = self.source.get_of_account(account)[1].account(account).enabled
        except ConnError:  # its document cannot be used, which the call reports
            return
        if not is_enabled:
            raise HttpProblem(403, "disabled", "the account is disabled", "enable it before you call it")

    def may_use(self, token: ApiToken, account: str) -> bool:
        """Return whether an account exists, is of the token's tenant, and is one of those that the token is for."""
        tenant = self.source.find_tenant(account)
        if tenant is None or (token.accounts and account not in token.accounts):
            return False
        return token.tenant in ("", tenant)
