"""What the page shows while somebody types: rows, records, and results field by field."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_bench import Post, ask, edit, find_row, write_shop

from conn_service.studio.session import StudioSession

OWNER = "request_body_mapping.properties.hubspot_owner_id"
EMAIL = "response.properties.email"


def test_a_row_for_each_field_of_the_model_with_what_every_level_sets(post: Post) -> None:
    answer = post("operation")
    email = find_row(answer, "email")
    assert (email["badge"], email["scope"], email["state"], email["kind"]) == ("account", "resource", "own", "field")
    assert email["expression"] == f"$uppercase({EMAIL})"
    assert [(row["level"], row["place"], row["expression"], row["overridden"]) for row in email["levels"]] == [
        ("account", {"file": "accounts/acme.yaml", "line": 13}, f"$uppercase({EMAIL})", False),
        ("base", {"file": "connectors/hubspot/unified/crm.yaml", "line": 12}, EMAIL, True),
    ]
    title, department = find_row(answer, "title"), find_row(answer, "department")
    assert (title["badge"], title["state"], title["expression"]) == ("base", "inherited", None)
    assert (department["badge"], department["state"], department["kind"]) == (None, "none", "unmapped")
    assert find_row(answer, "id")["required"] and find_row(answer, "addresses")["type"] == "list of object"
    fields = [row["field"] for row in answer["rows"]]
    assert fields[:3] == ["id", "first_name", "last_name"]
    assert answer["record"] == "crm.contact" and answer["file"]["path"] == "accounts/acme.yaml"
    assert [row["field"] for row in answer["others"]][-2:] == ["query_mapping.limit", "query_mapping.archived"]


def test_rows_have_the_edits_and_the_environment_is_a_level_of_its_own(post: Post) -> None:
    edits = [edit("title", "'x'"), edit("email", action="remove"), edit("department", "null")]
    answer = post("operation", edits=edits)
    assert (find_row(answer, "title")["state"], find_row(answer, "title")["expression"]) == ("own", "'x'")
    assert (find_row(answer, "email")["state"], find_row(answer, "email")["badge"]) == ("inherited", "base")
    assert find_row(answer, "department")["state"] == "left out"
    deals = post("operation", operation="crm.deals.list", level="environment")
    assert deals["file"] == deals["file"] | {"path": "environments/production.yaml", "shared_by": 1}
    assert find_row(deals, "currency")["state"] == "own"


@pytest.mark.parametrize(
    ("account", "operation", "field", "expected"),
    [
        ("globex", "crm.contacts.list", "response_mapping", ("expression", "account", "own", False)),
        ("globex", "crm.companies.list", "name", ("field", "account", "own", False)),
        ("globex", "crm.companies.list", "phone_numbers", ("unmapped", None, "none", False)),
        ("globex", "crm.deals.list", "probability", ("unmapped", "account", "left out", False)),
        ("initech", "ticketing.tickets.list", "custom_fields", ("group", "account", "own", False)),
        ("initech", "ticketing.tickets.list", "custom_fields.state_reason", ("field", "account", "own", False)),
        ("initech", "ticketing.tickets.get", "error_mapping.message", ("field", "account", "own", False)),
        ("umbrella", "crm.companies.list", "query_mapping", ("replaced", "account", "own", True)),
        (
            "globex",
            "crm.deals.create",
            OWNER,
            ("field", "account", "own", False),
        ),
    ],
)
def test_every_kind_of_mapping_has_rows(
    post: Post, account: str, operation: str, field: str, expected: tuple[str, str | None, str, bool]
) -> None:
    answer = post("operation", account=account, operation=operation)
    row = find_row({"rows": answer["rows"] + answer["others"]}, field)
    assert (row["kind"], row["badge"], row["state"], row["replace"]) == expected


def test_steps_are_shown_with_their_place(post: Post) -> None:
    steps = post("operation", account="globex")["steps"]
    assert [(step["key"], step["level"], step["place"]["file"]) for step in steps] == [
        ("after", "account", "accounts/globex.yaml")
    ]
    assert "[result[email]]" in steps[0]["text"]


def test_an_edit_changes_the_records_and_says_what_was(post: Post) -> None:
    answer = post("evaluate", sequence=7, count=2, edits=[edit("title", "$uppercase(response.properties.jobtitle)")])
    assert (answer["sequence"], answer["total"], len(answer["records"])) == (7, 8, 2)
    first = answer["records"][0]
    assert (first["id"], first["changed"], first["errors"], first["violations"]) == ("101", ["title"], {}, [])
    assert (first["saved"]["title"], first["unified"]["title"]) == ("Head of Procurement", "HEAD OF PROCUREMENT")
    assert sorted(first["differs"]) == ["custom_fields.industry_score", "email", "title"]
    whole = post("evaluate", edits=[edit("title", "$uppercase(response.properties.jobtitle)")])
    assert (whole["records"], whole["summary"]) == ([], {"title": 6})


def test_a_broken_expression_concerns_one_field_and_its_place_is_counted_as_javascript_does(post: Post) -> None:
    edits = [edit("title", '"\U0001f600" & $nothing(1)'), edit("department", "'sales'")]
    answer = post("evaluate", count=8, edits=edits)
    fault = answer["faults"]["title"]
    assert (fault["offset"], fault["end"], fault["token"], fault["records"]) == (7, 15, "$nothing", 8)
    assert fault["fix"].startswith("did you mean") and fault["text"] == edits[0]["expression"]
    assert fault["ids"] == ["101", "102", "103", "104", "105"]
    assert all("title" not in row["unified"] and row["changed"] == ["department"] for row in answer["records"])


def test_a_field_that_fails_on_some_records_names_them(post: Post) -> None:
    answer = post("evaluate", count=8, edits=[edit("title", "$number(response.properties.jobtitle)")])
    fault = answer["faults"]["title"]
    assert fault["records"] == 5 and "104" not in fault["ids"]
    assert sum("title" in row["errors"] for row in answer["records"]) == 5


def test_a_violation_of_the_model_is_at_its_record_with_a_fix(post: Post) -> None:
    answer = post("evaluate", count=1, edits=[edit("title", "42")])
    [violation] = answer["records"][0]["violations"]
    assert violation == {
        "path": "title",
        "message": "is not of type null or string",
        "fix": "convert it to text: $string(…)",
    }
    assert [(row["path"], row["records"], row["id"]) for row in answer["violations"]] == [("title", 1, "101")]


def test_an_expression_that_does_not_end_stops_alone(post: Post) -> None:
    endless = "($f := function($x) { $f($x + 1) }; $f(1))"
    answer = post("evaluate", count=1, edits=[edit("title", endless)])
    assert answer["faults"]["title"]["code"] in ("depth", "steps", "timeout")
    assert answer["records"][0]["unified"]["id"] == "101"


def test_records_come_in_parts_and_an_ending_is_said(post: Post) -> None:
    answer = post("records", **{"from": 6, "count": 5})
    assert (answer["total"], [row["index"] for row in answer["records"]]) == (8, [6, 7])
    assert answer["records"][0]["vendor"]["id"] == "107"
    limited = post("records", case="rate_limited")
    assert limited["error"]["kind"] == "rate_limited" and limited["total"] == 3


def test_who_reads_a_field_of_the_vendor_follows_the_edits(post: Post) -> None:
    before = post("readers")
    assert before["readers"]["properties.email"] == ["email", "emails"]
    assert "properties.jobtitle" not in before["unread"] and "properties.hs_object_id" in before["unread"]
    after = post("readers", edits=[edit("title", "response.properties.hs_object_id")])
    assert after["readers"]["properties.hs_object_id"] == ["title"] and "properties.jobtitle" in after["unread"]


def test_why_a_field_has_its_value_with_the_edits(post: Post) -> None:
    answer = post("why", record=0, field="email", edits=[edit("email", "$lowercase($base.email)")])
    assert (answer["value"], answer["defined"]) == ("ada.okonkwo@example.com", True)
    account, base = answer["levels"]
    assert (account["level"], account["effective"], account["reads"][0]["path"]) == ("account", True, "$base")
    assert base["reads"] == [{"path": EMAIL, "defined": True, "value": "ada.okonkwo@example.com"}]
    assert base["place"] == {"file": "connectors/hubspot/unified/crm.yaml", "line": 12}
    every = post("why", record=1)["fields"]
    assert {"id", "email", "custom_fields"} <= {field["field"] for field in every}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"account": "acm"}, "acme"),
        ({"operation": "crm.contacts.lst"}, "contacts.list"),
        ({"case": "nothing"}, "default"),
        ({"edits": [edit("zodiac", "'x'")]}, "custom_fields.zodiac"),
        ({"edits": [edit("title", action="remove")]}, "does not override"),
    ],
)
def test_what_cannot_be_done_is_an_error_of_the_commands(post: Post, values: dict[str, object], text: str) -> None:
    answer = post("evaluate", 422, **values)
    assert answer["kind"] == "error" and text in answer["message"] + answer["fix"]


def test_a_request_of_another_form_is_refused(page: TestClient) -> None:
    for body in (b"[]", b"{", b'{"account": "acme"}', b'{"account": "acme", "operation": "x", "nope": 1}', b"\xff"):
        answer = page.post("/api/evaluate", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "request")


def test_pickers(page: TestClient) -> None:
    assert page.get("/api/workspace").json()["accounts"] == 4
    found = page.get("/api/accounts?search=health").json()
    assert [(row["name"], row["label"]) for row in found["accounts"]] == [("umbrella", "Umbrella Health")]
    assert [row["name"] for row in page.get("/api/accounts?limit=2").json()["accounts"]] == ["acme", "globex"]
    operations = page.get("/api/operations?account=acme").json()["operations"]
    assert operations[0] == operations[0] | {"name": "crm.contacts.list", "recordings": 11, "enabled": True}


def test_steps_after_the_mapping_drop_records_and_the_others_stay_paired(post: Post) -> None:
    """Globex returns only contacts with an e-mail address."""
    answer = post("evaluate", account="globex", count=8)
    states = {row["id"]: (row["returned"], bool(row["unified"].get("email"))) for row in answer["records"]}
    assert {returned for returned, _ in states.values()} == {"same", "dropped"}
    assert all((returned == "same") == has_email for returned, has_email in states.values())
    broken = post("evaluate", account="globex", count=8, edits=[edit("response_mapping", "{")])
    assert {row["returned"] for row in broken["records"]} == {"unknown"}


def test_vendor_records_have_the_id_of_their_unified_record(post: Post) -> None:
    assert [row["id"] for row in post("records", count=3)["records"]] == ["101", "102", "103"]


def test_a_mapping_of_a_whole_page_is_paired_with_the_vendors_records(tmp_path: Path) -> None:
    write_shop(tmp_path)
    path = tmp_path / "connectors/shop/recordings/crm.contacts.list.json"
    recording = json.loads(path.read_text())
    people = [{"id": "1", "mail": "a@x.example"}, {"id": "2"}, {"id": "3", "mail": "c@x.example"}]
    recording["exchanges"][0]["response"]["body"] = {"items": people}
    path.write_text(json.dumps(recording))
    unified = tmp_path / "connectors/shop/unified/crm.yaml"
    unified.write_text(
        "resources:\n  contacts:\n    list:\n      resource: people\n      each: page\n"
        '      response_mapping: \'response.items[mail].{ "id": id, "email": mail }\'\n'
    )
    (tmp_path / "accounts/acme.yaml").write_text("connector: shop\n")
    session = StudioSession(tmp_path)
    place = {"account": "acme", "operation": "crm.contacts.list"}
    records = ask(session, "records", **place)
    assert (records["each"], records["total"], records["records"][0]["vendor"]) == ("page", 1, {"items": people})
    [row] = ask(session, "evaluate", **place, count=1)["records"]
    assert (row["list"], row["returned"]) == (True, "same")
    assert [record["id"] for record in row["unified"]] == ["1", "3"]
    assert row["items"] == [["items", 0], ["items", 2]]
    upper = {"operation": "crm.contacts.list", "field": "response_mapping", "scope": "operation", "action": "replace"}
    edits = [{**upper, "expression": "response.items.{ 'id': id, 'email': $uppercase(mail) }"}]
    [row] = ask(session, "evaluate", **place, count=1, edits=edits)["records"]
    assert [record.get("email") for record in row["unified"]] == ["A@X.EXAMPLE", None, "C@X.EXAMPLE"]
    why = ask(session, "why", **place, record=0, item=1, field="email")
    [level] = why["levels"]
    assert (why["value"], level["level"], level["value"], why["of_page"]) == (
        "c@x.example", "base", "c@x.example", True,
    )  # fmt: skip
    [whole] = [row for row in ask(session, "operation", **place)["rows"] if row["kind"] == "expression"]
    assert (whole["field"], whole["badge"], whole["scope"]) == ("response_mapping", "base", "operation")
