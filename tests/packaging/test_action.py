"""The action as it installs itself: from requirements.txt alone, by hashes, and without a look into the checkout."""

import os
import re
import sys
from pathlib import Path

import launching
import pytest
import yaml

ROOT = Path(__file__).parents[2]
STEPS = {
    step["name"]: step["run"]
    for step in yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    if "name" in step
}


def _step(name, folder, runner, **variables):
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "GITHUB"))}
    environ |= {
        "PATH": f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{environ['PATH']}",
        **{"RUNNER_TEMP": str(runner), "GITHUB_ACTION_PATH": str(ROOT), "CONN_NO_KEYRING": "1"},
        **{name: str(runner / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")},
        **variables,
    }
    return launching.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """A runner's folder after the step that installs."""
    folder = tmp_path_factory.mktemp("runner")
    done = _step("install", folder, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_installed_command_checks_and_imports_nothing_of_the_checkout(runner, tmp_path):
    conn = runner / "conn" / "bin" / "conn"
    launching.run([conn, "init", "work", "--example"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    work = tmp_path / "work"
    for name in ("conn_cli", "conn_engine", "yaml", "json", "sitecustomize"):
        (work / f"{name}.py").write_text("raise SystemExit('of the checkout')", encoding="utf-8")
    given = dict.fromkeys(("BASE", "TARGET", "MIN_COVERAGE", "BASELINE"), "")
    done = _step("check", work, runner, **given, FAIL_ON="breaking")
    assert (done.returncode, "of the checkout" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr
    assert "all checks passed" in (runner / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")


def test_what_is_installed_is_what_is_pinned(runner):
    pip = [runner / "conn" / "bin" / "pip", "list", "--format", "freeze"]
    listed = launching.run(pip, cwd=runner, capture_output=True, text=True, check=True, timeout=60).stdout
    installed = {re.sub(r"[-_.]+", "-", row).lower() for row in re.findall(r"^.+?(?===)", listed, re.MULTILINE)}
    pinned = set(re.findall(r"^(\S+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    assert installed - pinned <= {"pip", "setuptools", "conn-engine"}
