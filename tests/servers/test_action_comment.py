"""The action's comment on a pull request, written by GitHub's own command line to a server that speaks GitHub's API."""

import os
import tempfile
from pathlib import Path

import httpx
import launching
import pytest
import yaml
from processes import cache
from processes.emulate import Emulate

ACTION = Path(__file__).resolve().parents[2] / "action.yml"
MARK = "<!-- conn ci: integrations -->"


class Runner:
    """A job's folder at the action's last step, for one pull request."""

    def __init__(self, folder: Path, comments: str) -> None:
        self.folder, self.comments = folder, comments
        self.gh = cache.debian("gh", "gh")
        steps = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
        (self.step,) = (one for one in steps if one.get("name") == "comment")

    def comment(self, text: str, *, comments: str = "", token: str = "conn_admin_token") -> str:
        """Run the step over this summary ("": the check wrote none); returns what it printed."""
        reports = Path(tempfile.mkdtemp(dir=self.folder))
        if text:
            (reports / "conn-ci.md").write_text(text, encoding="utf-8")
        values = {
            "GH_TOKEN": token, "GH_ENTERPRISE_TOKEN": token, "REPORTS": str(reports), "MARK": MARK,
            "COMMENTS": comments or self.comments,
        }  # fmt: skip
        assert set(values) == set(self.step["env"])
        done = launching.run(
            ["bash", "-eo", "pipefail", "-c", self.step["run"]],
            cwd=self.folder,
            env={
                **{"PATH": f"{self.gh.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.folder)},
                **{"RUNNER_TEMP": str(self.folder), "NO_COLOR": "1", "GH_NO_UPDATE_NOTIFIER": "1", **values},
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def written(self) -> list[str]:
        """The comments there are."""
        answer = httpx.get(self.comments, headers={"Authorization": "Bearer conn_admin_token"}, trust_env=False)
        return [one["body"] for one in answer.raise_for_status().json()]


@pytest.fixture
def runner(emulate: Emulate, tmp_path: Path) -> Runner:
    """A runner for an issue of its own: a pull request's comments are an issue's."""
    issues = f"{emulate.url('github')}/repos/octocat/crm/issues"
    answer = httpx.post(
        issues, json={"title": "A change"}, headers={"Authorization": "Bearer conn_admin_token"}, trust_env=False
    )
    return Runner(tmp_path, f"{issues}/{answer.raise_for_status().json()['number']}/comments")


def test_one_comment_is_kept_up_to_date(runner: Runner) -> None:
    assert runner.comment("## conn ci: 3 accounts break\n") == ""
    assert runner.written() == [f"{MARK}\n## conn ci: 3 accounts break\n"]
    assert runner.comment("## conn ci: all is well\n") == ""
    assert runner.written() == [f"{MARK}\n## conn ci: all is well\n"]


def test_a_long_summary_is_cut_between_lines(runner: Runner) -> None:
    line = f"- `@octocat {'x' * 990}`\n"
    assert runner.comment(line * 100) == ""
    (body,) = runner.written()
    assert body == f"{MARK}\n{line * 59}"


def test_a_summary_that_the_run_did_not_write_is_not_posted(runner: Runner) -> None:
    (runner.folder / "conn-ci.md").write_text("of a commit", encoding="utf-8")
    assert runner.comment("") == ""
    assert runner.written() == []


def test_comments_of_others_are_left(runner: Runner) -> None:
    httpx.post(
        runner.comments, json={"body": "Looks good"}, headers={"Authorization": "Bearer conn_admin_token"},
        trust_env=False,
    ).raise_for_status()  # fmt: skip
    runner.comment("one\n")
    runner.comment("two\n")
    assert runner.written() == ["Looks good", f"{MARK}\ntwo\n"]


def test_a_comment_that_cannot_be_written_is_a_warning(runner: Runner) -> None:
    said = runner.comment("one\n", comments=runner.comments.replace("/crm/", "/nowhere/"))
    assert "::warning title=conn ci::the comment could not be written" in said
    assert runner.written() == []
