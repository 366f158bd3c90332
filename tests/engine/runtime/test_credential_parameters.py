"""A credential in the query: never recorded, and not compared with what is recorded, like one in a header."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import MissingRecording
from conn_engine.recordings.har import import_har
from conn_engine.recordings.matching import Question
from conn_engine.runtime.call import Call
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.cases import find_cases, replay
from conn_engine.testing.recorder import record_operation
from conn_engine.testing.request_credentials import find_credential_places
from conn_engine.transport.faults import Faults, json_answer

KEY = "key-3141592653-secret"
CREDENTIALS = "credentials: { format: api_key }\n"
IN_QUERY = f"{CREDENTIALS}authorization: {{ format: query, config: {{ name: hapikey }} }}\n"
BY_EXPRESSION = f"""\
{CREDENTIALS}authorization:
  format: expression
  config: {{ expression: '{{"query": {{"hapikey": api_key, "filter": "on"}}}}' }}
"""
SIGNED = f"""\
{CREDENTIALS}authorization: {{ format: query, config: {{ name: hapikey }} }}
signature:
  format: hmac
  config: {{ content: request.path, key: "{{{{api_key}}}}", query: {{ sig: "{{{{signature}}}}" }} }}
"""
IN_HEADER = f"{CREDENTIALS}authorization: {{ format: header, config: {{ name: X-Key }} }}\n"
KINDS = pytest.mark.parametrize("settings", [IN_QUERY, BY_EXPRESSION, SIGNED], ids=["query", "expression", "signature"])


def connector(settings: str) -> str:
    return (
        f"base_url: https://api.example.com/v1\n{settings}"
        "resources: {people: {list: {method: get, path: /people, query: {limit: 2}, response_path: items}}}\n"
    )


def replayed(workspace: Workspace) -> Any:
    effective = workspace.effective(account="acme")
    [case] = find_cases(workspace, effective, effective.operations())
    return replay(effective, case.name, case.recording)


@KINDS
def test_it_is_not_recorded(make: Callable[..., Workspace], settings: str) -> None:
    workspace = make({"connectors/shop/connector.yaml": connector(settings)})
    wiring = wire_account(workspace, "acme", environ={}, vault=MemoryVault({"acme": {"api_key": KEY}}))
    path = workspace.root / "connectors/shop/recordings/people.list.json"
    faults = Faults([json_answer({"items": [{"id": 1}]})])
    record_operation(wiring, wiring.effective.resolve("people.list"), Call(), path, transport=faults)
    assert KEY in faults.requests[0].url
    assert json.loads(path.read_text())["exchanges"][0]["request"]["query"] == {"limit": "2"}
    assert KEY not in path.read_text()
    assert replayed(workspace).records == [{"id": 1}]


@KINDS
@pytest.mark.parametrize("parameters", ["", "&hapikey=demo", "&hapikey=[redacted]&sig=old"])
def test_it_is_not_compared(make: Callable[..., Workspace], recorded: Any, settings: str, parameters: str) -> None:
    if "sig" in parameters and settings is not SIGNED:
        parameters = parameters.replace("&sig=old", "")
    data = recorded("people.list", [("GET", f"/people?limit=2{parameters}", {"items": [{"id": 1}]})])
    files = {
        "connectors/shop/connector.yaml": connector(settings),
        "connectors/shop/recordings/people.list.json": data,
    }
    outcome = replayed(make(files))
    assert (outcome.error, outcome.records) == (None, [{"id": 1}])


def test_other_parameters_are_compared(make: Callable[..., Workspace], recorded: Any) -> None:
    data = recorded("people.list", [("GET", "/people?limit=3&hapikey=demo", {"items": []})])
    files = {
        "connectors/shop/connector.yaml": connector(IN_QUERY),
        "connectors/shop/recordings/people.list.json": data,
    }
    error = replayed(make(files)).error
    assert isinstance(error, MissingRecording)
    assert 'query limit: recorded "3", sent "2"' in error.hint
    assert "hapikey" not in f"{error.message}{error.hint}"


def test_a_parameter_that_the_credential_does_not_set_is_compared(
    make: Callable[..., Workspace], recorded: Any
) -> None:
    data = recorded("people.list", [("GET", "/people?limit=2&hapikey=demo", {"items": []})])
    files = {
        "connectors/shop/connector.yaml": connector(IN_HEADER),
        "connectors/shop/recordings/people.list.json": data,
    }
    assert isinstance(replayed(make(files)).error, MissingRecording)


def test_it_is_not_imported_from_a_har_file(make: Callable[..., Workspace]) -> None:
    effective = make({"connectors/shop/connector.yaml": connector(IN_QUERY)}).effective(account="acme")
    request = {"method": "GET", "url": "https://api.example.com/v1/people?limit=2&hapikey=k1", "headers": []}
    entry = {"request": request, "response": {"status": 200, "headers": [], "content": {"text": "{}"}}}
    [exchange] = import_har(json.dumps({"log": {"entries": [entry]}}), places=find_credential_places(effective))
    assert exchange.request.query == {"limit": "2"}


def test_the_recorded_requests_are_compared_as_they_are_without_such_a_credential(
    make: Callable[..., Workspace], recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay of a long listing must not copy all recorded requests for each one that is sent."""
    copied: list[Any] = []
    original = Question.without_parameters
    monkeypatch.setattr(
        Question, "without_parameters", lambda self, names: copied.append(names) or original(self, names)
    )
    pages = [("GET", f"/people?limit=2&page={number}", {"items": [{"id": number}]}) for number in range(1, 20)]
    pages.append(("GET", "/people?limit=2&page=20", {"items": []}))
    paged = "pagination: {format: page}\n"
    files = {
        "connectors/shop/connector.yaml": connector(f"{IN_QUERY}{paged}"),
        "connectors/shop/recordings/people.list.json": recorded("people.list", pages),
    }
    assert len(replayed(make(files)).records) == 19
    assert len(copied) == len(pages)
