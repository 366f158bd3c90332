"""What a document does not allow in a recorded request."""

from typing import Any

import pytest

from conn_engine.analysis.drift.contract import Endpoint, Parameter, Shape
from conn_engine.analysis.drift.requests import RequestJudge
from conn_engine.recordings.files import RecordedRequest

BODY = {
    "type": "object",
    "required": ["name", "id"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "name": {"type": "string"},
        "kind": {"enum": ["new", "old"]},
        "born": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string", "nullable": True},
    },
}
COMPOSED = {"allOf": [BODY, {"properties": {"size": {"oneOf": [{"type": "integer"}, {"type": "boolean"}]}}}]}


@pytest.fixture
def judge() -> RequestJudge:
    query = [
        Parameter("limit", "query", kind="integer", shape=Shape.from_node({"type": "integer"})),
        Parameter("team", "query", required=True, shape=Shape.from_node({"enum": ["a", "b"]})),
        Parameter("api_key", "query", required=True),
    ]
    things = Endpoint("get", "/things", parameters=query)
    create = Endpoint("post", "/things", body=Shape.from_node(COMPOSED))
    return RequestJudge(
        {
            ("GET", "/v1/things"): things,
            ("POST", "/v1/things"): create,
            ("GET", "/v1/things/{}"): Endpoint("get", "/things/{id}"),
            ("GET", "/v1/things/count"): Endpoint("get", "/things/count", parameters=query[:1]),
        }
    )


def ask(method: str = "GET", path: str = "/v1/things", **more: Any) -> RecordedRequest:
    return RecordedRequest(method=method, url=f"https://api.shop.example{path}", **more)


@pytest.mark.parametrize(
    ("request_", "faults"),
    [
        (ask(query={"team": "a", "limit": "5"}), []),
        (ask(query={"team": "c", "limit": "five", "page": "1"}), [
            "the query parameter team has a value that the document does not list",
            "the query parameter limit is not of type integer",
            "the document does not have the query parameter page",
        ]),
        (ask(path="/v1/things?team=a"), []),
        (ask(), ["the required query parameter team is missing"]),
        (ask(path="/v1/things/count", query={"limit": "1"}), []),
        (ask(path="/v1/things/7"), []),
        (ask(path="/v1/others"), ["the document does not have GET /v1/others"]),
        (ask("DELETE", "/v1/things/7"), ["the document does not have DELETE /v1/things/7"]),
        (ask(path="/v1/things/7", body={"a": 1}), ["the document does not have a body"]),
    ],
)  # fmt: skip
def test_paths_and_query_parameters(judge: RequestJudge, request_: RecordedRequest, faults: list[str]) -> None:
    assert judge.find_faults(request_) == faults


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"name": "a", "kind": "new", "born": "2026-01-01", "tags": ["x"], "note": None, "size": 1}, []),
        ({"name": "a", "size": True}, []),
        ({}, ["name is required and missing"]),
        ([], ["the body is not of type object"]),
        ({"name": 1, "id": "7"}, ["id is read-only", "name is not of type string"]),
        ({"name": "a", "kind": "x", "born": "May", "tags": [1]}, [
            "kind has a value that the document does not list",
            "born is not in the format date",
            "tags[] is not of type string",
        ]),
        ({"name": None}, ["name is not of type string"]),
        ({"name": "a", "size": "large"}, ["size is not of type integer"]),
        ({"name": "a", "color": "red"}, ["the document does not have color"]),
    ],
)  # fmt: skip
def test_bodies(judge: RequestJudge, body: Any, faults: list[str]) -> None:
    found = judge.find_faults(ask("POST", body=body))
    assert sorted(found) == sorted(faults)


def test_a_schema_that_refers_to_others_many_times_is_read_once_for_each_value() -> None:
    schemas = {
        str(number): {key: [{"$ref": str(number + 1)}] * 50} for number, key in enumerate(["anyOf", "allOf"] * 4)
    }
    schemas["8"] = {"oneOf": [*[{"$ref": "1"}] * 40, {"type": "object", "properties": {"size": {"type": "integer"}}}]}
    count = 0

    def follow(node: Any) -> dict[str, Any]:
        nonlocal count
        count += 1
        return schemas.get(node.get("$ref", ""), node) if isinstance(node, dict) else {}

    create = Endpoint("post", "/things", body=Shape(schemas["0"], follow))
    judge = RequestJudge({("POST", "/things"): create})
    assert judge.find_faults(ask("POST", "/things", body={"size": 1})) == []
    assert judge.find_faults(ask("POST", "/things", body={"size": 1, "kind": "new"})) == [
        "the document does not have kind"
    ]
    assert count < 4_000


@pytest.mark.parametrize(
    ("path", "is_known"),
    [("/v1/7-8/days", True), ("/days/7.json", True), (f"/days/{'7' * 200}", True), ("/xxxxxxxx" * 20, False)],
)
def test_a_segment_with_many_placeholders_is_matched_in_one_way(path: str, *, is_known: bool) -> None:
    paths = ["/{}-{}/days", "/days/{}.json", f"/days/{'{}' * 20}.txt", f"{'/{}x{}' * 20}/end"]
    judge = RequestJudge({("GET", one): Endpoint("get", one) for one in paths})
    faults = judge.find_faults(ask(path=path))
    assert faults == ([] if is_known else [f"the document does not have GET {path}"])
