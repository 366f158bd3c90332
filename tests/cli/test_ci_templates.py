"""The steps of action.yml and of the GitLab template, run as a runner would: in bash, in a repository with a change."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from transcript import conn

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are written for bash")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.email=a@example.com", "-c", "user.name=A", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone on a branch that breaks three of four accounts; `origin/main` is without the change."""
    origin = tmp_path / "origin"
    origin.mkdir()
    assert conn(origin, "init", "integrations", "--example").code == 0
    git(origin, "init", "-q")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "example")
    git(tmp_path, "clone", "-q", str(origin), "work")
    work = tmp_path / "work"
    git(work, "checkout", "-qb", "change")
    mapping = work / "integrations/connectors/hubspot/unified/crm.yaml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace("email: response.properties.email", "email: response.properties.gone", 1), "utf-8")
    git(work, "commit", "-qam", "change")
    return work


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder as the install steps leave it: `conn/bin/conn`."""
    command = tmp_path / "runner" / "conn" / "bin" / "conn"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conn_cli.main "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return command.parents[2]


def bash(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    places = os.pathsep.join(str(ROOT / part) for part in ("cli", "engine"))
    environment = {**os.environ, "PYTHONPATH": places, "CONN_NO_KEYRING": "1", **variables}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def step(name: str) -> str:
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    return next(one["run"] for one in steps if one.get("name") == name)


def test_the_action_checks_a_pull_request(repository: Path, installed: Path) -> None:
    summary = installed / "summary.md"
    done = bash(
        step("check"), repository / "integrations", RUNNER_TEMP=str(installed), GITHUB_STEP_SUMMARY=str(summary),
        BASE="origin/main", TARGET="main", FAIL_ON="breaking", MIN_COVERAGE="", BASELINE="", SARIF="conn.sarif",
        JUNIT="conn-test.xml", MARKDOWN="conn-ci.md",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "::error" in done.stdout and "conn impact" in done.stdout
    assert "3 accounts of 4 change, **3 break**" in summary.read_text(encoding="utf-8")
    sarif = json.loads((repository / "integrations/conn.sarif").read_text(encoding="utf-8"))
    assert sarif["version"] == "2.1.0"
    # Both are read from the repository's root, wherever the workspace is.
    assert "::error file=integrations/connectors/hubspot/unified/crm.yaml,line=16," in done.stdout
    places = [row["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for row in sarif["runs"][0]["results"]]
    assert places and all(place.startswith("integrations/") for place in places)
    assert "<testsuites" in (repository / "integrations/conn-test.xml").read_text(encoding="utf-8")


def test_the_action_tests_everything_on_other_events(repository: Path, installed: Path) -> None:
    git(repository, "checkout", "-q", "main")
    done = bash(
        step("check"), repository / "integrations", RUNNER_TEMP=str(installed),
        GITHUB_STEP_SUMMARY=str(installed / "summary.md"), BASE="", TARGET="", FAIL_ON="breaking", MIN_COVERAGE="50",
        BASELINE="", SARIF="s.sarif", JUNIT="j.xml", MARKDOWN="m.md",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gitlab_job_checks_a_merge_request(repository: Path, installed: Path) -> None:
    job = yaml.safe_load((ROOT / "templates/gitlab-ci.yml").read_text(encoding="utf-8"))[".conn"]
    script = "\n".join(job["script"]).replace("/tmp/conn/", f"{installed}/conn/")
    variables = {**job["variables"], "CONN_WORKSPACE": "integrations"}
    base = git(repository, "rev-parse", "origin/main")
    done = bash(script, repository, **variables, CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert done.returncode == 1, done.stderr
    assert "FAIL impact" in done.stdout
    assert "3 accounts of 4 change" in (repository / "integrations/conn-ci.md").read_text(encoding="utf-8")


def test_the_action_fetches_what_a_shallow_checkout_lacks(repository: Path, installed: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    git(repository, "push", "-q", "origin", "change")
    newcomer = origin / "integrations/accounts/newco.yaml"  # meanwhile, on the main branch
    newcomer.write_text("connector: hubspot\n", encoding="utf-8")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "a new customer")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "change", "--no-single-branch", origin.as_uri(), "shallow")
    done = bash(
        step("check"), shallow / "integrations", RUNNER_TEMP=str(installed),
        GITHUB_STEP_SUMMARY=str(installed / "summary.md"), BASE="origin/main", TARGET="main", FAIL_ON="breaking",
        MIN_COVERAGE="", BASELINE="", SARIF="s.sarif", JUNIT="j.xml", MARKDOWN="m.md",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    # Compared with the tip of the main branch, the new customer would seem to be taken away: five accounts.
    assert "3 accounts of 4 change" in (shallow / "integrations/m.md").read_text(encoding="utf-8")
