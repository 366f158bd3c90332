"""Run evaluation tasks, in this process or in several."""

import os
from collections.abc import Iterator, Sequence

from conn_engine.analysis.impact.evaluate import Effectives, Evaluation, EvaluationTask
from conn_engine.analysis.impact.model import Effect, Work
from conn_engine.config import Workspace

__all__ = ["run_tasks"]

WORTH_BYTES = 24_000_000
"""The size of the recordings to replay, in bytes, from which worker processes are worth their start-up time (measured
at half a second each)."""
SMALLEST = 16


def run_tasks(
    jobs: Sequence[EvaluationTask],
    workspaces: Sequence[Workspace],
    processes: int | None = None,
    *,
    effectives: Effectives | None = None,
) -> Iterator[tuple[EvaluationTask, int, list[Effect], Work]]:
    """Yield each piece of a task: the task, the number of its first pair, the effects of its pairs, and the work.

    `processes` is the number of worker processes: None chooses it by the amount of work, and 1 uses only this process.
    """
    total = sum(job.size * 2 * len(job.pairs) for job in jobs)
    count = processes or (_cores() if total > WORTH_BYTES else 1)
    pieces = list(_pieces(jobs, count)) if count > 1 else []
    if len(pieces) <= 1:
        evaluation = Evaluation(*workspaces, effectives=effectives)
        for job in jobs:
            yield job, 0, *evaluation.effects(job)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Never fork: the caller may have threads that hold locks, such as a progress bar.
    with ProcessPoolExecutor(
        min(count, len(pieces)), mp_context=get_context("spawn"), initializer=_start_worker
    ) as pool:
        for (job, start), (result, work) in zip(pieces, pool.map(_in_worker, [job for job, _ in pieces]), strict=True):
            yield job, start, result, work


_workers_own: list[Evaluation] = []


def _start_worker() -> None:
    _workers_own[:] = [Evaluation()]


def _in_worker(job: EvaluationTask) -> tuple[list[Effect], Work]:
    return _workers_own[0].effects(job)


def _pieces(jobs: Sequence[EvaluationTask], processes: int) -> Iterator[tuple[EvaluationTask, int]]:
    """Split tasks with many pairs for several processes, largest first, so that no long task runs last.

    The pairs of a piece share their replays, so the pieces are as large as possible.
    """
    for job in sorted(jobs, key=lambda job: (-job.size * len(job.pairs), job.key)):
        length = max(SMALLEST, -(-len(job.pairs) // (2 * processes)))
        for start in range(0, len(job.pairs), length):
            yield EvaluationTask(job.name, job.recording, job.pairs[start : start + length], job.size), start


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
