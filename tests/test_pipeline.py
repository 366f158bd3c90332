"""`.ci/run`: two lanes, a failure that stops nothing and is named, and failures that are tried again alone."""

import importlib.util
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import launching
import pytest
from parts import QUARTERS, THIRDS, find_part

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
STEPS = (
    "format", "lint", "dockerfile", "types", "layers", "drift", "docs-site", "test", "slow", "shifted", "hostile",
    "wheel", "readme", "chaos", "servers", "page-types", "browser",
)  # fmt: skip
COMMAND = """\
import sys, time
names = {"slow-one": "time.sleep(0.3)", "busy": "sum(range(4_000_000))", "broken": "print('why'); sys.exit(3)",
         "hangs": "time.sleep(600)"}
print("begin", sys.argv[1], flush=True)
exec(names.get(sys.argv[1], "pass"))
print("end", sys.argv[1])
"""
SUITE = """\
import pathlib, pytest
MARK = pathlib.Path(__file__).parent / "was_here"

def test_always_red():
    assert 1 + 1 == 3

def test_red_once():
    assert MARK.exists() or MARK.touch() is not None, "the first time"

@pytest.mark.parametrize("number", range(11))
def test_eleven(number):
    (MARK.parent / f"run_{number}").open("a").write("x")
    assert number < 0

def test_green():
    pass
"""
MAKE = """\
import os, sys
tests = [word.partition("=")[2] for word in sys.argv[2:] if word.startswith("TESTS=")]
names = {"always": "always or green", "once": "once or green", "both": "always or once", "eleven": "eleven"}
chosen = tests or ["test_suite.py", "-k", names[sys.argv[1]]]
os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", "-p", "failures", "-p", "no:cacheprovider", *chosen])
"""


@pytest.fixture(scope="module")
def steps() -> Any:
    spec = importlib.util.spec_from_file_location("steps", ROOT / ".ci" / "steps.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["steps"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pipeline(steps: Any) -> Any:
    """One whose steps print when they begin and end."""
    return steps.Pipeline([sys.executable, "-c", COMMAND])


@pytest.fixture
def suites(steps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One whose steps are parts of a suite in which tests fail: always, the first time, and too often."""
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "make.py").write_text(MAKE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return steps.Pipeline([sys.executable, "make.py"])


def read_table(text: str) -> dict[str, str]:
    """Return the rows of the table by step."""
    rows = text[text.rindex("\nstep ") + 1 :].split("\n\n", maxsplit=1)[0].split("\n")[1:]
    return {row.split()[0]: row.split(None, 1)[1] for row in rows}


def test_every_step_is_there_and_a_target(steps: Any) -> None:
    names = [*steps.FIRST, *(name for lane in steps.LANES for name in lane)]
    assert len(names) == len(set(names))
    assert {*STEPS, "setup", "programs"} <= {*names}
    assert [name for name in names if not re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)] == []


def test_output_is_not_mixed_and_a_lane_that_is_done_helps_the_other(
    pipeline: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pipeline.run(["first"], [["slow-one", "after"], ["beside", "next", "last"]]) == 0
    text = capfd.readouterr().out
    ended = re.findall(r"^== (\S+)", text, re.MULTILINE)
    assert ended[0] == "first" and ended.index("slow-one") > ended.index("next")
    assert sorted(ended) == ["after", "beside", "first", "last", "next", "slow-one"]
    for name in ended:
        assert re.search(rf"== {name} \(\d+ s\)\nbegin {name}\nend {name}\n", text)
    assert list(read_table(text)) == ["first", "slow-one", "after", "beside", "next", "last", "all"]
    assert text.endswith("\nall green\n")


def test_a_failure_does_not_hide_another_and_both_are_named(pipeline: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert pipeline.run(["first"], [["broken", "after"], ["slow-one"]]) == 1
    text = capfd.readouterr().out
    table = read_table(text)
    assert [name for name, row in table.items() if row.endswith("FAILED")] == ["broken"]
    assert "end after" in text and "end slow-one" in text
    assert text.endswith("\nfailed:\n  broken: exit status 3; repeat it: make broken\n    begin broken\n    why\n")


def test_what_needs_a_failed_step_does_not_run(pipeline: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert pipeline.run(["broken", "beside"], [["test"], ["servers"]]) == 1
    text = capfd.readouterr().out
    assert "end beside" in text and "begin test" not in text
    assert [name for name, row in read_table(text).items() if row == "not run"] == ["test", "servers"]
    assert text.endswith("\n  not run: test, servers\n")


def test_the_time_of_the_processors_is_that_of_the_step(pipeline: Any, capfd: pytest.CaptureFixture[str]) -> None:
    pipeline.run([], [["busy"], ["slow-one"]])
    busy, waiting = pipeline.results["busy"], pipeline.results["slow-one"]
    assert busy.processors > waiting.processors and waiting.clock >= 0.3


def test_what_cannot_be_started_is_no_success(steps: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert steps.Pipeline(["a-program-that-is-not-there"]).run([], [["test"]]) == 1
    assert "  test: exit status 127;" in capfd.readouterr().out


def test_a_step_that_hangs_is_ended(steps: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert steps.Pipeline([sys.executable, "-c", COMMAND], limit=0.5).run([], [["hangs"], ["after"]]) == 1
    text = capfd.readouterr().out
    assert f"  hangs: exit status {-signal.SIGTERM};" in text and "end after" in text


def test_a_run_that_is_stopped_shows_what_it_was_doing(tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text(
        f"import sys, signal\nsys.path.insert(0, {str(ROOT / '.ci')!r})\nimport steps\n"
        "signal.signal(signal.SIGTERM, steps.be_stopped)\n"
        f"sys.exit(steps.Pipeline([sys.executable, '-c', {COMMAND!r}]).run([], [['hangs', 'after']]))\n"
    )
    options: dict[str, Any] = {"stdout": -1, "text": True, "env": {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}}
    with launching.start([sys.executable, str(program)], **options) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "-- hangs begins after 0 s\n"
        time.sleep(0.5)
        process.terminate()
        text = process.stdout.read()
    assert process.returncode == 143
    assert re.search(r"== hangs \(\d+ s\)\nbegin hangs\n", text)
    assert f"  hangs: exit status {-signal.SIGTERM};" in text and text.endswith("  not run: after\n")


def test_a_test_that_always_fails_is_red(suites: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert suites.run([], [["always"]]) == 1
    text = capfd.readouterr().out
    assert "-- again, alone: test_suite.py::test_always_red" in text
    end = text.rpartition("\nfailed:\n")[2].splitlines()
    assert end == [
        "  always: exit status 1; repeat it: make always",
        "    test_suite.py::test_always_red: test_suite.py:5: assert (1 + 1) == 3",
        "    repeat the first: make always WORKERS=0 TESTS=test_suite.py::test_always_red",
    ]


def test_a_test_that_fails_the_first_time_only_is_green_and_named(
    suites: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert suites.run([], [["once"]]) == 0
    end = capfd.readouterr().out.rpartition("\nfailed at first, passed alone:\n")[2].splitlines()
    assert end[0].startswith("  once: test_suite.py::test_red_once: test_suite.py:8: AssertionError: the first time")
    assert end[1:] == ["", "all green"]


def test_one_that_passes_alone_does_not_hide_one_that_fails(suites: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert suites.run([], [["both"]]) == 1
    text = capfd.readouterr().out
    assert text.index("passed alone:\n  both: test_suite.py::test_red_once") < text.index(
        "failed:\n  both: exit status"
    )


def test_eleven_failures_are_red_without_a_second_run(
    suites: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert suites.run([], [["eleven"]]) == 1
    text = capfd.readouterr().out
    assert "again, alone" not in text
    assert [len((tmp_path / f"run_{number}").read_text()) for number in range(11)] == [1] * 11
    assert text.count("test_suite.py::test_eleven[") >= 11


def test_the_end_of_a_red_run_fits_into_forty_lines(steps: Any) -> None:
    names = [f"step{number}" for number in range(4)]
    many = {f"tests/test_x.py::test_{number}": "E" * 160 for number in range(500)}
    results = {name: steps.Result(name, status=2, failures=dict(many), alone=dict(many)) for name in names}
    lines = steps.describe_end([*names, "never"], results)
    assert len(lines) <= 40
    assert all(f"  {name}: exit status 2; repeat it: make {name}" in lines for name in names)
    assert sum("more" in line for line in lines) == 5


def test_the_parts_are_about_equal() -> None:
    names = [path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests" / "engine").rglob("test_*.py")]
    for parts in (QUARTERS, THIRDS):
        found = [find_part(name, parts) for name in names]
        assert all(0.6 < found.count(part) / len(names) * len(parts) < 1.4 for part in parts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "option", "files"),
    [
        (QUARTERS, "--quarter", ["tests/engine/documents"]),
        (THIRDS, "--third", ["-m", "slow", "tests/cli/test_process.py"]),
    ],
)
def test_each_test_is_in_one_part(parts: tuple[int, ...], option: str, files: list[str]) -> None:
    def collect(*options: str) -> list[str]:
        command = [sys.executable, "-m", "pytest", "--collect-only", "-n", "0", *files, *options]
        done = launching.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        return [line for line in done.stdout.splitlines() if "::" in line]

    whole = collect()
    assert len(whole) > 3
    assert sorted(name for part in parts for name in collect(f"{option}={part}")) == sorted(whole)
