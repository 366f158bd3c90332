"""With an isolation, nothing that a customer writes is evaluated in this process.

One account's override repeats every expression and every template of a connector that uses many settings, with a mark
in it. The walk over the configuration finds them, and the rules of authority say which of them an override may set.
Then every kind of operation runs, and two witnesses say which texts were evaluated: one here, one at the workers.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conn_engine.conditions import conditions_of
from conn_engine.config import Effective, load_workspace
from conn_engine.documents import Path_, format_path, parse_path
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.expressions import evaluate, lens
from conn_engine.expressions.isolation import Isolation
from conn_engine.lint.sites import find_sites
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.plans import may_write
from conn_engine.runtime.variants import base_url
from conn_engine.runtime.webhooks import Receiver
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault import MemoryVault
from conn_engine.settings import ask
from conn_engine.transport.faults import json_answer
from conn_engine.webhooks import Delivery
from conn_engine.wire import FrozenClock, Headers, Request, Response

CONNECTOR: dict[str, Any] = {
    "base_url": "https://{{context.site ?? 'api'}}.example.com/v1",
    "hosts": ["*.example.com"],
    "credentials": {
        "format": "choice",
        "config": {
            "by": "context.way ?? 'login'",
            "options": {
                "key": {"format": "bearer"},
                "login": {
                    "format": "session",
                    "config": {
                        "ask": [{"name": "password"}],
                        "login": {
                            "url": "https://api.example.com/login",
                            "headers": {"x-asks": "{{context.site ?? 'none'}}"},
                            "body": {"password": "{{password}}"},
                        },
                        "response": "response.result.token ?? 'none'",
                    },
                },
            },
        },
    },
    "authorization": {"format": "bearer", "config": {"path": "session.access_token"}},
    "signature": {
        "format": "hmac",
        "config": {"key": "{{password}}", "content": "request.path & nonce", "headers": {"x-sign": "{{signature}}"}},
    },
    "errors": [{"when": "status = 200 and body.broken = true", "then": {"fail": {"message": "body.why & ''"}}}],
    "connect": [
        {"name": "me", "request": {"path": "/me"}, "transform": "response.items[0].id"},
        {"name": "lot", "when": "context.me = 'p1'", "transform": "'lot' & ''"},
    ],
    "verify": {"operation": "users.list", "expect": "$count(body.items) > 0"},
    "webhooks": {
        "verify": {"format": "none"},
        "events": {"type": "body.kind & ''", "record": "body.record ~> $merge"},
    },
    "resources": {
        "teams": {"list": {"method": "get", "path": "/teams", "response_path": "items[id != 'x']"}},
        "users": {"list": {"method": "get", "path": "/users", "response_path": "items[id != 'x']"}},
        "people": {
            "list": {
                "method": "get",
                "path": "/teams/{{team}}/people",
                "query": {"q": "{{context.site ?? 'all'}}", "from": "{{incremental.start ?? 0}}"},
                "headers": {"x-team": "{{partition.team}}"},
                "response_path": "items[id != null]",
                "parents": {
                    "as": "team",
                    "from": "teams.list",
                    "when": "record.id != 'closed'",
                    "key": "record.id ?? id",
                },
                "pagination": {
                    "format": "dynamic",
                    "config": {"first": "1", "send": "{'query': {'page': state}}", "next": "state < 2 ? state + 1"},
                },
                "incremental": {
                    "format": "integer",
                    "config": {"record_cursor": "seq + 0", "start": "{{context.since ?? 0}}"},
                },
                "record_filter": "record.id != 'gone'",
                "record_mapping": "$merge([record, {'extra': 1}])",
                "distinct": "record.id & ''",
                "enrich": [
                    {
                        "name": "user",
                        "when": "record.id != null",
                        "request": {"path": "/user/{{record.id}}"},
                        "response_path": "items[0]",
                        "transform": "response ~> $merge",
                    }
                ],
            },
            "create": {"method": "post", "path": "/people", "body": {"name": "{{body.name & ''}}"}},
        },
    },
}
UNIFIED: dict[str, Any] = {
    "resources": {
        "contacts": {
            "list": {
                "resource": "{{'people' & ''}}",
                "method": "{{'list' & ''}}",
                "before": [{"name": "extra", "when": "1 = 1", "transform": "{'a': 1} ~> $merge"}],
                "query_mapping": {"limit": "query.limit ?? 2"},
                "response_mapping": {"id": "$string(response.id)", "all": {"one": "response.user.id & ''"}},
                "after": [{"name": "last", "transform": "$append([], response)"}],
            },
            "create": {
                "resource": "people",
                "method": "create",
                "request_body_mapping": {"name": "body.name & ''"},
                "response_mapping": {"id": "$string(response.items[0].id)"},
                "error_mapping": {"message": "$string(error.message)"},
            },
            "events": {"created": {"when": "event.type != ''", "record": "event.record ~> $merge"}},
        }
    }
}


def mark(number: int, text: str, role: str) -> str:
    said = f"/*customer {number}.*/"
    return text.replace("{{", f"{{{{{said} ") if role == "template" else f"{said} {text}"


def place(data: Any, path: Path_, value: Any) -> None:
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


@dataclass
class Marked:
    """The override, and the places whose texts in it are marked, by the mark."""

    files: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, refused: frozenset[Path_] = frozenset()) -> "Marked":
        data = {**CONNECTOR, "unified": {"crm": UNIFIED["resources"]}}
        made, override = cls({}), deepcopy(data)
        for number, site in enumerate(find_sites(data)):
            if not any(site.path[: len(other)] == other for other in refused):
                place(override, site.path, mark(number, site.text, site.kind))
                made.places[f"customer {number}."] = format_path(site.path)
        override.pop("hosts")
        made.files = {
            "conn.yaml": {"version": 1, "evaluator": "jlens"},
            "connectors/shop/connector.yaml": CONNECTOR,
            "connectors/shop/unified/crm.yaml": UNIFIED,
            "accounts/acme.yaml": {"connector": "shop", "override": override},
        }
        return made

    def write(self, folder: Path) -> Effective:
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        return load_workspace(folder).effective(account="acme")


@dataclass
class Vendor:
    """Sends the same rows back, whatever is asked; or says that it is `broken`."""

    broken: bool = False

    def send(self, request: Request) -> Response:
        if request.url.endswith("/login"):
            return json_answer({"result": {"token": "t-1"}})
        if self.broken:
            return json_answer({"broken": True, "why": "no power"})
        row = {"id": "p1", "seq": 7, "name": "Ann"}
        return json_answer({"items": [row, {**row, "id": "gone"}], "record": row})


@dataclass
class Witnesses:
    here: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Witnesses]:
    found = Witnesses()
    evaluate_here, run_there = lens.LensExpression.evaluate, Isolation.run

    def watch_here(compiled: Any, *given: Any) -> Any:
        found.here.append(compiled._text)
        return evaluate_here(compiled, *given)

    def watch_there(isolation: Isolation, request: Any, *given: Any) -> Any:
        found.there.append(request["text"])
        return run_there(isolation, request, *given)

    monkeypatch.setattr(lens.LensExpression, "evaluate", watch_here)
    monkeypatch.setattr(Isolation, "run", watch_there)
    yield found


def write_override(folder: Path) -> Marked:
    """The override without what no override may set."""
    refused: frozenset[Path_] = frozenset()
    while True:
        marked = Marked.of(refused)
        try:
            marked.write(folder).check_authority()
        except ConfigurationError as error:
            more = {tuple(parse_path(finding.path)) for finding in error.findings} - refused
            assert more, str(error)
            refused |= more
        else:
            return marked


def test_no_expression_of_an_override_is_evaluated_in_this_process(tmp_path: Path, seen: Witnesses) -> None:
    marked = write_override(tmp_path)
    assert not seen.here, "the check of an override's authority does not evaluate it"
    workspace, vendor, clock = load_workspace(tmp_path), Vendor(), FrozenClock(1_700_000_000)
    vault = MemoryVault({"acme": {"password": "the pass-word"}})
    with Isolation(memory_bytes=192 * 2**20) as isolation:
        wiring = wire_account(workspace, "acme", environ={}, vault=vault, clock=clock, isolation=isolation)
        with Connection(wiring, vendor) as connection:
            assert connection.prepare() == {"me": "p1", "lot": "lot"}
            assert connection.verify()
            assert [record for page in connection.pages("contacts.list") for record in page.records]
            assert list(connection.pages("contacts.create", Call(body={"name": "Ann"})))
            vendor.broken = True
            with pytest.raises(VendorError, match="no power"):
                list(connection.pages("contacts.create", Call(body={"name": "Ann"})))
            vendor.broken = False
        effective = wiring.effective
        assert may_write(effective, effective.resolve("contacts.list"), Call()) is False
        assert base_url(effective) == "https://api.example.com/v1"
        assert effective.issued_hosts() == ("api.example.com",)
        receiver = Receiver(workspace, {}, vault, vendor, clock, isolation=isolation)
        body = json.dumps({"kind": "made", "record": {"id": 1}}).encode()
        receipt = receiver.receive(Delivery("POST", "https://we.example/", Headers({}), body), account="acme")
        assert receipt.error is None
        assert receipt.events
    assert [text for text in seen.here if "/*customer" in text] == []
    assert seen.here, "what only the connector may say is evaluated here"
    assert {at for name, at in marked.places.items() if not any(name in text for text in seen.there)} == set()
    assert {"credentials.config.by", "base_url", "unified.crm.contacts.list.resource"} <= set(marked.places.values())


@pytest.mark.parametrize("data", [{"a": 1}, [1], None])
def test_data_without_conditions_is_not_evaluated(data: Any) -> None:
    with pytest.raises(TypeError, match="has no conditions to be evaluated under"):
        evaluate("a", data)
    with pytest.raises(TypeError, match="has no conditions"):
        ask("a", data)
    with pytest.raises(TypeError, match="has no conditions"):
        conditions_of(data)
