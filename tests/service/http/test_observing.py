"""What a service tells about itself: IDs of requests, the log, metrics, traces and health. None of it has values of a
request, secrets or personal data."""

import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from service_bench import CONNECTOR, Bench, open_bench, read_problem
from vendor import start_vendor

from conn_service.http.logs import LogFormat, write_logs
from conn_service.http.tracing import NO_TRACES, OpenTelemetryTraces, open_traces

CONTACTS = "/unified/crm/contacts"
PRIVATE = ("p1@example.com", "token-of-acme", "Ada", "secret-filter", "P1", "a%2Fb", "a/b")


@pytest.fixture
def log() -> Iterator[list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    with write_logs(lambda line: lines.append(json.loads(line)), "json"):
        yield lines


def read_metrics(bench: Bench) -> dict[tuple[str, ...], float]:
    """Return the samples by name and labels, in the order of their names."""
    response = bench.ask("GET", "/metrics", token=bench.issue("metrics", accounts=[]))
    assert response.status_code == 200
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


# --- the log ---


def test_a_request_is_one_line_of_the_log_with_its_id(bench: Bench, log: list[dict[str, Any]]) -> None:
    response = bench.ask("GET", f"{CONTACTS}?updated_after=secret-filter")
    missing = bench.ask("GET", f"{CONTACTS}/a%2Fb77")
    unknown = bench.ask("GET", "/p1@example.com")
    read_problem(missing)
    assert [line.pop("time")[-1] for line in log] == ["Z"] * 3
    assert all(line.pop("milliseconds") >= 0 for line in log)
    common = {"level": "info", "message": "request", "method": "GET"}
    of_acme = {"connector": "shop", "account": "acme", "token": bench.token.split("_")[1]}
    route = {"route": "/unified/{operation}"}
    assert log == [
        {
            **common,
            **of_acme,
            **route,
            "request_id": response.headers["conn-request-id"],
            "operation": "crm.contacts.list",
            "status": 200,
        },
        {
            **common,
            **of_acme,
            **route,
            "request_id": missing.headers["conn-request-id"],
            "operation": "crm.contacts.get",
            "status": 404,
            "kind": "not_found",
        },
        {
            **common,
            "route": "other",
            "request_id": unknown.headers["conn-request-id"],
            "status": 404,
            "kind": "unknown",
        },
    ]


def test_the_log_has_no_secrets_and_no_personal_data(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    failing = """\
override:
  unified:
    crm:
      contacts:
        list: { query_mapping: { since: $number(query.updated_after) } }
        create: { response_mapping: { first_name: $number(response.name) } }
"""
    with open_bench(tmp_path, override=failing) as bench:
        bench.ask("GET", f"{CONTACTS}?updated_after=secret-filter&limit=1")
        bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers={"idempotency-key": "Ada"})
        bench.ask("GET", f"{CONTACTS}/a%2Fb?remote_data=true")
        bench.vendor.answer = lambda got: (500, {"message": "p1@example.com"})
        bench.ask("GET", CONTACTS)
        bench.vendor.answer = lambda got: (200, {}, {"items": [{"id": [], "name": "P1", "mail": 1}]})
        bench.ask("GET", CONTACTS)
        bench.ask("GET", CONTACTS, token="conn_p1@example.com")
    text = json.dumps(log)
    assert len(log) >= 6
    assert [value for value in (*PRIVATE, bench.token) if value in text] == []


def test_an_unexpected_error_is_logged_without_its_message(
    bench: Bench, log: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("p1@example.com")

    monkeypatch.setattr(bench.vault, "load", fail)
    response = bench.ask("GET", CONTACTS)
    data = read_problem(response)
    assert (data["status"], data["kind"]) == (500, "internal")
    failure = next(line for line in log if line["message"] == "the request failed")
    assert (failure["error"], failure["request_id"]) == ("KeyError", response.headers["conn-request-id"])
    assert any("wiring.py:" in place for place in failure["places"])
    assert log[-1]["level"] == "error"
    assert "p1@example.com" not in json.dumps(log)


@pytest.mark.parametrize(("form", "text"), [("text", 'reason="a b"\n'), ("json", '"reason": "a b"')])
def test_a_line_as_text_or_json(form: LogFormat, text: str) -> None:
    lines: list[str] = []
    with write_logs(lambda line: lines.append(line + "\n"), form):
        logging.getLogger("conn_service.x").info("hello\nyou", extra={"members": {"status": 1, "reason": "a b"}})
        logging.getLogger("conn_engine").warning("what one answer says too")
        logging.getLogger("other").info("not ours")
    assert len(lines) == 1
    assert text in lines[0]
    assert logging.getLogger("conn_service").level == logging.NOTSET


# --- metrics ---


def test_metrics_count_requests_vendors_and_mappings(bench: Bench) -> None:
    bench.ask("GET", CONTACTS)
    bench.ask("GET", CONTACTS, headers={"accept": "application/x-ndjson"})
    bench.ask("GET", f"{CONTACTS}/77")
    bench.ask("GET", "/nowhere/p1@example.com")
    bench.ask("BREW", "/nowhere")
    bench.vendor.answer = lambda got: (429, {}, {})
    bench.ask("GET", CONTACTS)
    found = read_metrics(bench)
    route = "/unified/{operation}"
    assert found["conn_requests_total", "GET", route, "200"] == 2
    assert found["conn_requests_total", "GET", route, "404"] == 1
    assert found["conn_requests_total", "GET", "other", "404"] == 1
    assert found["conn_requests_total", "other", "other", "404"] == 1
    assert found["conn_request_seconds_count", route] == 4
    assert found["conn_vendor_requests_total", "shop", "2xx"] == 4
    assert found["conn_vendor_requests_total", "shop", "4xx"] == 1
    assert found["conn_vendor_requests_total", "shop", "429"] == 1
    assert found["conn_vendor_request_seconds_count", "shop"] == 6
    assert found["conn_mapping_seconds_count", "shop"] == 4
    assert found["conn_mapping_seconds_sum", "shop"] > 0
    assert found["conn_kept_connections",] == 1
    assert found["conn_requests_in_progress",] == 1
    assert ("conn_loop_lag_seconds_count",) in found
    assert not any("acme" in word or "example.com" in word for key in found for word in key)


def test_metrics_count_budgets(tmp_path: Path) -> None:
    limited = CONNECTOR.replace("slow_when_remaining: 1", "budget: [{{ requests: 1, per_seconds: 3600 }}]")
    with start_vendor(lambda got: {"items": []}) as vendor:
        files = {
            "conn.yaml": f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n',
            "connectors/shop/connector.yaml": limited.format(url=vendor.url, host=vendor.host),
        }
        with open_bench(tmp_path, files=files) as bench:
            assert [bench.ask("GET", CONTACTS).status_code for _ in range(2)] == [200, 429]
            found = read_metrics(bench)
    assert found["conn_budget_pauses_total", "shop", "refused"] == 1


def test_metrics_need_their_scope(bench: Bench) -> None:
    assert bench.client.get("/metrics").status_code == 401
    assert bench.ask("GET", "/metrics", token=bench.issue("unified:read")).status_code == 403


@pytest.mark.parametrize("bound", [{"accounts": ["acme"]}, {"accounts": [], "tenant": "acme"}])
def test_metrics_are_not_for_one_tenant(bench: Bench, bound: dict[str, Any]) -> None:
    answer = bench.ask("GET", "/metrics", token=bench.issue("metrics", **bound))
    assert (answer.status_code, answer.json()["kind"]) == (403, "forbidden")


def test_the_page_names_the_metrics_that_there_are(bench: Bench) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/how-to/operate-the-service.md").read_text("utf-8")
    rows = re.findall(r"^\| `(conn_[a-z_]+)` \|([^|]*)\|", page, re.MULTILINE)
    described = {name: set(re.findall(r"`([a-z]+)`", labels)) for name, labels in rows}
    text = bench.ask("GET", "/metrics", token=bench.issue("metrics", accounts=[])).text
    names = set(re.findall(r"^# TYPE (conn_[a-z_]+) (?:counter|gauge|histogram)$", text, re.MULTILINE))
    assert described.keys() == {name for name in names if not name.endswith("_created")}
    assert described["conn_vendor_requests_total"] == {"connector", "outcome"}


# --- traces ---


def test_a_request_and_its_exchanges_are_one_trace(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    spans = InMemorySpanExporter()
    traces = OpenTelemetryTraces(SimpleSpanProcessor(spans), {})
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with open_bench(tmp_path, traces=traces) as bench:
        response = bench.ask("GET", f"{CONTACTS}/a%2Fb?remote_data=true", headers=parent)
        bench.vendor.answer = lambda got: (500, {"message": "p1@example.com"})
        bench.ask("GET", f"{CONTACTS}?updated_after=secret-filter", headers={"accept": "application/x-ndjson"})
    exchange, request, failed, answer = spans.get_finished_spans()
    assert (request.name, exchange.name) == ("GET /unified/{operation}", "GET people.get")
    assert request.context is not None
    assert exchange.parent is not None
    assert request.parent is not None
    assert exchange.parent.span_id == request.context.span_id
    assert f"{request.parent.span_id:016x}" == "b7ad6b7169203331"
    assert log[0]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert dict(request.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/unified/{operation}",
        "http.response.status_code": 200,
        "conn.request_id": response.headers["conn-request-id"],
        "conn.connector": "shop",
        "conn.operation": "crm.contacts.get",
    }
    assert dict(exchange.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "conn.connector": "shop",
    }
    assert [span.status.status_code.name for span in (request, exchange, answer, failed)] == [
        "UNSET",
        "UNSET",
        "ERROR",
        "ERROR",
    ]
    shown = "".join(span.to_json() for span in spans.get_finished_spans())
    assert [value for value in (*PRIVATE, "acme", "127.0.0.1") if value in shown] == []


@pytest.mark.parametrize(
    ("environ", "is_on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_on_by_the_standard_variables(environ: dict[str, str], is_on: bool) -> None:
    traces = open_traces(environ)
    assert (traces is not NO_TRACES) is is_on
    traces.close()


def test_spans_arrive_at_the_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    with start_vendor(lambda got: (200, {}, b"")) as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        traces = open_traces(os.environ)
        with traces.trace_request([], {"name": "GET /unified/{operation}"}):
            pass
        traces.close()
    [got] = receiver.arrived
    assert (got.method, got.path) == ("POST", "/v1/traces")


def test_missing_libraries_of_traces_are_named(monkeypatch: pytest.MonkeyPatch, log: list[dict[str, Any]]) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert open_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) is NO_TRACES
    assert "pip install 'conn-engine[otel]'" in log[0]["message"]
