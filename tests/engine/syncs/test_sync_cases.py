"""`conn test` for syncs: cases from recordings, goldens of events, and who is blamed for a difference."""

import json
from pathlib import Path

import pytest
from measuring import count_calls
from sync_shop import DOCUMENT, GOLDEN, HTTP, MAPPING, PEOPLE, RECORDING, SYNC, accept, build_recording, run_syncs
from sync_shop import write_shop as write

from conn_engine.config import load_workspace
from conn_engine.errors import UsageError
from conn_engine.testing.keyword import KeywordExpression
from conn_engine.testing.planning import plan_tests
from conn_engine.testing.suite import OperationReport, Selection, run_suite
from conn_engine.testing.sync_trial import try_sync

PLAIN = {SYNC: DOCUMENT}


def describe(report: OperationReport) -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in report.all_findings]


def states(reports: list[OperationReport]) -> list[tuple[str | None, list[str]]]:
    return [(report.effective.account, [verdict.golden for verdict in report.judgements]) for report in reports]


class TestGoldens:
    def test_update_writes_one_golden_for_all_accounts(self, tmp_path: Path) -> None:
        workspace = write(tmp_path)
        assert accept(workspace) == 1
        golden = json.loads((tmp_path / GOLDEN).read_text())
        assert golden["sync"] == "people" and golden["event"] == "person.changed"
        assert golden["destination"] == "webhook default"
        assert golden["events"][0] == {"key": "1", "data": {"id": "1", "email": "ada@example.com", "age": 36}}
        assert states(run_syncs(workspace)) == [("acme", ["same"]), ("globex", ["same"])]
        assert accept(workspace) == 0

    def test_without_one_the_case_is_a_warning(self, tmp_path: Path) -> None:
        report = run_syncs(write(tmp_path), "acme")[0]
        assert [code for code, _ in describe(report)] == ["TST103"]
        assert not report.failed

    def test_a_changed_field_is_found_on_its_line(self, tmp_path: Path) -> None:
        accept(write(tmp_path))
        workspace = write(tmp_path, {SYNC: DOCUMENT.replace("email: record.email", "email: $uppercase(record.email)")})
        finding = run_syncs(workspace, "acme")[0].all_findings[0]
        assert (finding.code, finding.message) == ("TST101", "data.email changed in 3 events")
        assert finding.span is not None and (finding.span.file, finding.span.line) == (SYNC, 6)
        assert finding.path == "transform.email"

    def test_a_mapping_that_the_sync_reads_breaks_its_golden(self, tmp_path: Path) -> None:
        accept(write(tmp_path))
        workspace = write(tmp_path, {MAPPING: "resources: {people: {list: {response_mapping: {id: response.id}}}}\n"})
        found = dict(describe(run_syncs(workspace, "acme")[0]))
        assert found == {"TST101": "data.email is missing in 3 events"} or "TST101" in found

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (("person.changed", "person.updated"), 'event is "person.updated", but "person.changed" in the golden'),
            (
                ("type: webhook", "type: webhook, endpoint: other"),
                'destination is "webhook other", but "webhook default" in the golden',
            ),
            (("transform:", "filter: record.plan = 'paid'\ntransform:"), "1 event is missing: 1"),
            (("emit:", "key: email\nemit:"), "3 events are missing: 1, 2, 3"),
            (("emit:", "version: age\nemit:"), "version is new in 3 events"),
        ],
    )
    def test_what_else_counts(self, tmp_path: Path, change: tuple[str, str], message: str) -> None:
        accept(write(tmp_path))
        workspace = write(tmp_path, {SYNC: DOCUMENT.replace(*change)})
        assert ("TST101", message) in describe(run_syncs(workspace, "acme")[0])

    def test_a_deleted_record_is_not_transformed(self, tmp_path: Path) -> None:
        text = DOCUMENT.replace("emit:", "deletes: {by: record, when: record.plan = 'paid'}\nemit:")
        workspace = write(tmp_path, {SYNC: text})
        accept(workspace)
        golden = json.loads((tmp_path / GOLDEN).read_text())
        assert ([event["key"] for event in golden["events"]], golden["deleted"]) == (["1"], ["2", "3"])
        types = [(event.type, event.key) for event in try_sync(workspace, "people", "acme").events]
        assert types == [("person.changed", "1"), ("person.deleted", "2"), ("person.deleted", "3")]
        workspace = write(tmp_path, {SYNC: text.replace("'paid'", "'free'")})
        report = run_syncs(workspace, "acme")[0]
        assert ("TST101", 'deleted is ["1"], but ["2", "3"] in the golden') in describe(report)

    def test_the_transformation_of_a_page_sees_one_page(self, tmp_path: Path) -> None:
        text = DOCUMENT.partition("transform:")[0] + 'transform: \'{"id": results[0].id, "n": $count(results)}\'\n'
        workspace = write(tmp_path, {SYNC: f"{text}emit: {{type: stdout}}\n"})
        outcome = run_syncs(workspace, "acme")[0].judgements[0].outcome
        assert [record["data"] for record in outcome.records] == [{"id": "1", "n": 2}, {"id": "3", "n": 1}]

    def test_a_golden_that_is_none_is_named(self, tmp_path: Path) -> None:
        workspace = write(tmp_path, {GOLDEN: '{"events": 1}'})
        assert describe(run_syncs(workspace, "acme")[0]) == [
            ("TST101", "the golden result cannot be read: it is not a golden result of a sync")
        ]


class TestOverrides:
    OVERRIDE = "connector: shop\nsyncs: { people: { transform: { plan: record.plan } } }\n"

    def test_what_only_an_override_changes_is_no_difference(self, tmp_path: Path) -> None:
        accept(write(tmp_path))
        workspace = write(tmp_path, {"accounts/acme.yaml": self.OVERRIDE})
        assert states(run_syncs(workspace)) == [("acme", ["overridden"]), ("globex", ["same"])]

    def test_update_writes_the_account_its_own_golden(self, tmp_path: Path) -> None:
        accept(write(tmp_path))
        workspace = write(tmp_path, {"accounts/acme.yaml": self.OVERRIDE})
        assert accept(workspace) == 1
        own = tmp_path / "connectors/shop/expected/syncs/people/acme/crm.people.list.json"
        assert json.loads(own.read_text())["events"][0]["data"]["plan"] == "free"
        changed = write(
            tmp_path, {"accounts/acme.yaml": self.OVERRIDE.replace("record.plan", "$uppercase(record.plan)")}
        )
        finding = run_syncs(changed, "acme")[0].all_findings[0]
        assert (finding.message, finding.path) == ("data.plan changed in 3 events", "syncs.people.transform.plan")
        assert finding.span is not None and finding.span.file == "accounts/acme.yaml"

    def test_a_mapping_override_of_an_account_is_none_either(self, tmp_path: Path) -> None:
        accept(write(tmp_path))
        override = "override: {crm.people.response_mapping.email: $uppercase(response.mail)}\n"
        workspace = write(tmp_path, {"accounts/acme.yaml": f"connector: shop\n{override}"})
        assert states(run_syncs(workspace)) == [("acme", ["overridden"]), ("globex", ["same"])]

    def test_an_own_recording_has_an_own_golden(self, tmp_path: Path) -> None:
        own = RECORDING.replace("recordings/", "recordings/acme/")
        workspace = write(tmp_path, {own: build_recording([PEOPLE[:1]])})
        assert accept(workspace) == 2
        golden = json.loads((tmp_path / "connectors/shop/expected/syncs/people/acme/crm.people.list.json").read_text())
        assert len(golden["events"]) == 1


class TestFailures:
    def test_a_record_that_fails_stops_the_run(self, tmp_path: Path) -> None:
        people = [*PEOPLE[:2], {"id": "3", "mail": None}]
        text = DOCUMENT.replace("record.email", "$uppercase(record.email)").replace("emit", "on_error: stop\nemit")
        workspace = write(tmp_path, {SYNC: text, RECORDING: build_recording([people])})
        report = run_syncs(workspace, "acme")[0]
        assert report.failed
        codes = {finding.code: finding for finding in report.all_findings}
        assert codes["SYN120"].message.startswith("1 record of the recording default cannot be delivered, so the run")
        assert accept(workspace) == 0, "a golden would hide it"

    def test_one_that_is_set_aside_is_a_warning_and_part_of_the_golden(self, tmp_path: Path) -> None:
        people = [*PEOPLE[:2], {"id": "3", "mail": None}]
        text = DOCUMENT.replace("record.email", "$uppercase(record.email)").replace("emit", "on_error: set_aside\nemit")
        workspace = write(tmp_path, {SYNC: text, RECORDING: build_recording([people])})
        assert accept(workspace) == 1
        assert json.loads((tmp_path / GOLDEN).read_text())["faults"][0]["record"] == 3
        report = run_syncs(workspace, "acme")[0]
        assert not report.failed and [code for code, _ in describe(report)] == ["SYN120"]

    def test_a_fault_has_its_position_in_the_listing(self, tmp_path: Path) -> None:
        pages = [PEOPLE[:2], [{"id": "3", "mail": None}]]
        text = DOCUMENT.replace("record.email", "$uppercase(record.email)")
        report = run_syncs(write(tmp_path, {SYNC: text, RECORDING: build_recording(pages)}), "acme")[0]
        assert "transform of record 3" in report.all_findings[0].message

    def test_a_sync_without_a_recording_has_no_case(self, tmp_path: Path) -> None:
        report = run_syncs(write(tmp_path, {RECORDING: build_recording([[]])}), "acme")[0]
        assert not report.recorded
        assert describe(report) == [
            ("REC101", "sync:people has no case: there is no recording of crm.people.list with records")
        ]

    def test_a_sync_that_cannot_run_says_why(self, tmp_path: Path) -> None:
        text = "source: {connector: shop, resource: nothing}\nemit: {type: stdout}\n"
        report = run_syncs(write(tmp_path, {SYNC: text}), "acme")[0]
        assert report.failed and report.all_findings[0].code == "SYN101"


class TestSelection:
    def names(self, root: Path, **settings: object) -> list[str]:
        reports = run_suite(load_workspace(root), Selection(**settings))  # type: ignore[arg-type]
        return [f"{report.name.text} {report.effective.account}" for report in reports]

    def test_everything_includes_syncs(self, tmp_path: Path) -> None:
        write(tmp_path, {SYNC: DOCUMENT.replace("\nsource:", "\naccounts: {tags: [eu]}\nsource:")})
        assert self.names(tmp_path) == ["crm.people.list acme", "sync:people acme", "crm.people.list globex"]

    def test_names_patterns_and_keywords(self, tmp_path: Path) -> None:
        write(tmp_path)
        assert self.names(tmp_path, operations=("sync:people",), accounts=("acme",)) == ["sync:people acme"]
        both = self.names(tmp_path, operations=("sync:p*", "people.list"), accounts=("acme",))
        assert both == ["crm.people.list acme", "sync:people acme"]
        assert self.names(tmp_path, keyword=KeywordExpression("sync and globex")) == ["sync:people globex"]
        assert self.names(tmp_path, raw=True, accounts=("acme",)) == []

    def test_an_unknown_sync_and_one_that_does_not_run_are_refused(self, tmp_path: Path) -> None:
        write(tmp_path, {SYNC: DOCUMENT.replace("\nsource:", "\naccounts: {tags: [eu]}\nsource:")})
        with pytest.raises(UsageError, match='no sync "peple"') as refusal:
            self.names(tmp_path, operations=("sync:peple",))
        assert "people" in refusal.value.hint
        with pytest.raises(UsageError, match='the sync "people" does not run for globex'):
            self.names(tmp_path, operations=("sync:people",), accounts=("globex",))


def test_the_work_for_accounts_without_the_sync_is_linear(tmp_path: Path) -> None:
    def count(number: int) -> int:
        root = tmp_path / str(number)
        accounts: dict[str, str | None] = {f"accounts/a{at}.yaml": "connector: shop\n" for at in range(number)}
        workspace = write(root, {SYNC: DOCUMENT.replace("\nsource:", "\naccounts: {tags: [eu]}\nsource:"), **accounts})
        return count_calls(lambda: list(plan_tests(workspace, Selection(operations=("sync:people",)))))

    _warm, first, twice, four_times = (count(number) for number in (1, 10, 20, 40))
    assert four_times - twice < 2.5 * (twice - first)


def test_the_vendors_own_listing_is_tested_on_the_recordings_of_unified_ones(tmp_path: Path) -> None:
    text = "source: {connector: shop, resource: people}\ntransform: {id: record.id, email: record.mail}\n"
    workspace = write(
        tmp_path, {SYNC: f"{text}emit: {{type: stdout}}\n", HTTP: write(tmp_path).document("connector", "shop").text}
    )
    outcome = run_syncs(workspace, "acme")[0].judgements[0].outcome
    assert outcome.records[0] == {"data": {"id": "1", "email": "ada@example.com"}}
