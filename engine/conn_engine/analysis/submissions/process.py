"""The process that reads submitted files: limited in time and memory, without credentials and without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from conn_engine.analysis.submissions.stages import RULES_OF_STAGES, Stage
from conn_engine.analysis.submissions.verdict import StageResult, SubmissionProblem, judge_rule
from conn_engine.errors import UsageError

__all__ = ["MEMORY_BYTES", "fail_stage", "run_stage"]

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_MOST_OUTPUT = 8 * 1024 * 1024
_PROGRAM = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path']\n"
    "from conn_engine.analysis.submissions.child import serve; serve(*given['arguments'])"
)
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LD_PRELOAD", "FAKETIME")
"""The environment variables that the process inherits. None of them has a credential."""


def run_stage(stage: Stage, root: Path, name: str, seconds: float) -> StageResult:
    """Run one stage on the connector in the workspace at `root`. If the process must be stopped or crashes, none of its
    rules is met."""
    if os.name != "posix":
        raise UsageError("conn check requires Linux or another POSIX system", hint="run it in CI, or in a container")
    setup = json.dumps({"arguments": [stage, str(root), name], "path": [path for path in sys.path if path]})
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-B", "-c", _PROGRAM, setup],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            cwd=root,
            env={variable: os.environ[variable] for variable in _INHERITED if variable in os.environ},
        )
    except subprocess.TimeoutExpired:
        message = f"it was stopped: it took more than {seconds:g} s"
        return fail_stage(
            stage, message, "look for an expression or a document that takes too long: conn lint, conn test"
        )
    try:
        if done.returncode or len(done.stdout) > _MOST_OUTPUT:
            raise msgspec.DecodeError
        return msgspec.json.decode(done.stdout, type=StageResult)
    except msgspec.MsgspecError:
        message = f"it was stopped: it took more than {MEMORY_BYTES // 2**30} GiB of memory, or crashed"
        return fail_stage(stage, message, "look for a document that is too large or nested too deeply: conn lint")


def fail_stage(stage: Stage, message: str, fix: str) -> StageResult:
    """Return the result of a stage that was not completed: none of its rules is met."""
    problem = SubmissionProblem(file="", line=0, message=message, fix=fix)
    return StageResult(rules=[judge_rule(rule, "not completed", [problem]) for rule in RULES_OF_STAGES[stage]])
