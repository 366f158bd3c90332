"""A small workspace made of texts, scripted vendors, and a real server on 127.0.0.1 that speaks JSON."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from vendor import Arrived, Reply, Vendor, start_vendor

from conn_engine.config import Effective, Workspace, load_workspace
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.egress import Trust
from conn_engine.transport.faults import Faults, json_answer
from conn_engine.transport.live import Live
from conn_engine.wire import FrozenClock, Page, Request, Response

CONNECTOR = """\
base_url: https://api.example.com/v1
credentials: { format: bearer }
authorization: { format: bearer }
pagination: { format: cursor, config: { cursor_field: next, cursor_param: after } }
resources:
  people:
    list: { method: get, path: /people, response_path: items }
    get: { method: get, path: "/people/{{id}}" }
    create: { method: post, path: /people }
    update: { method: patch, path: "/people/{{id}}" }
    delete: { method: delete, path: "/people/{{id}}" }
"""

CRM = """\
resources:
  contacts:
    list:
      resource: people
      query_mapping: { size: query.limit }
      response_mapping:
        id: $string(response.id)
        first_name: response.name
    get:
      resource: people
      response_mapping: { id: $string(response.id), first_name: response.name }
    create:
      resource: people
      request_body_mapping: { name: body.first_name }
      response_mapping: { id: $string(response.id), first_name: response.name }
    delete:
      resource: people
      response_mapping: { id: id, deleted: true }
"""

FILES = {
    "conn.yaml": "version: 1\ntrusted_hosts: [127.0.0.0/8]\n",  # where the servers of these tests are
    "connectors/shop/connector.yaml": CONNECTOR,
    "connectors/shop/unified/crm.yaml": CRM,
    "accounts/acme.yaml": "connector: shop\ncontext: { region: eu }\n",
}
CREDENTIAL = {"token": "token-of-acme"}

Make = Callable[..., Workspace]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make({path: text or JSON data})`: the small workspace with these files added; None leaves one out."""

    def build(files: Mapping[str, Any] | None = None) -> Workspace:
        for name, content in {**FILES, **(files or {})}.items():
            if content is None:
                continue
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return load_workspace(tmp_path)

    return build


@dataclass
class RunOutcome:
    """What a run against a script gave."""

    pages: list[Page] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    session: Session = field(default_factory=Session)
    clock: FrozenClock = field(default_factory=FrozenClock)

    @property
    def records(self) -> list[Any]:
        return [record for page in self.pages for record in page.records]

    @property
    def urls(self) -> list[str]:
        return [request.url for request in self.requests]


@pytest.fixture
def run() -> Callable[..., RunOutcome]:
    """`run(workspace, operation, script, …)`: an operation of `acme` on scripted answers (data: a JSON answer).

    `result` may be given to look at what was sent although the run raises.
    """

    def go(
        workspace: Workspace,
        operation: str,
        script: list[Any],
        call: Call | None = None,
        *,
        document: Mapping[str, Any] | None = None,
        result: RunOutcome | None = None,
        **session: Any,
    ) -> RunOutcome:
        effective = workspace.effective(account="acme")
        made = result or RunOutcome()
        made.session = Session("acme", document or CREDENTIAL, clock=made.clock, **session)
        faults = Faults(json_answer(step) if isinstance(step, dict | list) else step for step in script)
        made.requests = faults.requests
        flow = perform(Run(effective, made.session), effective.resolve(operation), call or Call())
        vault = MemoryVault({"acme": made.session.document})
        for page in drive(flow, faults, vault, clock=made.clock):
            made.pages.append(page)
        return made

    return go


@pytest.fixture
def new_site() -> Iterator[Callable[[], Vendor]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(start_vendor(lambda arrived: {}))


@pytest.fixture
def site(new_site: Callable[[], Vendor]) -> Vendor:
    return new_site()


class Shop:
    """`acme`, connected to a real server."""

    def __init__(self, site: Vendor, effective: Effective) -> None:
        self.site = site
        self.effective = effective

    def pages(self, name: str, call: Call | None = None) -> Iterator[Page]:
        flow = perform(Run(self.effective, Session("acme")), self.effective.resolve(name), call or Call())
        with closing(
            drive(flow, Live(Redactor(), trust=Trust(self.effective.trusted_hosts)), MemoryVault({}))
        ) as pages:
            yield from pages

    def records(self, name: str, call: Call | None = None) -> list[Any]:
        return [record for page in self.pages(name, call) for record in page.records]

    @property
    def got(self) -> list[str]:
        return [arrived.decoded for arrived in self.site.arrived]


@pytest.fixture
def shop(make: Make, site: Vendor) -> Callable[..., Shop]:
    """`shop(resources, answer, unified=…, **context)`: operations of `acme` on a server; `.got` is what was asked."""

    def build(
        resources: dict[str, Any], answer: Callable[[Arrived], Reply], *, unified: Any = None, **context: Any
    ) -> Shop:
        site.answer = answer
        connector = {
            "base_url": site.url,
            "hosts": ["api.example.com"],
            "pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after"}},
            "resources": resources,
        }
        workspace = make(
            {
                "conn.yaml": f"version: 1\ntrusted_hosts: ['{site.host}']\n",
                "connectors/shop/connector.yaml": connector,
                "connectors/shop/unified/crm.yaml": unified,
                "accounts/acme.yaml": {"connector": "shop", "context": context},
            }
        )
        return Shop(site, workspace.effective(account="acme"))

    return build


@pytest.fixture
def made_answer() -> Callable[..., Response]:
    """A JSON answer with status and headers."""
    return json_answer


def recording(operation: str, exchanges: list[tuple[str, str, Any]], **more: Any) -> dict[str, Any]:
    """A recording's data; an exchange is (method, path with query, JSON body or (status, body))."""
    rows = []
    for method, url, answer in exchanges:
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        response = {"status": status, "headers": {"content-type": "application/json"}, "body": body}
        rows.append({"request": {"method": method, "url": f"https://api.example.com/v1{url}"}, "response": response})
    data = {
        "format": 1,
        "connector": "shop",
        "operation": operation,
        "source": "contract",
        "recorded_at": "2026-01-02T03:04:05Z",
        "base_url": "https://api.example.com/v1",
        "exchanges": rows,
    }
    return data | more


@pytest.fixture
def recorded() -> Callable[..., dict[str, Any]]:
    return recording
