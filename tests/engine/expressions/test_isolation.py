"""Expressions in a process of their own: the same values and errors, and an end to what nothing else ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import launching
import pytest
from evaluating import audit, evaluate, expression, isolated, mapping, use

from conn_engine.errors import ExpressionError, UsageError
from conn_engine.expressions import UNDEFINED, EvaluationLimits, evaluators
from conn_engine.expressions.isolation import Isolation
from conn_engine.runtime.drive import adrive
from conn_engine.secrets.vault import MemoryVault
from conn_engine.wire import Flow, Page

MIB = 2**20
TABLE = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))
TWICE = "$reduce([1..200], function($a, $i){[[$a], [$a]]}, [1])"
"""A value that holds itself 2^200 times over."""
ENDLESS = {"jlens": f"{TWICE} = {TWICE}", "jsonata-python": "$match(a, /^(a+)+$/)"}
HUGE = "$count([1..60].$pad('', 9000000))"
SHORT = EvaluationLimits(seconds=0.3)
LONG = EvaluationLimits(seconds=60)
DATA = {"a": "a" * 60 + "b", "b": [1, None, {"c": "é"}]}


@pytest.fixture(scope="module")
def isolation() -> Iterator[Isolation]:
    with Isolation(memory_bytes=192 * MIB, grace_seconds=0.2) as made:
        yield made


@pytest.fixture
def in_workers(isolation: Isolation) -> Iterator[None]:
    with isolated(isolation, ()):
        yield


def outcome(case: dict[str, Any], data: Any) -> Any:
    try:
        return expression(case["expr"]).evaluate(data, now=TABLE["now"], seed=7)
    except ExpressionError as error:
        return (error.code, error.message, error.text, error.offset, error.token, error.hint)


def failure(text: str, limits: EvaluationLimits = LONG) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, DATA, limits=limits)
    return caught.value


def test_values_and_errors_are_the_same(evaluator: str, isolation: Isolation) -> None:
    for group in TABLE["groups"].values():
        for case in group["cases"]:
            here = outcome(case, group["input"])
            with isolated(isolation, ()):
                assert outcome(case, group["input"]) == here, case["expr"]


@pytest.mark.usefixtures("in_workers")
def test_what_is_passed_along(evaluator: str) -> None:
    assert evaluate("nothing", DATA) is UNDEFINED
    assert evaluate("b", DATA) == DATA["b"]
    assert expression("$x.y").evaluate({}, bindings={"x": {"y": [None]}}) == [None]
    assert expression("$millis()").evaluate({}, now=7) == 7000
    assert expression("$dtFromIso('2024-02-29').year").evaluate({}, now=7) == 2024
    chance = expression("[$random(), $uuid()]")
    assert chance.evaluate({}, seed=3) == chance.evaluate({}, seed=3) != chance.evaluate({}, seed=4)
    assert evaluate("a", {"a": "\ud83d"}) == "\ufffd"
    deep: Any = 1
    for _ in range(300):
        deep = {"a": deep}
    assert evaluate("a.a", deep) == deep["a"]["a"]


@pytest.mark.usefixtures("in_workers")
def test_how_a_value_came_out() -> None:
    assert any("yes" in line for line in audit("a = 1 ? 'one' : 'two'", {"a": 1}))


@pytest.mark.usefixtures("in_workers")
def test_what_takes_too_long_is_killed(evaluator: str) -> None:
    found = failure(ENDLESS[evaluator], SHORT)
    assert (found.code, found.text) == ("timeout", ENDLESS[evaluator])
    assert "0.3 s" in found.message
    assert evaluate("1 + 1", {}) == 2


@pytest.mark.usefixtures("in_workers")
def test_what_takes_too_much_memory_is_stopped(evaluator: str) -> None:
    found = failure(HUGE)
    assert (found.code, found.text) in (("memory", HUGE), ("size", HUGE))
    assert evaluate("1 + 1", {}) == 2


def test_a_worker_that_dies_is_an_error_that_says_how_much_it_may_take(isolation: Isolation) -> None:
    with isolated(isolation, ()):
        found = failure(f"$spread({TWICE})")
    assert (found.code, found.message[:71]) == (
        "memory",
        "the expression was stopped: it took more than 192 MB of memory, or cras",
    )


def test_a_field_of_a_mapping_is_named(isolation: Isolation) -> None:
    layers = [{"id": "id", "name": "name"}, {"bad": f"id = 2 ? {ENDLESS['jlens']} : id"}]
    with isolated(isolation, ["id", "name"]):
        assert mapping(layers).apply([{"id": 1, "name": "A"}]) == [{"id": 1, "name": "A", "bad": 1}]
        with pytest.raises(ExpressionError) as caught:
            mapping(layers).apply([{"id": number} for number in range(4)], limits=SHORT)
    assert (caught.value.code, caught.value.at, caught.value.text) == ("timeout", "bad", layers[1]["bad"])
    assert caught.value.message.startswith("record 2, bad: the expression was stopped")


def test_only_what_is_not_trusted_leaves_this_process() -> None:
    with Isolation() as isolation, isolated(isolation, ["b", "$count(b)", "$string(b)"]):
        assert evaluate("b", DATA) == DATA["b"]
        assert mapping([{"n": "$count(b)", "t": "$string(b)"}]).apply([DATA, DATA])[1]["n"] == 3
        assert isolation.idle == ()
        assert mapping([{"n": "$count(b)"}, {"o": "$count(a)"}]).apply([DATA, DATA])[1] == {"n": 3, "o": 1}
        assert len(isolation.idle) == 1


def test_a_worker_has_nothing_of_ours(isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONN_ACME_API_KEY", "secret-of-acme")
    with Isolation() as fresh, isolated(fresh, ()):
        evaluate("1", {})
        folder = Path(f"/proc/{fresh.idle[0]}")
        assert b"secret-of-acme" not in (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        limits = (folder / "limits").read_text()
        assert "Max core file size        0 " in limits
        assert {str(path.readlink()) for path in (folder / "fd").iterdir() if path.name in "012"} == {"/dev/null"}
    assert not folder.exists()


def test_threads_share_workers() -> None:
    def run(number: int) -> Any:
        with use(evaluators()[number % 2]), isolated(isolation, ()):
            if number % 10 == 5:
                return failure(ENDLESS["jsonata-python"], SHORT).code if number % 2 else 0
            return evaluate("a * 2", {"a": number}, limits=LONG)

    with Isolation(workers=2, grace_seconds=0.2) as isolation, ThreadPoolExecutor(6) as pool:
        found = list(pool.map(run, range(40)))
        assert len(isolation.idle) <= 2
    assert found == ["timeout" if number % 10 == 5 else number * 2 for number in range(40)]


def test_the_loop_lives_while_a_worker_computes(isolation: Isolation) -> None:
    def flow() -> Flow[None]:
        with isolated(isolation, ()):
            found = evaluate("1 + 1", {})
        yield Page([found], None)
        with isolated(isolation, ()):
            error = failure(ENDLESS["jlens"], EvaluationLimits(seconds=0.1))
        yield Page([error.code], None)

    async def run() -> tuple[list[Any], int]:
        ticks, found = 0, []

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async for page in adrive(flow(), None, MemoryVault(), aside=asyncio.Semaphore(1)):  # type: ignore[arg-type]
            found += page.records
        ticking.cancel()
        return found, ticks

    found, ticks = asyncio.run(run())
    assert found == [2, "timeout"]
    assert ticks > 10


def test_a_task_may_be_cancelled_while_a_worker_computes(isolation: Isolation) -> None:
    closed: list[str] = []

    def flow() -> Flow[None]:
        try:
            with isolated(isolation, ()):
                evaluate(ENDLESS["jlens"], {}, limits=SHORT)
            yield Page([], None)
        finally:
            closed.append("closed")

    async def run() -> None:
        pages = adrive(flow(), None, MemoryVault(), aside=asyncio.Semaphore(1))  # type: ignore[arg-type]
        await asyncio.wait_for(anext(pages), 0.2)

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert closed == ["closed"]


def gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("evaluator", evaluators())
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_no_worker_outlives_a_parent_that_is_killed(evaluator: str, busy: bool) -> None:
    program = (
        "import sys, threading, time\n"
        "from conn_engine.conditions import Conditions\n"
        "from conn_engine.expressions import EvaluationLimits, evaluate\n"
        "from conn_engine.expressions.isolation import Isolation\n"
        "isolation = Isolation()\n"
        f"conditions = Conditions(evaluator={evaluator!r}, isolation=isolation.isolate_except(()))\n"
        "def run(text, data): return evaluate(text, data, conditions, limits=EvaluationLimits(seconds=600))\n"
        "run('1', {})\n"
        "print(isolation.idle[0], flush=True)\n"
        f"if {busy}: run({ENDLESS[evaluator]!r}, {{'a': 'a' * 60 + 'b'}})\n"
        "time.sleep(600)\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with launching.start([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        deadline = time.monotonic() + 60
        while busy and ticks_of(worker) < 20:  # hundredths of a second that it has worked: it is at it
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not gone(worker)
        parent.send_signal(signal.SIGKILL)
    while not gone(worker):
        assert time.monotonic() < deadline, f"{worker} is still there"
        time.sleep(0.01)


def test_a_worker_does_not_evaluate_for_a_parent_that_is_gone_already() -> None:
    ours, theirs = Pipe()
    ours.close()
    program = (
        "from conn_engine.expressions.process_limits import limit_time\n"
        f"with limit_time({theirs.fileno()}, 600): print('evaluates')\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with theirs:
        done = launching.run(
            [sys.executable, "-c", program],
            pass_fds=(theirs.fileno(),),
            env=environ,
            stdout=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stdout) == (-signal.SIGIO, b"")


def ticks_of(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_worker_that_cannot_start_is_an_error_of_the_expression() -> None:
    with Isolation(memory_bytes=30 * MIB) as isolation, isolated(isolation, ()):
        found = failure("1 + 1")
    assert (found.code, found.text) == ("memory", "1 + 1")
    assert "no worker process started" in found.message
    assert "memory_bytes" in found.hint


def test_a_closed_isolation_isolates_nothing() -> None:
    with Isolation() as isolation:
        pass
    with isolated(isolation, ()), pytest.raises(UsageError, match="closed"):
        evaluate("1", {})


def test_a_fork_has_workers_of_its_own() -> None:
    program = (
        "import os\n"
        "from conn_engine.conditions import Conditions\n"
        "from conn_engine.expressions import evaluate\n"
        "from conn_engine.expressions.isolation import Isolation\n"
        "with Isolation() as isolation:\n"
        "    conditions = Conditions(isolation=isolation.isolate_except(()))\n"
        "    first = evaluate('1 + 1', {}, conditions), isolation.idle\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        assert evaluate('2 + 2', {}, conditions) == 4 and isolation.idle != first[1]\n"
        "        isolation.close()\n"
        "        os._exit(7)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n"
        "    assert (evaluate('1 + 1', {}, conditions), isolation.idle) == first\n"
    )
    launching.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})
