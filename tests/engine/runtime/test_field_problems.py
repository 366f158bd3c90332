"""A field whose expression fails on some records: what callers, `conn test` and `why` report, and what still fails."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from conn_engine.config import Workspace, load_workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import ExpressionError
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import AsyncConnection, Connection
from conn_engine.runtime.field_problems import (
    _identify,
    describe_problem,
    find_failing_fields,
    is_strict,
    merge_problems,
)
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.explanation import explain_value
from conn_engine.testing.goldens import update_golden
from conn_engine.testing.suite import Selection, run_suite
from conn_engine.transport.faults import Faults, json_answer
from conn_engine.wire import FieldProblem

CRM_FILE, LIST = "connectors/shop/unified/crm.yaml", "connectors/shop/recordings/crm.contacts.list.json"
CRM = """\
resources:
  contacts:
    list:
      resource: people
      response_mapping:
        id: $string(response.id)
        first_name: $uppercase(response.name)
        custom_fields: { score: $number(response.score) }
    get:
      resource: people
      response_mapping: { id: $string(response.id), custom_fields: { score: $number(response.score) } }
"""
PAGES = [
    {"items": [{"id": 1, "name": "a", "score": "1"}, {"id": 2, "name": None, "score": "n/a"}], "next": "x"},
    {"items": [{"id": 3, "score": None}, {"id": 4, "name": "d", "score": "-"}], "next": "y"},
    {"items": [{"id": 5, "name": "e", "score": "5"}, {"id": 6, "name": ["f"], "score": "?"}], "next": None},
]
SCORES = [{"score": 1}, None, None, None, {"score": 5}, None]


def told(problems: tuple[FieldProblem, ...]) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {problem.field: (problem.records, problem.first_ids) for problem in problems}


def test_each_page_has_the_problems_of_its_records(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    made = run(make({CRM_FILE: CRM}), "contacts.list", PAGES)
    assert [record.get("custom_fields") for record in made.records] == SCORES
    assert [record.get("first_name") for record in made.records] == ["A", None, None, "D", "E", None]
    assert [told(page.problems) for page in made.pages] == [
        {"custom_fields.score": (1, ("2",))},
        {"custom_fields.score": (1, ("4",))},
        {"first_name": (1, ("6",)), "custom_fields.score": (1, ("6",))},
    ]
    problem = made.pages[0].problems[0]
    assert 'Unable to cast value to a number: "n/a"' in problem.message
    assert problem.at == "crm.contacts.list.response_mapping.custom_fields.score"
    assert problem.text == "$number(response.score)"


def test_counts_are_right_after_resuming_from_any_page(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    workspace = make({CRM_FILE: CRM})
    whole = run(workspace, "contacts.list", PAGES)
    for stop in (1, 2):
        rest = run(workspace, "contacts.list", PAGES[stop:], Call(cursor=whole.pages[stop - 1].next_cursor))
        parts = [*whole.pages[:stop], *rest.pages]
        assert merge_problems(*(page.problems for page in parts)) == merge_problems(
            *(page.problems for page in whole.pages)
        )


def test_a_record_without_an_id_is_named_by_its_place(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    crm = CRM.replace("        id: $string(response.id)\n", "")
    made = run(make({CRM_FILE: crm}), "contacts.list", PAGES)
    assert made.pages[1].problems[0].first_ids == ("record 2 of page 2",)
    one = run(
        make({CRM_FILE: crm.replace("id: $string(response.id), ", "")}), "contacts.get", [{"score": "x"}], Call(id="1")
    )
    assert one.pages[0].problems[0].first_ids == ("the record",)


def test_memory_is_bounded(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    many = {"items": [{"id": number, "score": "x"} for number in range(1_000)], "next": None}
    [problem] = run(make({CRM_FILE: CRM}), "contacts.list", [many]).pages[0].problems
    assert (problem.records, problem.first_ids) == (1_000, ("0", "1", "2", "3", "4"))
    [merged] = merge_problems([problem], [problem])
    assert (merged.records, merged.first_ids) == (2_000, problem.first_ids)
    assert "fails on 2,000 of 2,000 records (first id=0, 1, 2, 3, 4, …)" in describe_problem(merged, 2_000)
    assert "fails on 2,000 records" in describe_problem(merged, 1_999)  # a step has dropped one


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("id: $string(response.id)\n", "id: $number(response.score)\n", "id"),
        ("      response_mapping:\n", "      on_error: fail\n      response_mapping:\n", "first_name"),
        ("    list:\n", "    on_error: fail\n    list:\n", "first_name"),  # null too
        ("    list:\n", "    on_error: {custom_fields.score: fail}\n    list:\n", "custom_fields.score"),
        ("    list:\n", "    on_error: {custom_fields: fail}\n    list:\n", "custom_fields.score"),
        ("    list:\n", "    record: strict\n    list:\n", "custom_fields.score"),
    ],
)
def test_what_must_not_fail_fails_the_run(
    make: Callable[..., Workspace], run: Callable[..., Any], old: str, new: str, at: str
) -> None:
    schema = {
        "properties": {"custom_fields": {"$ref": "#/$defs/more"}},
        "$defs": {"more": {"properties": {"score": {}}, "required": ["score"]}},
    }
    workspace = make({CRM_FILE: CRM.replace(old, new, 1), "models/crm/strict.schema.json": schema})
    with pytest.raises(ExpressionError) as caught:
        run(workspace, "contacts.list", PAGES)
    assert caught.value.at == f"crm.contacts.list.response_mapping.{at}"


def test_an_operation_sets_what_its_resource_sets_otherwise(
    make: Callable[..., Workspace], run: Callable[..., Any]
) -> None:
    crm = CRM.replace("    list:\n", "    on_error: fail\n    list:\n      on_error: { id: fail }\n", 1)
    assert run(make({CRM_FILE: crm}), "contacts.list", PAGES).records[0]["custom_fields"] == {"score": 1}
    account = {"connector": "shop", "override": {"unified": {"crm": {"contacts": {"list": {"on_error": "fail"}}}}}}
    with pytest.raises(ExpressionError):
        run(make({CRM_FILE: CRM, "accounts/acme.yaml": account}), "contacts.list", PAGES)


def test_a_part_of_a_required_list_is_strict(make: Callable[..., Workspace]) -> None:
    schema = {
        "properties": {
            "mails": {"items": {"required": ["mail"], "properties": {"mail": {}, "type": {}}}},
            "all": {"readOnly": True},
        },
        "required": ["all"],
    }
    effective = make({CRM_FILE: CRM, "models/crm/contact.schema.json": schema}).effective(account="acme")
    name = effective.resolve("contacts.list")
    fields = [("mails", 0, "mail"), ("mails", 0, "type"), ("mails",), ("all", "deep"), ("other",)]
    assert [is_strict(effective, name, field) for field in fields] == [True, False, False, True, False]


@pytest.mark.parametrize(
    "mapping", ["'[response.items.{\"id\": $number(name)}]'", "{ id: 1, name: $number(response.x) }"]
)
def test_a_mapping_of_a_page_fails_the_run(
    make: Callable[..., Workspace], run: Callable[..., Any], mapping: str
) -> None:
    crm = f"resources: {{contacts: {{list: {{resource: people, each: page, response_mapping: {mapping}}}}}}}\n"
    with pytest.raises(ExpressionError):
        run(make({CRM_FILE: crm}), "contacts.list", [{"items": [{"name": "x"}], "x": "y", "next": None}])


def test_other_mappings_fail_as_before(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    crm = CRM.replace(
        "      response_mapping:\n", "      query_mapping: { size: $number(query.limit) }\n      response_mapping:\n", 1
    )
    with pytest.raises(ExpressionError):
        run(make({CRM_FILE: crm}), "contacts.list", PAGES, Call(query={"limit": "many"}))


class Scripted(Faults):
    async def asend(self, request: Any) -> Any:
        return self.send(request)


def connections(make: Callable[..., Workspace]) -> tuple[Connection, AsyncConnection]:
    """Two connections to a vendor that sends the pages."""
    wiring = wire_account(make({CRM_FILE: CRM}), "acme", environ={}, vault=MemoryVault({"acme": {"token": "t"}}))
    first, second = (Scripted(map(json_answer, PAGES)) for _ in range(2))
    return Connection(wiring, first), AsyncConnection(wiring, second)


def test_the_library_tells_callers_that_get_only_records(
    make: Callable[..., Workspace], caplog: pytest.LogCaptureFixture
) -> None:
    sync, later = connections(make)
    row = {"field": "custom_fields.score", "records": 1, "first_ids": ["2"]}
    listed = sync.list("contacts.list")
    assert [{**row, "message": problem["message"]} for problem in listed["problems"]] == listed["problems"]

    async def collect() -> list[Any]:
        return [record async for record in later.records("contacts.list")]

    for read in (lambda: list(connections(make)[0].records("contacts.list")), lambda: asyncio.run(collect())):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "conn_engine"):
            assert [record.get("custom_fields") for record in read()] == SCORES
        assert [record.getMessage().partition(":")[2].strip()[:39] for record in caplog.records] == [
            "custom_fields.score fails on 3 of 6 rec",
            "first_name fails on 1 of 6 records (fir",
        ]


def test_pages_are_the_same_in_an_event_loop(make: Callable[..., Workspace]) -> None:
    sync, later = connections(make)

    async def collect() -> list[Any]:
        async with aclosing(later.pages("contacts.list")) as pages:
            return [page.problems async for page in pages]

    assert asyncio.run(collect()) == [page.problems for page in sync.pages("contacts.list")]


def test_a_finding_stands_at_the_expression(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    workspace = make({CRM_FILE: CRM})
    problems = merge_problems(*(page.problems for page in run(workspace, "contacts.list", PAGES).pages))
    found = find_failing_fields(workspace.effective(account="acme"), problems, 6, severity=Severity.WARNING)
    assert [(one.code, one.severity, one.span and one.span.line) for one in found] == [
        ("MAP204", Severity.WARNING, 8),
        ("MAP204", Severity.WARNING, 7),
    ]
    assert "on_error: {custom_fields.score: fail}" in found[0].hint
    assert found[0].message.startswith("custom_fields.score fails on 3 of 6 records (first id=2, 4, 6): ")


def test_why_shows_the_failure_and_the_null(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> None:
    body = {"items": [row for page in PAGES for row in page["items"]], "next": None}  # type: ignore[attr-defined]
    workspace = make({CRM_FILE: CRM, LIST: recorded("crm.contacts.list", [("GET", "/people", body)])})
    effective = workspace.effective(account="acme")
    name = effective.resolve("contacts.list")
    failing = explain_value(workspace, effective, name, "2", "custom_fields.score")
    assert 'cast value to a number: "n/a"' in failing.levels[0].error
    null = explain_value(workspace, effective, name, "3", "custom_fields.score")
    assert null.levels[0].error == ""
    assert null.levels[0].decisions[-1].startswith("a value that it uses is null: ")


def test_a_recorded_failure_is_an_error_and_a_null_is_not(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    def codes(rows: list[Any]) -> list[str]:
        files = {
            CRM_FILE: CRM,
            LIST: recorded("crm.contacts.list", [("GET", "/people", {"items": rows, "next": None})]),
        }
        reports = list(run_suite(make(files), Selection(operations=("contacts.list",))))
        return [finding.code for report in reports for finding in report.all_findings if finding.code != "TST103"]

    assert codes([{"id": 1, "name": "a", "score": "1"}, {"id": 2, "name": None, "score": None}]) == ["MAP206"] * 2
    assert codes([{"id": 1, "name": "a", "score": "1"}, {"id": 2, "name": "b", "score": "x"}]) == ["MAP204"]
    assert codes([{"id": 1, "name": None, "score": "1"}, {"id": 2, "name": None, "score": "2"}]) == ["MAP201"]


def test_a_null_in_a_mapping_without_a_golden_names_the_record_and_the_field(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    rows = [{"id": 1, "name": "a", "score": "1"}, {"id": 2, "name": None, "score": "2"}]
    tape = recorded("crm.contacts.list", [("GET", "/people", {"items": rows, "next": None})])
    workspace = make({CRM_FILE: CRM, LIST: tape})
    [report] = run_suite(workspace, Selection(operations=("contacts.list",)))
    [finding] = [finding for finding in report.all_findings if finding.code == "MAP206"]
    assert finding.message.startswith("first_name is empty in 1 of 2 records (first id=2)")
    assert (finding.severity, finding.path) == (Severity.INFO, "crm.contacts.list.response_mapping.first_name")
    assert finding.span is not None and finding.span.file == CRM_FILE
    for judgement in report.judgements:
        update_golden(judgement, Redactor(), within=workspace.root)
    [report] = run_suite(load_workspace(workspace.root), Selection(operations=("contacts.list",)))
    assert report.all_findings == []  # the author accepted it


@pytest.mark.parametrize("given", ["x" * 1_000_000, {"a": "x" * 1_000_000}, ["x" * 1_000_000], 10**5_000], ids=type)
def test_an_id_of_any_size_is_short_in_a_problem(given: object) -> None:
    assert len(_identify({"id": given}, 0, 1)) < 110
    assert (_identify({"id": 7}, 0, 1), _identify({"id": "a"}, 0, 1)) == ("7", "a")
    assert (_identify({"id": {}}, 1, 2), _identify(None, 0, None)) == ("record 2 of page 2", "the record")
