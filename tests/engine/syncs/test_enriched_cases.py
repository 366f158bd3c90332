"""In a case, recordings answer the calls of enrich steps. A record whose call has none is reported."""

from pathlib import Path

from sync_shop import ENRICHED, SYNC, accept, build_details, find_enriched_files, run_syncs, write_shop

from conn_engine.config import load_workspace
from conn_engine.testing.suite import OperationReport
from conn_engine.testing.sync_trial import try_sync


def run(tmp_path: Path, *recorded: str) -> OperationReport:
    return run_syncs(write_shop(tmp_path, find_enriched_files(*recorded)), "acme")[0]


def list_cities(report: OperationReport) -> list[object]:
    return [record["data"].get("city") for record in report.judgements[0].outcome.records]


def test_the_recordings_of_the_operation_answer_the_calls(tmp_path: Path) -> None:
    report = run(tmp_path, "1", "2", "3")
    assert list_cities(report) == ["City 1", "City 2", "City 3"]
    assert [finding.code for finding in report.all_findings] == ["TST103"]


def test_a_call_without_a_recording_is_reported_once_and_keeps_the_record(tmp_path: Path) -> None:
    report = run(tmp_path, "2")
    assert list_cities(report) == [None, "City 2", None]
    [finding] = [finding for finding in report.all_findings if finding.code == "SYN119"]
    assert finding.message.startswith("2 records of the recording default cannot be enriched in the case")
    assert finding.span is not None and (finding.span.file, finding.span.line) == (SYNC, 3)
    assert not report.failed


def test_a_changed_recording_changes_the_golden(tmp_path: Path) -> None:
    accept(write_shop(tmp_path, find_enriched_files("1", "2", "3")), "acme")
    other = find_enriched_files("1", "2", "3")
    name = "connectors/shop/recordings/people.get.p2.json"
    other[name] = other[name].replace("City 2", "Town 2")
    [finding] = run_syncs(write_shop(tmp_path, other), "acme")[0].all_findings
    assert finding.message == "data.city changed in 1 event"


def test_a_recorded_error_is_what_a_run_would_meet(tmp_path: Path) -> None:
    files = find_enriched_files("1", "2", "3") | {
        "connectors/shop/recordings/people.get.p3.json": build_details("3", 404)
    }
    report = run_syncs(write_shop(tmp_path, files), "acme")[0]
    assert list_cities(report) == ["City 1", "City 2"]
    assert "SYN120" in [finding.code for finding in report.all_findings]


def test_try_names_the_calls_without_a_recording(tmp_path: Path) -> None:
    trial = try_sync(write_shop(tmp_path, find_enriched_files("1")), "people", "acme")
    assert {name.text: count for name, count in trial.unrecorded.items()} == {"people.get": 2}


def test_a_field_that_no_recorded_record_has_is_reported(tmp_path: Path) -> None:
    misspelled = {SYNC: ENRICHED.replace("details.city", "details.ctiy")}
    files = find_enriched_files("1", "2", "3") | misspelled
    report = run_syncs(write_shop(tmp_path / "all", files), "acme")[0]
    [finding] = [finding for finding in report.all_findings if finding.code == "SYN121"]
    assert finding.message == "city has no value in any of 3 events"
    assert finding.span is not None and (finding.span.file, finding.span.line) == (SYNC, 4)
    assert try_sync(load_workspace(tmp_path / "all"), "people", "acme").empty == ("city",)
    some = write_shop(tmp_path / "some", find_enriched_files() | misspelled)
    assert "SYN121" not in [finding.code for finding in run_syncs(some, "acme")[0].all_findings]
