"""The steps of action.yml and of the GitLab template, run as a runner would: in bash, in a repository with a change."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import launching
import pytest
import yaml
from transcript import conn

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the steps are written for bash")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.email=a@example.com", "-c", "user.name=A", "-c", "init.defaultBranch=main"]
    done = launching.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone on a branch that breaks two of four accounts; `origin/main` is without the change."""
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
    return launching.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {one["name"]: one for one in ACTION["runs"]["steps"] if "name" in one}


@dataclass
class Checked:
    """What the action's check of a change left: the step's output, its reports and the job's summary."""

    code: int
    out: str
    reports: Path
    summary: str


def check(workspace: Path, runner: Path, **variables: str) -> Checked:
    """Run the action's check as a runner would."""
    written = {name: runner / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    given = {"BASE": "origin/main", "TARGET": "main", "FAIL_ON": "breaking", "MIN_COVERAGE": "", "BASELINE": ""}
    assert set(given) == set(STEPS["check"]["env"])
    files = {name: str(path) for name, path in written.items()}
    done = bash(STEPS["check"]["run"], workspace, RUNNER_TEMP=str(runner), **files, **{**given, **variables})
    name, _, reports = written["GITHUB_OUTPUT"].read_text(encoding="utf-8").strip().rpartition("\n")[2].partition("=")
    assert name == "reports", done.stderr
    summary = written["GITHUB_STEP_SUMMARY"]
    said = summary.read_text(encoding="utf-8") if summary.exists() else ""
    return Checked(done.returncode, done.stdout + done.stderr, Path(reports), said)


@pytest.mark.slow
def test_the_action_checks_a_pull_request(repository: Path, installed: Path) -> None:
    secret = plant(repository, installed)
    done = check(repository / "integrations", installed)
    assert done.code == 1, done.out
    assert "::error" in done.out and "conn impact" in done.out
    assert "2 accounts of 4 change, **2 break**" in done.summary
    outputs = {name: value["value"].partition("}}/")[2] for name, value in ACTION["outputs"].items()}
    assert sorted(outputs.values()) == sorted(path.name for path in done.reports.iterdir())
    sarif = json.loads((done.reports / outputs["sarif"]).read_text(encoding="utf-8"))
    assert sarif["version"] == "2.1.0"
    # Both are read from the repository's root, wherever the workspace is.
    assert "::error file=integrations/connectors/hubspot/unified/crm.yaml,line=12," in done.out
    places = [row["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for row in sarif["runs"][0]["results"]]
    assert places and all(place.startswith("integrations/") for place in places)
    assert "<testsuites" in (done.reports / outputs["junit"]).read_text(encoding="utf-8")
    # Neither read nor written is what a commit put where reports could be.
    texts = [path.read_text(encoding="utf-8") for path in done.reports.iterdir()]
    assert done.reports.parent == installed and "a-runner-s-secret" not in f"{done.out}{done.summary}{texts}"
    assert secret.read_text(encoding="utf-8") == "a-runner-s-secret"
    assert git(repository, "status", "--porcelain") == ""


def plant(repository: Path, runner: Path) -> Path:
    """Commit links to a runner's file wherever reports could be, which is returned."""
    secret = runner / "token"
    secret.write_text("a-runner-s-secret", encoding="utf-8")
    for folder in (repository, repository / "integrations"):
        for name in ("conn-ci.md", "conn.sarif", "conn-test.xml", "comment.md", "conn-reports"):
            (folder / name).symlink_to(secret)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "links")
    return secret


@pytest.mark.slow
def test_a_failed_check_publishes_nothing_of_the_runner(repository: Path, installed: Path) -> None:
    plant(repository, installed)
    for variables in ({"BASELINE": "conn-ci.md", "BASE": "", "TARGET": ""}, {"FAIL_ON": "nonsense"}):
        done = check(repository / "integrations", installed, **variables)
        assert done.code == 2 and "a-runner-s-secret" not in done.out
        assert (done.summary, list(done.reports.iterdir())) == ("", [])


def test_no_step_starts_python_in_the_checkout() -> None:
    """It would import what lies there. The installed command does not: `tests/packaging`."""
    for name, part in STEPS.items():
        outside = part["working-directory"] == "${{ runner.temp }}"
        assert outside or not re.search(r"\bpython|\bpip", part["run"]), name
    job = yaml.safe_load((ROOT / "templates/gitlab-ci.yml").read_text(encoding="utf-8"))[".conn"]
    assert not [line for line in job["before_script"] if re.search(r"\bpython\d? (?!-I )", line)]


@pytest.mark.slow
def test_the_action_tests_everything_on_other_events(repository: Path, installed: Path) -> None:
    git(repository, "checkout", "-q", "main")
    done = check(repository / "integrations", installed, BASE="", TARGET="", MIN_COVERAGE="50")
    assert done.code == 0, done.out


@pytest.mark.slow
def test_the_gitlab_job_checks_a_merge_request(repository: Path, installed: Path) -> None:
    job = yaml.safe_load((ROOT / "templates/gitlab-ci.yml").read_text(encoding="utf-8"))[".conn"]
    script = "\n".join(job["script"]).replace("/tmp/conn/", f"{installed}/conn/")
    variables = {**job["variables"], "CONN_WORKSPACE": "integrations", "CI_PROJECT_DIR": str(repository)}
    base = git(repository, "rev-parse", "origin/main")
    elsewhere = installed / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "conn-ci.md").write_text("a-runner-s-secret", encoding="utf-8")
    (repository / "conn-reports").symlink_to(elsewhere)  # as a commit may have it
    done = bash(script, repository, **variables, CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert done.returncode == 1, done.stderr
    assert "FAIL impact" in done.stdout
    published = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    texts = {path: (repository / path).read_text(encoding="utf-8") for path in published}
    assert "2 accounts of 4 change" in texts["conn-reports/conn-ci.md"]
    assert "a-runner-s-secret" not in str(texts) and not (repository / "conn-reports").is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["conn-ci.md"]


@pytest.mark.slow
def test_the_action_fetches_what_a_shallow_checkout_lacks(repository: Path, installed: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    git(repository, "push", "-q", "origin", "change")
    newcomer = origin / "integrations/accounts/newco.yaml"  # meanwhile, on the main branch
    newcomer.write_text("connector: hubspot\n", encoding="utf-8")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "a new customer")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", "--branch", "change", "--no-single-branch", origin.as_uri(), "shallow")
    done = check(shallow / "integrations", installed)
    assert done.code == 1, done.out
    # Compared with the tip of the main branch, the new customer would seem to be taken away: five accounts.
    assert "2 accounts of 4 change" in (done.reports / "conn-ci.md").read_text(encoding="utf-8")


# --- what others made, by what it is and not by a name that can be moved ---

FILES = [
    *(ROOT / name for name in ("action.yml", "README.md", "templates/gitlab-ci.yml")),
    *sorted((ROOT / ".github").rglob("*.y*ml")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_actions_of_others_are_named_by_their_commits() -> None:
    used = [
        (path.name, line.strip())
        for path in FILES
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(- )?uses:", line) and "OWNER/THIS-REPOSITORY@REVISION" not in line
    ]
    assert len(used) >= 5
    loose = [row for row in used if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", row[1])]
    assert not loose


def test_the_gitlab_template_installs_the_version_that_it_comes_with() -> None:
    job = yaml.safe_load((ROOT / "templates/gitlab-ci.yml").read_text(encoding="utf-8"))[".conn"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert job["variables"]["CONN_PACKAGE"] == f"{project['name']}=={project['version']}"
