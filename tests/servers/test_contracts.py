"""Every request that is recorded for a connector is judged against the vendor's published document, or its schema.

What a judge objects to must stand in the connector's `contract.yaml`, with the reason and a link; and what stands there
must still be objected to.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import launching
import pytest
import yaml
from processes import cache
from processes.contracts import DOCUMENTS, Document
from processes.judges import Judge
from processes.specs import is_provided, spec

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "connectors").glob("*/contract.yaml"))
}
HEADERS = {"xero": {"xero-tenant-id": "45e4708e-d862-4111-ab3a-dd8cd03913e1"}}
"""Headers that a recording leaves out, because they are the account's."""
FORMS = {"stripe"}
"""Connectors whose bodies are forms."""
PROVIDED = {
    connector: provided
    for connector, documents in DOCUMENTS.items()
    if (provided := [document for document in documents if not document.is_optional or is_provided(document.file)])
}
Find = Callable[[str], tuple[Judge, str] | None]


def read_requests(connector: str) -> Iterator[tuple[str, dict]]:
    """Yield each recorded request once, with the operation that sends it."""
    seen = set()
    for path in sorted((ROOT / "connectors" / connector / "recordings").glob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        for exchange in recording["exchanges"]:
            request = exchange["request"]
            key = json.dumps(request, sort_keys=True)
            if exchange["response"]["status"] < 400 and key not in seen:
                seen.add(key)
                yield recording["operation"], request


def read_all(connector: str) -> Iterator[dict]:
    """Yield every recorded request."""
    for path in sorted((ROOT / "connectors" / connector / "recordings").glob("*.json")):
        yield from (row["request"] for row in json.loads(path.read_text(encoding="utf-8"))["exchanges"])


def send(client: httpx.Client, url: str, request: dict, connector: str) -> None:
    # Steady has no form for a list with numbers, a[0]=, which vendors accept like a[]=.
    pairs = {re.sub(r"\[\d+\]$", "[]", name): value for name, value in request.get("query", {}).items()}
    query = f"?{urlencode(pairs, doseq=True)}" if pairs else ""
    headers = {"accept": "application/json", "authorization": "Bearer a-token", **HEADERS.get(connector, {})}
    headers |= request.get("headers", {})
    body = {"data" if connector in FORMS else "json": request.get("body")}
    client.request(request["method"], f"{url}{query}", headers=headers, **body)


def find_faults(client: httpx.Client, find: Find, request: dict, connector: str) -> list[str]:
    """What the document objects to that describes the request."""
    described = find(urlsplit(request["url"]).path)
    if described is None:
        return ["No document describes it."]
    judged, path = described
    judged.forget()
    send(client, f"{judged.url}{path}", request, connector)
    return [fault.partition(": ")[2][:160] for fault in judged.faults()]


@pytest.mark.parametrize("connector", sorted(PROVIDED))
def test_what_is_sent_is_in_the_vendors_contract(
    judge: Callable[..., Judge], tmp_path_factory: pytest.TempPathFactory, connector: str
) -> None:
    def find(path: str) -> tuple[Judge, str] | None:
        for document in PROVIDED[connector]:
            described = document.find_path(path)
            if described is not None:
                if document not in names:
                    names[document] = document.save(tmp_path_factory.mktemp("documents"))
                return judge("steady", names[document], brackets=document.brackets), described
        return None

    names: dict[Document, str] = {}
    found: dict[str, set[str]] = {}
    with httpx.Client(timeout=60) as client:
        for operation, request in read_requests(connector):
            for fault in find_faults(client, find, request, connector):
                found.setdefault(operation, set()).add(fault)
    gaps = set(CONTRACTS[connector].get("gaps", {}))
    if PROVIDED[connector] != DOCUMENTS[connector]:  # the others judge only where their documents are
        paths = {operation: urlsplit(request["url"]).path for operation, request in read_requests(connector)}
        undescribed = {operation for operation, path in paths.items() if find(path) is None}
        assert all(found.pop(operation, None) for operation in undescribed)
        gaps -= undescribed
    assert found.keys() == gaps, found


GRAPHQL = {"linear": "linear-schema.graphql"}
VALIDATE = """\
import json, sys
from graphql import OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
with open(sys.argv[1], encoding="utf-8") as file:
    schema = build_schema(file.read())
faults = []
for sent in json.load(sys.stdin):
    document = parse(sent["query"])
    faults += validate(schema, document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            values = get_variable_values(schema, operation.variable_definitions or (), sent.get("variables") or {})
            faults += values if isinstance(values, list) else []
print(json.dumps([str(fault) for fault in faults]))
"""


@pytest.mark.parametrize("connector", sorted(GRAPHQL))
def test_graphql_queries_and_their_variables_are_in_the_vendors_schema(connector: str) -> None:
    sent = {json.dumps(request["body"]) for request in read_all(connector) if "query" in (request.get("body") or {})}
    queries = {json.loads(body)["query"] for body in sent}
    assert len(queries) > 10
    assert len([query for query in queries if query.lstrip().startswith("mutation")]) >= 6
    python = cache.venv("graphql-core", "3.2.6") / "python"
    done = launching.run(
        [python, "-c", VALIDATE, spec(GRAPHQL[connector])],
        input=f"[{','.join(sorted(sent))}]",
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout) == []


def test_every_connector_that_names_a_document_is_judged() -> None:
    named = {connector for connector, contract in CONTRACTS.items() if contract.get("document")}
    assert named == DOCUMENTS.keys() | GRAPHQL.keys()
