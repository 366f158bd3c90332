"""`/admin/rollout`: which release each account uses, and what was seen of the rollout that is on."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conn_engine.config import Workspace
from conn_engine.releases.report import RolloutReport
from conn_engine.releases.serving import ReleaseChoice
from conn_engine.releases.status import describe_channel
from conn_engine.wire import Clock
from conn_service.http.admin import AdminGate
from conn_service.http.problems import HttpProblem
from conn_service.rollouts import RolloutWatch

__all__ = ["build_rollout_routes"]


def build_rollout_routes(
    gate: AdminGate, watch: RolloutWatch, get_workspace: Callable[[], Workspace], clock: Clock
) -> list[Route]:
    """Return the route."""

    def describe() -> RolloutReport | None:
        watch.flush()  # may halt the rollout, so before it is read
        workspace = get_workspace()
        choice = workspace.choice
        if not isinstance(choice, ReleaseChoice):
            return None
        status, rollout = describe_channel(choice.channel, (), workspace, clock.now()), choice.channel.rollout
        if rollout is not None:
            found = watch.store.list_differences(rollout.seed)
            status = replace(status, counts=watch.count(rollout), differences=found)
        return RolloutReport.from_status(status)

    async def show(request: Request) -> Response:
        token = await gate.admit(request)
        if token.tenant or token.accounts:
            raise HttpProblem(403, "forbidden", "a rollout is that of all tenants, and the token is for some accounts")
        report = await asyncio.to_thread(describe)
        if report is None:
            raise HttpProblem(404, "unknown", "no account uses another release than the others")
        return JSONResponse(report.data())

    return [Route("/admin/rollout", show, methods=["GET"])]
