"""Releases are made and promoted when the checks agree; the way back needs nobody but the history."""

import io
import itertools
import json
import subprocess
import sys
from pathlib import Path

import launching
import pytest
import sqlalchemy as sa
from desks import CRM, FILES, UNIFIED, Desk

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.releases import ChannelMovedError, ReleaseRefusedError, StoreFault, open_store
from conn_engine.releases import tables as stored
from conn_engine.releases.actors import Act
from conn_engine.releases.promotion import make_release, promote
from conn_engine.releases.rollouts import roll_back
from conn_engine.releases.store import Store
from conn_engine.secrets import Redactor
from conn_engine.testing.suite import Selection, run_suite

ADA = Act("ada", 1_795_000_000)


def made(desk: Desk, store: Store, name: str = "response.name") -> str:
    """A release whose mapping takes the name from there, with a golden that agrees."""
    desk.map_name(name)
    golden = FILES["connectors/demo/expected/crm.contacts.list.json"]
    desk.write(
        "connectors/demo/expected/crm.contacts.list.json",
        golden.replace("Ada", {"response.nick": "Countess"}.get(name, "Ada")),
    )
    return make_release(store, desk.workspace, ADA).release.id


class TestRelease:
    def test_who_when_why_and_what_the_checks_said(self, desk: Desk):
        with desk.store() as store:
            result = make_release(store, desk.workspace, ADA, message="First")
            assert result.new
            assert result.files == len(FILES)
            found = store.release(result.release.id)
            assert (found.message, found.made_by, found.made_at) == ("First", "ada", "2026-11-18T11:06:40Z")
            assert found.verdict == {
                "lint": {"errors": 0, "warnings": 0},
                "tests": {"cases": 1, "failed": 0, "unrecorded": 0},
            }
            assert not make_release(store, desk.workspace, Act("bob", 0)).new

    def test_one_account_stands_for_all_that_behave_alike(self, file_desk: Desk):
        for number in range(30):
            file_desk.write(f"accounts/more-{number}.yaml", f"connector: demo\ncontext: {{owner: '{number}'}}\n")
        mapping = "{response_mapping: {first_name: response.gone}}"
        override = f"connector: demo\noverride: {{unified: {{crm: {{contacts: {{list: {mapping}}}}}}}}}\n"
        file_desk.write("accounts/other.yaml", override)
        file_desk.write("accounts/third.yaml", override)
        with file_desk.store() as store:
            verdict = make_release(store, file_desk.workspace, ADA).release.verdict
        assert verdict["tests"]["cases"] == 2

    def test_what_the_tests_say_is_what_conn_test_says(self, file_desk: Desk):
        file_desk.map_name("response.nick")
        golden = FILES["connectors/demo/expected/crm.contacts.list.json"]
        file_desk.write("connectors/demo/expected/acme/crm.contacts.list.json", golden.replace("Ada", "Countess"))
        with file_desk.store() as store:
            verdict = make_release(store, file_desk.workspace, ADA).verdict
        reports = list(run_suite(file_desk.workspace, Selection()))
        assert {report.effective.account: report.failed for report in reports} == {"acme": False, "globex": True}
        assert verdict.cases == 2
        assert verdict.failed == 1
        assert {finding.code for finding in verdict.tests} == {f.code for r in reports for f in r.all_findings}

    def test_a_secret_is_never_released(self, desk: Desk):
        with desk.store() as store:
            desk.write("accounts/acme.yaml", "connector: demo\ncontext: {api_key: 0a1b2c3d4e5f}\n")
            with pytest.raises(ReleaseRefusedError, match="a document contains a secret") as caught:
                make_release(store, desk.workspace, ADA)
            assert [finding.code for finding in caught.value.findings] == ["SEC101"]
            desk.write("accounts/acme.yaml", "connector: demo\nlabel: 'the key is s3cret-of-acme'\n")
            with pytest.raises(
                ReleaseRefusedError, match=r"accounts/acme\.yaml contains a secret of this machine: the value of K"
            ):
                redactor = Redactor()
                redactor.add("s3cret-of-acme", "K")
                make_release(store, desk.workspace, ADA, redactor=redactor)
            assert store.releases() == []
            with store._database.begin_read() as connection:
                assert connection.execute(sa.select(stored.blob)).all() == []

    def test_the_password_of_the_store_is_such_a_secret(self, file_desk: Desk):
        file_desk.write("conn.yaml", "version: 1\nstore: postgresql://conn:0a1b2c3d@db/conn\n")
        with file_desk.store() as store, pytest.raises(ReleaseRefusedError):
            make_release(store, file_desk.workspace, ADA)

    def test_local_and_hidden_files_stay_out(self, file_desk: Desk):
        file_desk.write("accounts/me.local.yaml", "connector: demo\n")
        file_desk.write("accounts/.hidden.yaml", "connector: demo\n")
        file_desk.write(".conn/x.yaml", "a: 1\n")
        file_desk.write("connectors/demo/README.md", "# Demo\n")
        with file_desk.store() as store:
            result = make_release(store, file_desk.workspace, ADA)
            assert result.left_out == ("accounts/me.local.yaml",)
            assert set(store.manifest(result.release.id).files) == set(FILES)

    def test_links_inside_are_followed_and_links_outside_refused(self, file_desk: Desk, tmp_path: Path):
        (file_desk.root / "connectors/again").symlink_to(file_desk.root / "connectors/demo", target_is_directory=True)
        (file_desk.root / "connectors/demo/round").symlink_to(file_desk.root / "connectors", target_is_directory=True)
        with file_desk.store() as store:
            files = store.manifest(make_release(store, file_desk.workspace, ADA).release.id).files
            assert files["connectors/again/connector.yaml"] == files["connectors/demo/connector.yaml"]
            (tmp_path / "secret.yaml").write_text("connector: demo\n")
            (file_desk.root / "accounts/out.yaml").symlink_to(tmp_path / "secret.yaml")
            with pytest.raises(ConfigurationError, match="leads out of the workspace"):
                make_release(store, file_desk.workspace, ADA)

    def test_a_document_that_cannot_be_read_is_not_released(self, file_desk: Desk):
        file_desk.write("accounts/acme.yaml", "connector: [\n")
        with file_desk.store() as store:
            with pytest.raises(ConfigurationError) as caught:
                make_release(store, file_desk.workspace, ADA)
            assert caught.value.findings
            assert store.releases() == []


class TestPromotion:
    def test_the_first_has_nothing_to_compare_with(self, desk: Desk):
        with desk.store() as store:
            release = made(desk, store)
            done = promote(store, "latest", "staging", ADA)
            assert done.event is not None
            assert done.impact is None
            done = promote(store, "staging", "production", ADA)
            assert store.channel("production").release == release
            assert promote(store, release[:9], "production", ADA).already
            assert len(store.history()) == 2

    def test_a_breaking_change_is_refused_and_a_reason_kept(self, desk: Desk):
        with desk.store() as store:
            first = made(desk, store)
            promote(store, first, "production", ADA)
            second = made(desk, store, "response.gone")
            refused = promote(store, second, "production", ADA)
            assert refused.event is None
            assert refused.refusals == [
                "tests: 1 operation failed",
                "impact: 1 breaking change, 2 accounts break",
            ]
            assert store.channel("production").release == first
            done = promote(store, second, "production", Act("bob", 0), override="they agreed")
            assert done.event is not None
            kept = store.history("production")[0]
            assert (kept.done_by, kept.reason, kept.previous) == ("bob", "they agreed", first)
            counts = {"changed": 2, "unchanged": 0, "shielded": 0, "unknown": 0, "unjudged": 0}
            assert kept.checks["impact"] == {**counts, "breaking": 1}
            assert kept.checks["tests"]["failed"] == 1

    def test_a_change_that_breaks_nothing_is_promoted(self, desk: Desk):
        with desk.store() as store:
            promote(store, made(desk, store), "production", ADA)
            done = promote(store, made(desk, store, "response.nick"), "production", ADA)
            assert done.refusals == []
            assert done.impact is not None
            assert done.impact.count("changed") == 2

    def test_an_error_of_lint_is_refused(self, file_desk: Desk):
        with file_desk.store() as store:
            made(file_desk, store)
            file_desk.write(CRM, UNIFIED.replace("response.name", "env.TOKEN"))
            result = make_release(store, file_desk.workspace, ADA)
            assert not result.verdict.good
            assert "lint: 1 error" in promote(store, "latest", "staging", ADA).refusals

    def test_a_served_release_that_cannot_be_loaded_is_no_ground_to_compare_on(self, file_desk: Desk):
        with file_desk.store() as store:
            file_desk.write("conn.yaml", "version: 2\n")
            file_desk.serve(store, self._unchecked(file_desk, store))
            file_desk.write("conn.yaml", "version: 1\n")
            release = made(file_desk, store)
            refused = promote(store, release, "production", ADA)
            assert refused.event is None
            assert "cannot be compared" in refused.refusals[0]
            assert promote(store, release, "production", ADA, override="fixed").event is not None

    @staticmethod
    def _unchecked(desk: Desk, store: Store) -> str:
        from conn_engine.releases import Manifest, Release
        from conn_engine.releases.content import compute_digest

        contents = [path.read_bytes() for path in desk.root.rglob("*") if path.is_file()]
        names = [path.relative_to(desk.root).as_posix() for path in desk.root.rglob("*") if path.is_file()]
        manifest = Manifest({name: compute_digest(content) for name, content in zip(names, contents, strict=True)})
        store.add(Release(manifest.id), manifest, {compute_digest(content): content for content in contents})
        return manifest.id

    def test_a_slip_makes_no_new_channel(self, file_desk: Desk):
        file_desk.write("environments/sandbox.yaml", "connectors: {}\n")
        with file_desk.store() as store:
            made(file_desk, store)
            with pytest.raises(UsageError, match='no channel "prodution"') as caught:
                promote(store, "latest", "prodution", ADA)
            assert 'did you mean "production"?' in caught.value.hint
            assert promote(store, "latest", "sandbox", ADA).event is not None
            with pytest.raises(UsageError):
                promote(store, "latest", "latest", ADA)

    def test_a_promotion_is_decided_on_what_was_looked_at(self, desk: Desk):
        with desk.store() as store:
            first = made(desk, store)
            promote(store, first, "production", ADA)
            second = made(desk, store, "response.nick")
            with pytest.raises(ChannelMovedError, match=f"production serves {first[:12]}, not "):
                promote(store, second, "production", ADA, expected=second)
            assert promote(store, second, "production", ADA, expected=first[:8]).event is not None

    @pytest.mark.slow
    def test_of_two_processes_that_promote_at_once_one_is_told(self, desk: Desk, environ: dict[str, str]):
        with desk.store() as store:
            promote(store, made(desk, store), "production", ADA)
            releases = [made(desk, store, "response.nick"), made(desk, store, "$uppercase(response.name)")]
        command = [sys.executable, "-m", "conn_cli.main", "-C", str(desk.root), "promote"]
        options = ["production", "--store", desk.address, "--despite", "a race", "--by"]
        started = [
            launching.start([*command, release, *options, release[:6]], env=environ, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for release in releases
        ]  # fmt: skip
        ended = [(process, *process.communicate(timeout=120)) for process in started]
        with open_store(desk.address) as store:
            events = store.history("production")
            serving = store.channel("production")
        lost = [error for process, _, error in ended if process.returncode == 1]
        assert sorted(process.returncode for process, _, _ in ended) in ([0, 1], [0, 0])
        # Either one saw the other's move and lost, or it began after it: never is a move unseen by the next.
        assert len(events) == 3 - len(lost)
        assert [event.revision for event in events] == list(range(len(events), 0, -1))
        for later, earlier in itertools.pairwise(events):
            assert later.previous == earlier.release
        assert serving.release == events[0].release
        for error in lost:
            assert "has moved in the meantime: it serves" in error
            assert "Traceback" not in error


class TestRollback:
    def test_the_way_back_is_the_way_that_was_gone(self, desk: Desk):
        with desk.store() as store:
            way = [made(desk, store, name) for name in ("response.name", "response.nick", "$uppercase(response.name)")]
            for release in way:
                promote(store, release, "production", ADA, override="test")
            event = roll_back(store, "production", Act("bob", 0), reason="mails bounced")
            assert event is not None
            assert (event.kind, event.release, event.previous) == ("rollback", way[1], way[2])
            assert store.history("production")[0] == event
            again = roll_back(store, "production", ADA)
            assert again is not None
            assert again.release == way[0]
            with pytest.raises(UsageError, match=f"has served nothing before {way[0][:12]}") as caught:
                roll_back(store, "production", ADA)
            assert f"conn rollback production --to {way[1][:12]}" in caught.value.hint
            forward = roll_back(store, "production", ADA, to=way[2][:10])
            assert forward is not None
            assert store.channel("production").release == way[2]
            assert roll_back(store, "production", ADA, to=way[2]) is None
            assert store.channel("production").revision == 6

    def test_only_what_served_once_can_be_gone_back_to(self, desk: Desk):
        with desk.store() as store:
            first = made(desk, store)
            promote(store, first, "production", ADA)
            second = made(desk, store, "response.nick")
            with pytest.raises(UsageError, match=f"has never served {second[:12]}"):
                roll_back(store, "production", ADA, to=second)
            with pytest.raises(UsageError, match="has not served a release yet"):
                roll_back(store, "prodution", ADA)

    def test_a_release_that_is_not_whole_is_not_served_again(self, desk: Desk):
        with desk.store() as store:
            first = made(desk, store)
            promote(store, first, "production", ADA)
            second = made(desk, store, "response.nick")
            promote(store, second, "production", ADA)
            digest = store.manifest(first).files[CRM]
            with store._database.begin_write() as connection:
                connection.execute(sa.update(stored.blob).where(stored.blob.c.digest == digest).values(content=b"x"))
            with pytest.raises(StoreFault, match="damaged"):
                roll_back(store, "production", ADA)
            assert store.channel("production").release == second


def test_machine_formats_hold_no_value_of_a_record(file_desk: Desk):
    with file_desk.store() as store:
        promote(store, made(file_desk, store), "production", ADA)
        made(file_desk, store, "response.nick")
    for words in (["diff", "production", "latest"], ["promote", "latest", "production"], ["history"]):
        for name in ("markdown", "json"):
            out = io.StringIO()
            app = App(folder=file_desk.root, environ={"CONN_NO_KEYRING": "1"}, stdin=io.StringIO(), stdout=out)
            assert execute([*words, "--store", file_desk.address, "--format", name], app) == 0
            app.flush()
            assert "Ada" not in out.getvalue()
            assert "Countess" not in out.getvalue()
            if name == "json":
                assert json.loads(out.getvalue())["version"] == 1
