"""Syncs in everything that saves work: equal accounts are tested and compared once, and a change reruns what it
reaches."""

from pathlib import Path

from sync_shop import DOCUMENT, GOLDEN, MAPPING, SYNC, accept, write_shop

from conn_engine.analysis.checks import run_checks
from conn_engine.analysis.coverage import measure_coverage
from conn_engine.analysis.impact import impact
from conn_engine.analysis.reruns import WatchedSuite
from conn_engine.analysis.reruns.lint import WatchedLint
from conn_engine.testing.selection import Selection
from conn_engine.testing.suite import OperationReport

MANY = {f"accounts/a{number:03}.yaml": "connector: shop\n" for number in range(40)}
ACME = "accounts/acme.yaml"
OWN = "connector: shop\nsyncs: {people: {transform: {plan: record.plan}}}\n"


def names(reports: list[OperationReport]) -> list[str]:
    return [f"{report.name.text} {report.effective.account}" for report in reports]


def write_change(tmp_path: Path, after: dict[str, str | None], base: dict[str, str | None]) -> tuple[Path, Path]:
    for folder, files in (("before", base), ("after", {**base, **after})):
        accept(write_shop(tmp_path / folder, files), "globex")
    return tmp_path / "before", tmp_path / "after"


def test_accounts_that_are_alike_are_compared_once(tmp_path: Path) -> None:
    before = write_shop(tmp_path / "before", MANY)
    change = {SYNC: DOCUMENT.replace("record.email", "$uppercase(record.email)")}
    found = impact(before, write_shop(tmp_path / "after", {**MANY, **change}), processes=1)
    assert (found.fields[0].accounts, found.pairs, found.work.sides) == (42, 1, 2)


def test_a_check_tests_the_syncs_of_equal_accounts_once(tmp_path: Path) -> None:
    change = {SYNC: DOCUMENT.replace("person.changed", "person.updated")}
    before, after = write_change(tmp_path, change, {**MANY, ACME: OWN})
    (after / GOLDEN).write_text((before / GOLDEN).read_text())
    result = run_checks(after, before, processes=1)
    assert result.tested == 42
    syncs = [report for report in result.reports if report.name.text == "sync:people"]
    assert len(syncs) == 2, "acme overrides it, and the others are alike"
    assert all(report.failed for report in syncs)
    assert [row.kind for row in result.impact.fields] == ["destination_changed"] if result.impact else False
    assert [(row.operation, len(row.accounts)) for row in result.coverage if row.operation[:5] == "sync:"] == [
        ("sync:people", 41),
        ("sync:people", 1),
    ]


def test_an_accounts_own_golden_is_tested_by_itself(tmp_path: Path) -> None:
    before, after = write_change(tmp_path, {SYNC: DOCUMENT.replace("@daily", "@hourly")}, {ACME: OWN})
    own = after / "connectors/shop/expected/syncs/people/acme/crm.people.list.json"
    own.parent.mkdir()
    own.write_text((after / GOLDEN).read_text())
    result = run_checks(after, before, processes=1)
    failed = [report for report in result.reports if report.failed]
    assert names(failed) == ["sync:people acme"]
    assert failed[0].all_findings[0].message == "data.plan is new in 3 events"


def test_coverage_shows_a_sync_without_a_case(tmp_path: Path) -> None:
    text = "source: {connector: shop, resource: people.removed}\ntransform: {id: record.id}\nemit: {type: stdout}\n"
    workspace = write_shop(tmp_path, {"syncs/gone.yaml": text})
    rows = {row.operation: row for row in measure_coverage(workspace)}
    assert (rows["sync:gone"].cases, rows["sync:gone"].mapped, rows["sync:gone"].count("seen")) == (0, 1, 0)
    assert (rows["sync:people"].cases, rows["sync:people"].percent) == (1, 100.0)
    assert [row.operation for row in measure_coverage(workspace, operation="sync:gone")] == ["sync:gone"]


class TestWatching:
    def watch(self, root: Path, files: dict[str, str | None] | None = None) -> WatchedSuite:
        accept(write_shop(root, files), everything=True)
        suite = WatchedSuite(write_shop(root, files), Selection())
        suite.run()
        return suite

    def save(self, suite: WatchedSuite, name: str, text: str) -> list[str]:
        path = suite.workspace.root / name
        path.write_text(text)
        changes = suite.update([path])
        self.tested = changes.tested
        return names(changes.failing)

    def test_a_saved_sync_runs_its_cases_and_no_operation(self, tmp_path: Path) -> None:
        suite = self.watch(tmp_path)
        changed = self.save(suite, SYNC, DOCUMENT.replace("record.email", "$uppercase(record.email)"))
        assert (changed, self.tested) == (["sync:people acme", "sync:people globex"], 2)
        assert self.save(suite, SYNC, DOCUMENT) == []
        assert self.save(suite, SYNC, DOCUMENT.replace("@daily", "@hourly")) == []
        assert self.tested == 0, "the events do not depend on the schedule"

    def test_a_sync_that_runs_for_fewer_accounts_or_is_removed_is_gone(self, tmp_path: Path) -> None:
        suite = self.watch(tmp_path)
        path = tmp_path / SYNC
        path.write_text(DOCUMENT.replace("\nsource:", "\naccounts: {tags: [eu]}\nsource:"))
        gone = [f"{key.operation} {key.account}" for key in suite.update([path]).gone]
        assert gone == ["sync:people globex"]
        path.unlink()
        gone = [f"{key.operation} {key.account}" for key in suite.update([path]).gone]
        assert gone == ["sync:people acme"]
        path.write_text(DOCUMENT)
        assert suite.update([path]).tested == 2

    def test_a_saved_mapping_runs_the_syncs_that_read_it(self, tmp_path: Path) -> None:
        suite = self.watch(tmp_path)
        text = (tmp_path / MAPPING).read_text().replace("response.age", "$string(response.age)")
        assert "sync:people acme" in self.save(suite, MAPPING, text)

    def test_a_saved_override_runs_the_syncs_of_its_account(self, tmp_path: Path) -> None:
        suite = self.watch(tmp_path)
        assert self.save(suite, ACME, OWN) == []
        assert self.tested == 1

    def test_a_saved_golden_runs_its_sync(self, tmp_path: Path) -> None:
        suite = self.watch(tmp_path)
        golden = (tmp_path / GOLDEN).read_text().replace("ada@", "eda@")
        assert self.save(suite, GOLDEN, golden) == ["sync:people acme", "sync:people globex"]


def test_lint_looks_at_a_sync_again_when_its_connector_changes(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path)
    watched = WatchedLint(tmp_path, [])
    watched.run()
    path = workspace.root / MAPPING
    path.write_text("resources: {others: {list: {resource: people, response_mapping: {id: response.id}}}}\n")
    assert SYNC in {finding.span.file for finding in watched.update([path]).new if finding.span is not None}
