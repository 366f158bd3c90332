"""The contract every connector folder must pass: documents, recordings, goldens, operations, secrets."""

import json
import re
from pathlib import Path

import pytest

from conn_engine.analysis.score.contract import read_contract
from conn_engine.config import load_workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import VendorError
from conn_engine.lint import lint_paths
from conn_engine.recordings.files import load_recording
from conn_engine.testing.cases import find_cases, replay
from conn_engine.testing.suite import Selection, run_suite
from conn_engine.webhooks.recorded import load_delivery

ROOT = Path(__file__).parents[2]
CONNECTORS = sorted(path.parent.name for path in (ROOT / "connectors").glob("*/connector.yaml"))
HEADER = "# yaml-language-server: $schema=../../"


@pytest.fixture(params=CONNECTORS)
def connector(request):
    return request.param


def test_the_catalogue_has_the_connectors_it_promises():
    assert {
        "asana",
        "attio",
        "bamboohr",
        "calendly",
        "github",
        "google_calendar",
        "hubspot",
        "intercom",
        "jira",
        "linear",
        "microsoft_graph",
        "notion",
        "pipedrive",
        "salesforce",
        "slack",
        "stripe",
        "xero",
        "zendesk",
    } <= set(CONNECTORS)


def test_lints_without_a_finding(connector):
    result = lint_paths(ROOT, [Path("connectors") / connector])
    assert [f"{f.span} {f.code} {f.message}" for f in result.findings] == []
    assert result.files > 5


def test_every_recorded_case_passes_and_has_a_golden(connector):
    reports = list(run_suite(load_workspace(ROOT), Selection(connector=connector)))
    assert reports
    for report in reports:
        problems = [f for f in report.all_findings if f.severity is not Severity.INFO]
        assert [(report.name.text, f.code, f.message) for f in problems] == []
        assert report.recorded, f"{report.name.text} has no recording"
        for judgement in report.judgements:
            assert judgement.golden == "same", judgement.case.path.name


def test_some_listing_is_recorded_over_three_pages(connector):
    pages = [len(_recording(path).exchanges) for path in _recordings(connector) if path.name.endswith(".list.json")]
    assert max(pages) >= 3


def test_an_error_and_a_rate_limit_are_recorded(connector):
    workspace = load_workspace(ROOT)
    effective = workspace.effective(account=None, connector=connector)
    kinds = set()
    for case in find_cases(workspace, effective, effective.operations()):
        error = replay(effective, case.name, case.recording).error
        if isinstance(error, VendorError):
            kinds.add(error.kind)
            if error.kind == "rate_limited":
                assert error.retry_after is not None and error.retry_after >= 0
    assert "rate_limited" in kinds
    assert kinds & {"not_found", "invalid_request", "conflict", "forbidden"}


def test_reads_and_writes_are_mapped(connector):
    effective = load_workspace(ROOT).effective(account=None, connector=connector)
    methods = {name.method for name in effective.operations() if name.kind == "unified"}
    missing = {"list", "get", "create", "update", "delete"} - methods
    not_offered = read_contract(load_workspace(ROOT), connector).not_offered
    assert missing <= {operation.rpartition(".")[2] for operation in not_offered}


def test_recordings_say_where_they_come_from_and_hold_no_credential(connector):
    for path in _recordings(connector):
        text = path.read_text(encoding="utf-8")
        recording = _recording(path)
        assert recording.source in ("contract", "emulator") and recording.note, f"{path.name}: how was it made?"
        assert recording.operation and path.name.startswith(recording.operation)
        assert not re.search(r'"(authorization|cookie|set-cookie|x-api-token|x-api-key)"', text, re.IGNORECASE), (
            path.name
        )
        assert not re.search(r"Bearer [A-Za-z0-9]", text), path.name


def test_the_readme_has_the_steps_to_the_credential(connector):
    readme = (ROOT / "connectors" / connector / "README.md").read_text(encoding="utf-8")
    steps = re.search(r"^## (?:Credentials|Connect an account)\n(.*?)(?=^## |\Z)", readme, re.DOTALL | re.MULTILINE)
    assert steps, "no section Credentials"
    assert "conn auth login ACCOUNT" in steps[1] or "conn auth set ACCOUNT" in steps[1]
    places = (
        r"(?i)settings|developer|admin cent|console|dashboard|api keys|setup|api\.slack\.com|my-integrations|atlassian"
    )
    assert re.search(places, steps[1]), "where is it in the vendor's pages?"
    names = set(
        re.findall(r"env\.([A-Z0-9_]+)", (ROOT / "connectors" / connector / "connector.yaml").read_text("utf-8"))
    )
    assert {name for name in names if name not in readme} == set()


def test_documents_carry_the_editor_header_and_the_folder_is_explained(connector):
    folder = ROOT / "connectors" / connector
    for path in [folder / "connector.yaml", *folder.glob("unified/*.yaml")]:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(HEADER), path
        assert (path.parent / first.partition("$schema=")[2]).resolve().is_file(), "an editor would not find the schema"
    for path in _recordings(connector):
        named = json.loads(path.read_text(encoding="utf-8"))["$schema"]
        assert (path.parent / named).resolve() == ROOT / "schemas" / "recording.schema.json"
    assert len((folder / "README.md").read_text(encoding="utf-8").splitlines()) > 10


def test_no_golden_is_left_over(connector):
    folder = ROOT / "connectors" / connector
    recorded = {path.name for path in _recordings(connector)}
    assert {path.name for path in (folder / "expected").glob("*.json")} == recorded
    delivered = {path.name for path in _deliveries(connector)}
    assert {path.name for path in (folder / "expected" / "deliveries").glob("*.json")} == delivered


def test_every_unified_event_is_delivered_and_a_forged_delivery_refused(connector):
    effective = load_workspace(ROOT).effective(account=None, connector=connector)
    if effective.webhooks is None:
        assert not effective.events and not _deliveries(connector)
        return
    goldens = [
        json.loads((path.parents[1] / "expected" / "deliveries" / path.name).read_text(encoding="utf-8"))
        for path in _deliveries(connector)
    ]
    told = {event["type"] for golden in goldens for event in golden["events"]}
    for name, _ in effective.events:
        record = effective.get_unified(name.model, name.resource, "list").record
        assert f"{name.model}.{record}.{name.action}" in told
    assert {"wrong_signature"} <= {golden["refused"]["code"] for golden in goldens if "refused" in golden}
    assert any(event["type"].startswith(f"{connector}:") for golden in goldens for event in golden["events"])


def test_deliveries_say_where_they_come_from(connector):
    for path in _deliveries(connector):
        delivery = load_delivery(path, path.name)
        assert delivery.source == "live" or delivery.note, f"{path.name} does not say how it was made"
        assert delivery.verified_by is None, f"{path.name} cannot be verified again"
        named = json.loads(path.read_text(encoding="utf-8"))["$schema"]
        assert (path.parent / named).resolve() == ROOT / "schemas" / "delivery.schema.json"


def test_no_engine_module_knows_the_vendor(connector):
    for path in (ROOT / "engine").rglob("*.py"):
        text = re.sub(r"linear (time|in the)", "", path.read_text(encoding="utf-8"))
        assert not re.search(rf"\b{connector}\b", text, re.IGNORECASE), path


def _recordings(connector):
    return sorted((ROOT / "connectors" / connector / "recordings").glob("*.json"))


def _deliveries(connector):
    return sorted((ROOT / "connectors" / connector / "deliveries").glob("*.json"))


def _recording(path):
    return load_recording(path, path.name)
