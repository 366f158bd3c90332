"""`/health/live`, `/health/ready` and `/metrics`.

They are for machines inside: an answer says in words what is wrong, but names no account, no address and no secret. The
log has the details.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConnError, CredentialError
from conn_engine.releases.faults import StoreRefusedError, StoreUnreachableError
from conn_engine.releases.serving import ReleaseChoice
from conn_engine.releases.store_location import StoreLocation
from conn_engine.releases.translating import translate_store_error
from conn_engine.secrets import Vault
from conn_service.http.accounts import ConfigurationSource
from conn_service.http.callers import Callers, check_scope
from conn_service.http.metrics import ServiceMetrics
from conn_service.http.problems import HttpProblem
from conn_service.store import check_database, translate_errors

__all__ = ["DrainState", "ServiceHealth", "build_health_routes"]

_LOG = logging.getLogger(__name__)
_SECONDS: Final = 5.0
_FRESH_SECONDS: Final = 1.0
_NOTED_SECONDS: Final = 60.0
_MOST_PROBED: Final = 20
_OK: Final = "ok"


@dataclass(slots=True)
class DrainState:
    """Whether the service is about to end, and takes no new requests."""

    is_draining: bool = False


@dataclass(slots=True)
class ServiceHealth:
    """Whether the service can serve. The checks run once a second at most, however often somebody asks."""

    engine: Engine
    location: StoreLocation
    source: ConfigurationSource
    vault: Vault
    drain: DrainState
    _failed: tuple[float, str] | None = None
    _checked: float = -_FRESH_SECONDS
    _results: dict[str, str] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        sa.event.listen(self.engine, "handle_error", self._note_failure)

    def _note_failure(self, context: sa.engine.ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        message = "" if error is None else translate_store_error(error, self.location).message
        for words in ("the disk is full", "cannot be written"):
            if words in message:
                self._failed = (time.monotonic(), words.replace("cannot", "it cannot"))
                return

    def find_notes(self) -> list[str]:
        """Return what is wrong although the service can serve."""
        notes = []
        broken = len(self.source.find_broken())
        if broken:
            notes.append(f"{pluralize(broken, 'account')} cannot be served; the log has the reason")
        choice = self.source.get_current()[1].choice
        rollout = choice.channel.rollout if isinstance(choice, ReleaseChoice) else None
        if rollout is not None and rollout.halted:
            notes.append("the rollout was halted; conn rollout has the reason")
        if self.source.fault is not None:
            notes.append("the newest configuration cannot be served, and the former one is; the log has the reason")
        if self._failed is not None and time.monotonic() - self._failed[0] < _NOTED_SECONDS:
            notes.append(f"the store could not be written in the last minute: {self._failed[1]}")
        return notes

    async def check(self) -> dict[str, str]:
        """Return what was checked, each with `ok` or what is wrong."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._checked >= _FRESH_SECONDS:
                results = {
                    "store": await self._try("store", self._check_store),
                    "vault": await self._try("vault", self._check_vault),
                }
                self._log_changes(results)
                self._results, self._checked = results, loop.time()
        return self._results

    async def _try(self, name: str, check: Callable[[], None]) -> str:
        try:
            async with asyncio.timeout(_SECONDS):
                await asyncio.to_thread(check)
        except TimeoutError:
            return f"the {name} does not respond within {_SECONDS:g} seconds"
        except StoreUnreachableError as error:
            _LOG.debug("%s", error.message)
            full = "the disk is full" in error.message
            return f"the {name} cannot be written: its disk is full" if full else f"the {name} does not respond"
        except StoreRefusedError:
            return f"the {name} refuses the user or the password"
        except CredentialError:
            return "the credentials cannot be decrypted or read; is CONN_VAULT_KEY its key?"
        except ConnError:
            return f"the {name} cannot be used as it is"
        return _OK

    def _check_store(self) -> None:
        with translate_errors(self.location):
            check_database(self.engine)

    def _check_vault(self) -> None:
        """Load credentials until one can be used. A single damaged one does not make the service unavailable."""
        fault: CredentialError | None = None
        with translate_errors(self.location):
            for account in self.source.get_current()[1].accounts()[:_MOST_PROBED]:
                try:
                    if self.vault.load(account) is not None:
                        return
                except CredentialError as error:
                    fault = fault or error
        if fault is not None:
            raise fault

    def _log_changes(self, results: dict[str, str]) -> None:
        for name, result in results.items():
            if result == self._results.get(name, _OK):
                continue
            if result == _OK:
                _LOG.info("ready again: the %s can be used", name)
            else:
                _LOG.error("not ready: %s", result)


def build_health_routes(
    health: ServiceHealth, metrics: ServiceMetrics, callers: Callers, *, needs_token: bool = True
) -> list[Route]:
    """Return the routes. Without `needs_token`, everybody who reaches the port may read the metrics."""

    async def say_alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def check_ready(request: Request) -> Response:
        if health.drain.is_draining:
            raise HttpProblem(503, "draining", "the service is about to end")
        results = await health.check()
        wrong = [result for result in results.values() if result != _OK]
        if wrong:
            raise HttpProblem(503, "not_ready", "; ".join(wrong), more={"checks": results})
        accounts = len(health.source.get_current()[1].accounts())
        data: dict[str, Any] = {"status": "ready", "accounts": accounts, "checks": results}
        notes = health.find_notes()
        return JSONResponse(data | ({"notes": notes} if notes else {}))

    async def show_metrics(request: Request) -> Response:
        if needs_token:
            token = await callers.authenticate(request)
            check_scope(token, "metrics")
            if token.tenant or token.accounts:
                raise HttpProblem(
                    403, "forbidden", "metrics are those of all tenants, and the token is for some accounts"
                )
        body, content_type = metrics.format(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return [
        Route("/health/live", say_alive, methods=["GET"]),
        Route("/health/ready", check_ready, methods=["GET"]),
        Route("/metrics", show_metrics, methods=["GET"]),
    ]
