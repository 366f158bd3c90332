"""Plans show what an operation would send, and whether it writes, without sending."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import CredentialError, ExpressionError, UsageError
from conn_engine.runtime.call import Call
from conn_engine.runtime.plans import counts_as_write, may_write, partitions_write, plan_operation
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault

READS = "{ resource: people, method: get, id: '1' }"


def writes(workspace: Workspace, operation: str = "contacts.list", call: Call | None = None) -> bool:
    effective = workspace.effective(account="acme")
    return may_write(effective, effective.resolve(operation), call or Call())


def listing(**keys: Any) -> dict[str, Any]:
    operation = {"resource": "people", "response_mapping": {"id": "response.id"}, **keys}
    return {"connectors/shop/unified/crm.yaml": {"resources": {"contacts": {"list": operation}}}}


def test_methods_say_what_writes(make: Callable[..., Workspace]) -> None:
    workspace = make()
    assert not writes(workspace)
    assert not writes(workspace, "people.get")
    for operation in ("contacts.create", "contacts.delete", "people.update"):
        assert writes(workspace, operation)


def test_a_search_by_post_may_say_that_it_only_reads(make: Callable[..., Workspace]) -> None:
    account = {"connector": "shop", "override": {"resources": {"people": {"create": {"writes": False}}}}}
    assert not writes(make({"accounts/acme.yaml": account}), "contacts.create")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"before": [{"name": "a", "request": {"resource": "people", "method": "get", "id": "1"}}]}, False),
        ({"before": [{"name": "a", "request": {"resource": "people", "method": "create"}}]}, True),
        ({"after": [{"name": "a", "request": {"method": "delete", "path": "/x"}}]}, True),
        ({"after": [{"name": "a", "request": {"method": "get", "path": "/x/{{result.id}}"}}]}, False),
        ({"after": [{"name": "a", "when": "false", "request": {"resource": "people", "method": "create"}}]}, True),
        ({"before": [{"name": "a", "transform": "1"}]}, False),
        # Known only from answers, so it may be anything: undefined is false, and the harmless branch is not certain.
        ({"method": "{{before.a.found ? 'update' : 'list'}}"}, True),
        ({"method": "{{status = 200 ? 'list' : 'create'}}"}, True),
        (
            {"before": [{"name": "a", "request": {"resource": "people", "method": "{{before.b ? 'create' : 'get'}}"}}]},
            True,
        ),
        (
            {"after": [{"name": "a", "request": {"resource": "people", "method": "{{headers.x ? 'create' : 'get'}}"}}]},
            True,
        ),
        ({"method": "{{query.nothing.at.all}}"}, True),
        # Known from the call.
        ({"method": "{{query.archived ? 'list' : 'get'}}"}, False),
        ({"method": "{{query.archived ? 'list' : 'create'}}"}, True),
        ({"method": "{{context.region = 'eu' ? 'list' : 'create'}}"}, False),
    ],
)
def test_steps_and_routes_count(make: Callable[..., Workspace], keys: dict[str, Any], expected: bool) -> None:
    assert writes(make(listing(**keys))) is expected


def test_the_call_decides_a_route(make: Callable[..., Workspace]) -> None:
    workspace = make(listing(method="{{query.archived ? 'list' : 'create'}}"))
    assert not writes(workspace, call=Call(query={"archived": True}))


def test_an_unknown_route_is_a_usage_error(make: Callable[..., Workspace]) -> None:
    with pytest.raises(UsageError):
        writes(make(listing(method="lst")))


@pytest.mark.parametrize("keys", [{"method": "lst"}, {"resource": "{{context.region = 'eu' ? 'nobody' : 'people'}}"}])
def test_an_unknown_route_has_no_operation_and_counts_as_a_write(
    make: Callable[..., Workspace], keys: dict[str, Any]
) -> None:
    effective = make(listing(**keys)).effective(account="acme")
    name = effective.resolve("contacts.list")
    assert find_operation_behind(effective, name) is None
    assert counts_as_write(effective, name)


# --- the plan ---


def planned(workspace: Workspace, operation: str, call: Call | None = None, **options: Any) -> Any:
    vault = options.pop("vault", MemoryVault({"acme": {"token": "t"}}))
    wiring = wire_account(workspace, "acme", environ={}, vault=vault, **options)
    return plan_operation(wiring, wiring.effective.resolve(operation), call or Call())


def test_the_first_request_is_finished_and_not_sent(make: Callable[..., Workspace]) -> None:
    request = planned(make(), "contacts.create", Call(body={"first_name": "Ada"}))
    assert (request.method, request.url, request.body) == (
        "POST",
        "https://api.example.com/v1/people",
        b'{"name":"Ada"}',
    )
    assert request.headers["authorization"] == "Bearer t"
    assert request.writes


def stored_as(make: Callable[..., Workspace], credentials: dict[str, Any]) -> Workspace:
    """An account with other credentials than its connector's, as conn.yaml allows."""
    allowed = {"environments": {"production": {"allow": {"placement": ["credentials"]}}}}
    account = {"connector": "shop", "override": {"credentials": credentials}}
    return make({"conn.yaml": allowed, "accounts/acme.yaml": account})


def test_a_credential_that_has_ended_is_used_as_it_is(make: Callable[..., Workspace]) -> None:
    oauth = {"format": "oauth2", "config": {"token_url": "https://api.example.com/token", "client_id": "x"}}
    token = {"access_token": "old", "refresh_token": "r", "expires_at": 1}
    workspace = stored_as(make, oauth)
    request = planned(workspace, "contacts.list", vault=MemoryVault({"acme": {"oauth": {"token": token}}}))
    assert request.headers["authorization"] == "Bearer old"


def test_a_token_that_was_never_asked_for_is_made_up(make: Callable[..., Workspace]) -> None:
    client = {"format": "oauth2_client_credentials", "config": {"token_url": "https://api.example.com/token"}}
    workspace = stored_as(make, client)
    stored = {"client_id": "c-1", "client_secret": "s-1"}
    request = planned(workspace, "contacts.create", Call(body={}), vault=MemoryVault({"acme": stored}))
    assert request.headers["authorization"] == "Bearer sample-1"
    assert stored == {"client_id": "c-1", "client_secret": "s-1"}


def test_a_plan_does_not_require_a_credential_if_it_is_optional(make: Callable[..., Workspace]) -> None:
    with pytest.raises(CredentialError):
        planned(make(), "contacts.list", vault=MemoryVault())
    request = planned(make(), "contacts.list", vault=MemoryVault(), optional_credential=True)
    assert request.authorized


def test_a_plan_fails_as_the_operation_would(make: Callable[..., Workspace]) -> None:
    with pytest.raises(ExpressionError):
        planned(make(), "people.get")


FANNED = """\
base_url: https://api.example.com/v1
resources:
  people:
    list: { method: get, path: /people }
    search: { method: post, path: /people/search }
    notes: { method: get, path: "/people/{{who}}/notes", parents: { as: who, from: PARENTS } }
    delete: { method: delete, path: "/people/{{who}}", parents: { as: who, from: people.list } }
    whole:
      method: get
      path: /whole
      enrich: [{ name: x, request: { resource: people, method: PARENT } }]
"""


@pytest.mark.parametrize(("parents", "expected"), [("list", False), ("search", True), ("notes", False)])
def test_what_an_operation_is_repeated_for_may_write_too(
    make: Callable[..., Workspace], parents: str, expected: bool
) -> None:
    connector = FANNED.replace("PARENTS", f"people.{parents}").replace("PARENT", parents)
    workspace = make({"connectors/shop/connector.yaml": connector})
    assert writes(workspace, "people.notes") is expected
    assert writes(workspace, "people.whole") is expected
    effective = workspace.effective(account="acme")
    assert partitions_write(effective, effective.resolve("people.notes"), Call()) is expected
    assert not partitions_write(effective, effective.resolve("people.delete"), Call())


def test_a_plan_begins_with_the_parents_unless_they_are_given(make: Callable[..., Workspace]) -> None:
    workspace = make({"connectors/shop/connector.yaml": FANNED.replace("PARENTS", "people.list")})
    wiring = wire_account(workspace, "acme", environ={}, vault=MemoryVault({"acme": {}}))
    name = wiring.effective.resolve("people.notes")
    first = plan_operation(wiring, name, Call())
    assert first is not None
    assert (first.label, first.url) == ("people.list", "https://api.example.com/v1/people")
    given = plan_operation(wiring, name, Call(params={"who": "7/8"}))
    assert given is not None
    assert given.url == "https://api.example.com/v1/people/7%2F8/notes"
