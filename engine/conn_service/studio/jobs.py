"""Checks of every account that continue while people work, each in a process of its own."""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from conn_service.authoring.results import describe_problem
from conn_service.query_process.process import QueryProcess, QueryStoppedError

__all__ = ["ImpactJobs"]

_MOST_RUNNING = 2
"""The checks of one person that run at the same time."""
_MOST_IN_TOTAL = 6
_MOST_REMEMBERED = 20
_SECONDS = 3_600.0


@dataclass(slots=True)
class _ImpactJob:
    process: QueryProcess
    actor: str
    state: Literal["running", "done", "failed", "stopped"] = "running"
    progress: dict[str, int] = field(default_factory=lambda: {"done": 0, "total": 0})
    answer: Any = None
    task: "asyncio.Task[None] | None" = None


class ImpactJobs:
    """The checks of one page, by ID. `worker` and `arguments` are those of the process that answers queries."""

    def __init__(self, worker: str, arguments: list[str]) -> None:
        self._setup = (worker, arguments)
        self._jobs: dict[str, _ImpactJob] = {}

    async def start(self, query: bytes, actor: str) -> tuple[int, dict[str, Any]]:
        """Start a check with a query for it. Earlier ones of the same person that still run are stopped if they are too
        many. Nobody stops those of others: a check is refused if too many run in total."""
        own = [name for name, job in self._jobs.items() if job.state == "running" and job.actor == actor]
        for name in own[: max(0, len(own) - _MOST_RUNNING + 1)]:
            await self.stop(name)
        if sum(job.state == "running" for job in self._jobs.values()) >= _MOST_IN_TOTAL:
            return 503, describe_problem("overloaded", "too many checks run now", "start it again in a minute")
        while len(self._jobs) >= _MOST_REMEMBERED:
            self._jobs.pop(next(name for name, job in self._jobs.items() if job.state != "running"))
        job, name = _ImpactJob(QueryProcess(*self._setup), actor), secrets.token_hex(8)
        self._jobs[name] = job
        job.task = asyncio.create_task(self._run(job, query))
        return 202, {"job": name}

    def describe(self, name: str) -> tuple[int, dict[str, Any]]:
        """Return the state of a check, with its result or its error."""
        job = self._jobs.get(name)
        if job is None:
            return 404, describe_problem("not_found", "there is no such check", "start it again")
        result, error = (job.answer, None) if job.state == "done" else (None, job.answer)
        return 200, {"job": name, "state": job.state, **job.progress, "result": result, "error": error}

    async def stop(self, name: str) -> tuple[int, dict[str, Any]]:
        """Stop a check, if it still runs."""
        job = self._jobs.get(name)
        if job is not None and job.state == "running":
            job.state = "stopped"
            await job.process.end()
        return self.describe(name)

    async def close(self) -> None:
        """Stop all checks."""
        for name in list(self._jobs):
            await self.stop(name)
        await asyncio.gather(*(job.task for job in self._jobs.values() if job.task is not None))

    async def _run(self, job: _ImpactJob, query: bytes) -> None:
        def note(message: bytes) -> None:
            job.progress = json.loads(message)

        try:
            reply = await job.process.ask(lambda _: query, _SECONDS, note)
            state: Literal["done", "failed"] = "done" if reply[:3] == b"200" else "failed"
            job.answer = json.loads(reply[3:])
        except QueryStoppedError as stopped:
            state = "failed"
            job.answer = describe_problem("stopped", f"the check was stopped: {stopped}", "start it again")
        job.state = "stopped" if job.state == "stopped" else state
        await job.process.close()
