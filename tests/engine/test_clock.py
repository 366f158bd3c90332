"""One clock: only `wire.SystemClock` asks the machine what time it is, and only a program's entry makes one.

Everything else has the clock that it was passed. What times real waiting (sockets, locks,
the bounds of an evaluation) reads a stopwatch, which says nothing of the date; those modules are listed here.
"""

import ast
from collections.abc import Iterator
from functools import cache

import pytest
from scanning import dotted_names, scan, shown

TIMES = ("time", "time_ns", "clock_gettime", "clock_gettime_ns", "localtime", "gmtime", "ctime", "strftime", "mktime")
DATES = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
CLOCKS = {
    *(f"time.{name}" for name in TIMES),
    *(f"datetime.{name}" for name in DATES),
    *("email.utils.formatdate", "email.utils.localtime", "uuid.uuid1"),
}
STOPWATCH = {
    f"time.{name}{unit}"
    for name in ("monotonic", "perf_counter", "process_time", "thread_time")
    for unit in ("", "_ns")
}
STOPWATCHES = {
    "conn_cli/delivery_server.py",  # slow clients of the receiver on this machine
    "conn_cli/loopback.py",  # how long a login waits for the browser
    "conn_engine/expressions/leaf_failures.py",  # the bound of the evaluations that fail on a page
    "conn_engine/expressions/pure.py",  # the bound of an evaluation
    "conn_engine/runtime/unified.py",  # how long mappings take
    "conn_engine/syncs/transforming.py",  # the bound of the evaluations that fail on a page
    "conn_engine/releases/serving.py",  # how often a store is asked
    "conn_engine/transport/deadline.py",  # sockets
    "conn_engine/transport/live.py",  # how long an exchange took
    "conn_engine/transport/proxies.py",  # sockets
    "conn_engine/secrets/vault/locks.py",  # how long a lock is waited for
    "conn_service/rollouts/watching.py",  # how much of its time may go into comparing
    "conn_service/store/advisory_locks.py",  # how long a lock is waited for
    "conn_service/http/health.py",  # how long ago the store could not be written
    "conn_service/http/observing.py",  # how long requests take
    "conn_service/http/accounts.py",  # how old a kept connection is
    "conn_service/store/database.py",  # how long a connection was not used
    "conn_service/store/slots.py",  # when the lock of a worker was checked
    "conn_service/syncs/folders.py",  # how often the files are looked at
    "conn_service/syncs/revised_releases.py",  # how often it looks for revisions
    "conn_service/syncs/worker.py",  # how long a caller waits for runs
}


@cache
def find_all() -> dict[str, list[tuple[str, int]]]:
    return {shown(path): found for path, found in scan(lambda tree: list(readings(tree))).items()}


def readings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What reads the machine's time or time zone, with its line: ("time.time", 3). Or makes the machine's clock."""
    yield from ((name, line) for name, line in dotted_names(tree) if name in CLOCKS | STOPWATCH)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "SystemClock":
            yield node.id, node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = len(node.args) + len(node.keywords)  # without a zone these mean the machine's
            if (node.func.attr == "fromtimestamp" and given < 2) or (node.func.attr == "astimezone" and not given):
                yield f"{node.func.attr} without a zone", node.lineno


def test_only_the_clock_asks_the_machine_what_time_it_is() -> None:
    found = {
        module: [
            name for name, _ in read if name != "SystemClock" and (name not in STOPWATCH or module not in STOPWATCHES)
        ]
        for module, read in find_all().items()
    }
    assert found.pop("conn_engine/wire.py") == ["time.time"]
    advice = "read the clock that is passed; what times real waiting is listed in STOPWATCHES"
    assert {module: read for module, read in found.items() if read} == {}, advice


def test_only_the_entries_make_the_machines_clock() -> None:
    made = {module for module, read in find_all().items() if "SystemClock" in {name for name, _ in read}}
    assert made == {"conn_engine/wire.py", "conn_cli/console.py"}


def test_every_stopwatch_that_is_listed_is_one() -> None:
    for name in STOPWATCHES:
        assert find_all()[name], f"{name} times nothing: take it out of the list"


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time as clock\nnow = clock.time_ns",
        "from time import time\ntime()",
        "from time import monotonic as now\nnow()",
        "import datetime\ndatetime.datetime.now(datetime.UTC)",
        "import datetime as dt\ndt.date.today()",
        "from datetime import datetime as when\nwhen.utcnow()",
        "from datetime import datetime\ndatetime.fromtimestamp(5)",
        "from datetime import datetime\ndatetime.fromisoformat(x).astimezone()",
        "from email.utils import formatdate\nformatdate()",
    ],
)
def test_the_scan_sees_each_way_to_ask(text: str) -> None:
    assert list(readings(ast.parse(text)))


def test_the_scan_lets_pass_what_asks_nobody() -> None:
    text = """
from datetime import UTC, date, datetime
import time
datetime.fromtimestamp(clock.now(), UTC)
app.clock.now()
moment.astimezone(zone)
date.fromisoformat(text)
time.sleep(1)
"""
    assert not list(readings(ast.parse(text)))
