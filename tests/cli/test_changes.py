"""`conn impact` and `conn ci` on a real repository: what they compare with, whom they name, and what has no work."""

import json
import os
import re
from pathlib import Path
from typing import Any

import launching
import pytest
import yaml
from transcript import Run, conn

MAPPING = "connectors/desk/unified/crm.yaml"
FILES: dict[str, Any] = {
    "conn.yaml": {"version": 1},
    "connectors/desk/connector.yaml": {
        "base_url": "https://api.desk.example",
        "resources": {
            "people": {"list": {"method": "get", "path": "/people", "response_path": "items"}},
            "firms": {"list": {"method": "get", "path": "/firms", "response_path": "items"}},
        },
    },
    MAPPING: {
        "resources": {
            "contacts": {
                "list": {"resource": "people", "response_mapping": {"id": "response.id", "email": "response.email"}}
            },
            "companies": {
                "list": {"resource": "firms", "response_mapping": {"id": "response.id", "name": "response.n"}}
            },
        }
    },
    **{f"accounts/a{number:02}.yaml": {"connector": "desk"} for number in range(12)},
    "accounts/b.yaml": {
        "connector": "desk",
        "override": {"unified": {"crm": {"contacts": {"list": {"response_mapping": {"email": "'x'"}}}}}},
    },
}
RECORDS = {
    "people": (
        "crm.contacts.list",
        [{"id": "1", "email": "ada@desk.example"}, {"id": "2", "email": "bob@desk.example"}],
    ),
    "firms": ("crm.companies.list", [{"id": "7", "n": "Desks"}]),
}


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.email=a@example.com", "-c", "user.name=A"]
    day = {"GIT_COMMITTER_DATE": "2026-03-04T12:00:00 +0000", "GIT_AUTHOR_DATE": "2026-03-04T12:00:00 +0000"}
    done = launching.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, **day}
    )
    return done.stdout.strip()


def write(folder: Path, files: dict[str, Any]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(data), encoding="utf-8")


def replace(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A workspace of 13 accounts in a repository, on its main branch."""
    write(tmp_path, FILES)
    for path, (operation, items) in RECORDS.items():
        url = f"https://api.desk.example/{path}"
        exchange = {"request": {"method": "GET", "url": url}, "response": {"status": 200, "body": {"items": items}}}
        recording = {
            "format": 1, "connector": "desk", "operation": operation, "source": "sample",
            "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://api.desk.example", "exchanges": [exchange],
        }  # fmt: skip
        write(tmp_path, {f"connectors/desk/recordings/{operation}.json": recording})
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text(".state\n.conn\nreports\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def rows(done: Run) -> dict[str, str]:
    """Check to its word in the summary of `conn ci`."""
    lines = [line.split() for line in done.out.splitlines()]
    return {line[1]: line[0] for line in lines if line[:1] and line[0] in ("ok", "FAIL", "skipped")}


def test_on_the_main_branch_there_is_nothing_to_compare_and_everything_is_tested(desk: Path) -> None:
    for detached in (False, True):
        if detached:  # as a pipeline checks it out
            git(desk, "checkout", "-q", "--detach")
        done = conn(desk, "impact")
        assert done.out.startswith("nothing to compare: no document differs from main at ") and done.code == 0
        done = conn(desk, "ci")
        assert rows(done) == {"lint": "ok", "test": "ok", "coverage": "ok", "impact": "skipped"}, done.out
        assert "(3 cases, 13 accounts)" in done.out


def test_a_branch_without_a_difference_has_no_work(desk: Path) -> None:
    git(desk, "checkout", "-q", "-b", "work")
    (desk / "reports").mkdir()
    (desk / "notes.json").write_text("{}")  # no document of a workspace
    done = conn(
        desk, "ci", "--format", "text", "--format", "json=reports/ci.json", "--format", "markdown=reports/ci.md"
    )
    assert rows(done) == {"lint": "ok", "test": "skipped", "coverage": "skipped", "impact": "skipped"}
    checks = json.loads((desk / "reports/ci.json").read_text())["checks"]
    assert [row["passed"] for row in checks] == [True, None, None, None]
    assert "| impact | skipped | `nothing to compare: no document differs from main at " in (
        desk / "reports/ci.md"
    ).read_text(encoding="utf-8")
    assert done.code == 0
    data = json.loads(conn(desk, "impact", "--format", "json").out)
    assert (data["compared"], data["accounts"]["total"], data["fields"]) == (False, 0, [])
    assert "### Nothing to compare" in conn(desk, "impact", "--format", "markdown").out
    assert rows(conn(desk, "ci", "--all"))["impact"] == "skipped"


def test_what_was_compared_and_who_changes_is_named(desk: Path) -> None:
    first = git(desk, "rev-parse", "HEAD")
    git(desk, "checkout", "-q", "-b", "work")
    replace(desk, MAPPING, "response.email", "response.mail")
    git(desk, "commit", "-qam", "mail")
    done = conn(desk, "impact")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == f"compared with main at {first[:12]} of 2026-03-04"
    named = next(line for line in lines if line.startswith("  break: "))
    assert named == "  break: " + ", ".join(f"a{number:02}" for number in range(10)) + " and 2 more"
    data = json.loads(conn(desk, "impact", "--format", "json").out)
    assert data["base"] == {"revision": first, "branch": "main", "date": "2026-03-04", "name": ""}
    assert data["names"]["breaking"] == data["names"]["changed"] == [f"a{number:02}" for number in range(12)]
    by_hash = json.loads(conn(desk, "impact", "--base", first, "--format", "json").out)
    assert by_hash["base"] == data["base"]


def test_markdown_names_accounts_only_where_the_workspace_allows_it(desk: Path) -> None:
    git(desk, "checkout", "-q", "-b", "work")
    replace(desk, MAPPING, "response.email", "response.mail")
    replace(desk, "accounts/b.yaml", "'x'", "'y'")
    (desk / "accounts/a11.yaml").write_text("connector: nowhere\n")
    for command in ("impact", "ci"):
        public = conn(desk, command, "--format", "markdown").out
        assert "accounts" in public and not {name for name in ("a00", "a11", "b.yaml") if name in public}
        refused = conn(desk, command, "--names", "--format", "markdown")
        assert refused.code == 2 and "reports: {account_names: true}" in refused.err
        hidden = conn(desk, command, "--no-names", "--format", "text" if command == "impact" else "markdown").out
        assert "a00" not in hidden and "a11" not in hidden and "accounts/b" not in hidden
    annotations = conn(desk, "impact", "--no-names", "--format", "github").out.splitlines()
    messages = [line.rpartition("::")[2] for line in annotations]  # the place of a finding is its file all the same
    assert any("1 account" in told for told in messages) and not any("a11" in told for told in messages)
    silent = conn(desk, "impact", "--no-names", "--format", "json").out
    assert "a00" not in silent and json.loads(silent)["accounts"]["unjudged"] == 1
    write(desk, {"conn.yaml": {"version": 1, "reports": {"account_names": True}}})
    for command in ("impact", "ci"):
        open_ = conn(desk, command, "--format", "markdown").out
        assert "- break: `a00, a01" in open_ and "`accounts/b.yaml:1`" in open_ and "`a11`" in open_
        assert "a00" not in conn(desk, command, "--no-names", "--format", "markdown").out


def accept(desk: Path, reason: str = "The vendor drops e-mail addresses in March", *options: str) -> Run:
    return conn(desk, "ci", "--accept", "--reason", reason, *options)


ACCEPTED = "changes/the-vendor-drops-e-mail-addresses-in-march.yaml"


@pytest.fixture
def losing(desk: Path) -> Path:
    """A branch that loses a field of twelve accounts; goldens do not matter here."""
    git(desk, "checkout", "-q", "-b", "work")
    replace(desk, MAPPING, "response.email", "response.mail")
    return desk


def test_impact_shows_in_red_what_breaks_an_account(losing: Path) -> None:
    red = re.findall(r"\x1b\[1;31m(.+)", conn(losing, "impact", FORCE_COLOR="1").out)
    assert [line.split()[1] for line in red] == ["email"] and red[0].endswith("<- breaking")
    assert "\x1b" not in conn(losing, "impact").out


def test_an_intended_change_is_accepted_with_a_reason(losing: Path) -> None:
    assert rows(conn(losing, "ci"))["impact"] == "FAIL"
    done = accept(losing)
    assert done.code == 0 and f"accepted in {ACCEPTED}" in done.err, done.out
    document = yaml.safe_load((losing / ACCEPTED).read_text())
    (effect,) = document["effects"]
    assert (effect["connector"], effect["operation"], effect["field"], effect["kind"]) == (
        "desk", "crm.contacts.list", "email", "missing",
    )  # fmt: skip
    assert sorted(effect["accounts"]) == [f"a{number:02}" for number in range(12)]
    assert document["reason"] == "The vendor drops e-mail addresses in March"
    git(losing, "add", "-A")
    git(losing, "commit", "-qm", "no addresses")
    again = conn(
        losing, "ci", "--format", "text", "--format", "markdown=reports/ci.md", "--format", "json=reports/ci.json"
    )
    assert again.code == 0 and rows(again)["impact"] == "ok"
    assert "<- breaking, accepted" in again.out
    assert "\x1b" not in conn(losing, "impact", FORCE_COLOR="1").out
    listed = (losing / "reports/ci.md").read_text(encoding="utf-8")
    assert (
        f"accepted by `{ACCEPTED}`: 12 effects on 12 accounts: `The vendor drops e-mail addresses in March`" in listed
    )
    (row,) = json.loads((losing / "reports/ci.json").read_text())["impact"]["accepted"]
    assert (row["effects"], row["accounts"], row["findings"]) == (12, 12, [])
    assert conn(losing, "impact").code == 0
    assert conn(losing, "lint").code == 0


def test_it_covers_those_effects_and_no_others(losing: Path) -> None:
    accept(losing)
    replace(losing, MAPPING, "response.n", "response.gone")  # another field is lost too
    done = conn(losing, "ci")
    assert done.code == 1 and "crm.companies.list name" in done.out and "CHG180" not in done.out
    replace(losing, MAPPING, "response.gone", "response.n")
    replace(losing, MAPPING, "response.mail", "1")  # the same field, and another effect
    done = conn(losing, "ci")
    assert done.code == 1
    assert f"{ACCEPTED}:5  CHG180  the change no longer has this effect" in done.out
    assert "::error" in conn(losing, "impact", "--format", "github").out


def test_another_value_of_the_same_kind_is_another_effect(losing: Path) -> None:
    replace(losing, MAPPING, "response.mail", "'a'")
    assert conn(losing, "ci", "--fail-on", "any").code == 1
    assert accept(losing, "Everybody is a", "--fail-on", "any").code == 0
    assert conn(losing, "ci", "--fail-on", "any").code == 0
    replace(losing, MAPPING, "'a'", "'b'")
    assert conn(losing, "ci", "--fail-on", "any").code == 1


def test_another_request_without_an_answer_is_another_effect(desk: Path) -> None:
    git(desk, "checkout", "-q", "-b", "work")
    plain = '"path": "/firms"'
    replace(desk, "connectors/desk/connector.yaml", plain, f'{plain}, "query": {{"since": "1"}}')
    assert conn(desk, "impact", "--fail-on", "breaking").code == 1
    accept(desk, "Only new ones")
    assert conn(desk, "impact", "--fail-on", "breaking").code == 0
    replace(desk, "connectors/desk/connector.yaml", '"since": "1"', '"since": "2"')
    done = conn(desk, "impact", "--fail-on", "breaking")
    assert done.code == 1 and "CHG180" in done.out + done.err


def test_it_expires_with_the_accounts(losing: Path) -> None:
    accept(losing)
    override = {"unified": {"crm": {"contacts": {"list": {"response_mapping": {"email": "response.email"}}}}}}
    write(losing, {"accounts/a03.yaml": {"connector": "desk", "override": override}})  # it keeps the field
    done = conn(losing, "ci")
    assert done.code == 1 and "CHG180" in done.out and "for 1 account" in done.out
    again = accept(losing, "All but one")
    assert again.code == 0 and f"deleted {ACCEPTED}" in again.err
    assert [path.name for path in (losing / "changes").iterdir()] == ["all-but-one.yaml"]
    write(losing, {"accounts/late.yaml": {"connector": "desk"}})
    assert conn(losing, "ci").code == 0  # an account that is new loses nothing


def test_an_acceptance_holds_for_its_own_change_alone(losing: Path) -> None:
    accept(losing)
    git(losing, "add", "-A")
    git(losing, "commit", "-qm", "no addresses")
    git(losing, "checkout", "-q", "main")
    git(losing, "merge", "-q", "work")
    assert rows(conn(losing, "ci"))["impact"] == "skipped"
    git(losing, "checkout", "-q", "-b", "back")
    replace(losing, MAPPING, "response.mail", "response.email")
    git(losing, "commit", "-qam", "addresses again")
    git(losing, "branch", "-f", "main", "back")
    git(losing, "checkout", "-q", "-b", "again")
    replace(losing, MAPPING, "response.email", "response.mail")  # the very same effect, years later
    assert conn(losing, "ci").code == 1
    assert accept(losing).code == 0
    assert sorted(path.stem[-2:] for path in (losing / "changes").iterdir()) == ["-2", "ch"]


def test_an_account_that_could_not_be_read_before_is_accepted_too(desk: Path) -> None:
    good = (desk / "accounts/a00.yaml").read_text()
    (desk / "accounts/a00.yaml").write_text("connector: [\n")
    git(desk, "commit", "-qam", "broken")
    git(desk, "checkout", "-q", "-b", "work")
    (desk / "accounts/a00.yaml").write_text(good)
    assert conn(desk, "impact").code == 3
    done = conn(desk, "ci")
    assert rows(done)["impact"] == "FAIL" and done.code == 3
    assert accept(desk, "Repaired").code == 0
    assert conn(desk, "impact").code == 0


def test_a_conn_yaml_that_cannot_be_used_is_a_finding_of_the_check(desk: Path) -> None:
    git(desk, "checkout", "-q", "-b", "work")
    (desk / "conn.yaml").write_text("version: 7\n")
    done = conn(desk, "ci", "--format", "markdown")
    assert done.code == 1 and "**CFG104** `conn.yaml:1`" in done.out, done.err


@pytest.mark.parametrize("command", ["impact", "ci"])
def test_a_base_that_cannot_be_used_at_all_exits_3(desk: Path, command: str) -> None:
    (desk / "accounts/a00.json").write_text("{}")  # a second document of one name
    git(desk, "add", "-A")
    git(desk, "commit", "-qm", "twice")
    git(desk, "checkout", "-q", "-b", "work")
    (desk / "accounts/a00.json").unlink()
    done = conn(desk, command)
    assert done.code == 3 and "the base of the comparison cannot be loaded" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--accept",), '--accept and --reason "why" must be used together'),
        (("--reason", "why"), "must be used together"),
        (("--accept", "--reason", "  "), "must be used together"),
        (("--accept", "--reason", "why"), "there is nothing to accept"),
        (("--accept", "--reason", "why", "--all"), "compares with nothing"),
    ],
)
def test_what_cannot_be_accepted(desk: Path, arguments: tuple[str, ...], said: str) -> None:
    git(desk, "checkout", "-q", "-b", "work")
    done = conn(desk, "ci", *arguments)
    assert done.code == 2 and said in done.err and not (desk / "changes").exists()


def test_lint_reads_accepted_changes(desk: Path) -> None:
    write(desk, {"changes/wrong.yaml": {"reason": "", "effects": [{"connector": "desk", "kin": "missing"}]}})
    found = conn(desk, "lint").out
    assert "changes/wrong.yaml" in found and "CFG101" in found and "CFG104" in found
    replaced = conn(desk, "schema", "change")
    assert json.loads(replaced.out)["title"] == "Conn accepted change"


def test_a_promotion_honors_what_the_release_accepts(losing: Path) -> None:
    git(losing, "stash", "-q")
    conn(losing, "release", "-m", "first")
    assert conn(losing, "promote", "latest", "production").code == 0
    git(losing, "stash", "pop", "-q")
    conn(losing, "release", "-m", "loses")
    refused = conn(losing, "promote", "latest", "production")
    assert refused.code == 1 and "12 accounts break" in refused.err
    accept(losing)
    git(losing, "add", "-A")
    git(losing, "commit", "-qm", "no addresses")
    git(losing, "branch", "-f", "main", "work")
    git(losing, "checkout", "-q", "-b", "next")
    replace(losing, MAPPING, "response.n", "$uppercase(response.n)")  # another request, before the release
    assert conn(losing, "release", "-m", "accepted").code == 0
    done = conn(losing, "promote", "latest", "production", "--format", "text", "--format", "markdown=reports/p.md")
    assert done.code == 0, done.err
    assert f"{ACCEPTED}: The vendor drops" in done.out
    assert f"accepted by `{ACCEPTED}`" in (losing / "reports/p.md").read_text(encoding="utf-8")
    history = json.loads(conn(losing, "history", "--format", "json").out)
    assert ACCEPTED[8:-5] in json.dumps(history)
    git(losing, "stash", "-q")
