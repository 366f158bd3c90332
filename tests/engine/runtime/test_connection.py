"""`connect` and `aconnect` against a real server: every mapping on the wire, paging, steps, and the egress check."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.config import Workspace, effective
from conn_engine.errors import ConfigurationError, CredentialError, UsageError, VendorError
from conn_engine.expressions import compile_mapping
from conn_engine.runtime.call import Call, decode_cursor, encode_cursor
from conn_engine.runtime.connection import Connection, aconnect, connect
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import Page

CRM = """\
resources:
  contacts:
    list:
      resource: "{{query.archived ? 'archive' : 'people'}}"
      query_mapping: { size: query.limit, since: query.updated_after, unused: "null" }
      request_header_mapping: { X-Region: context.region, X-Trace: headers.trace }
      response_mapping: { id: $string(response.id), first_name: response.name, owner: before.me.name }
      response_header_mapping: { x-served-by: headers."x-node" }
      before:
        - { name: me, request: { resource: me, method: get } }
        - { name: never, when: "query.limit > 1000", request: { method: get, path: /never } }
        - { name: greeting, transform: '"hello " & before.me.name' }
    pages:
      resource: people
      method: list
      each: page
      response_mapping: "[response.items.{'id': $string(id), 'of': $count($$.response.items)}]"
    get:
      resource: people
      path_mapping: { id: '"p-" & id', org: context.org }
      response_mapping: { id: $string(response.id), first_name: response.name }
      error_mapping: { kind: "status = 404 ? 'invalid_request' : error.kind", message: '"no contact " & id' }
    create:
      resource: people
      request_body_mapping: { person: { name: body.first_name, tags: '["new"]' } }
      response_mapping: { id: $string(response.id), first_name: response.name }
      after:
        - name: note
          when: "result.first_name != 'Quiet'"
          request: { method: post, path: "/people/{{result.id}}/notes", body: { text: "made for {{before.who}}" } }
        - { name: joined, transform: "$merge([result, {'note': after.note.id}])" }
      before:
        - { name: who, transform: context.region }
    delete:
      resource: people
      response_mapping: { id: id, deleted: true }
"""


def connector(site: Any, extra: str = "") -> str:
    return f"""\
base_url: {site.url}/v1
hosts: ["{site.host}"]
credentials: {{ format: bearer }}
authorization: {{ format: bearer }}
pagination:
  format: cursor
  config: {{ cursor_field: next, cursor_param: after, prev_cursor_field: prev }}
resources:
  people:
    list: {{ method: get, path: /people, response_path: items }}
    get: {{ method: get, path: "/orgs/{{{{org}}}}/people/{{{{id}}}}" }}
    create: {{ method: post, path: /people }}
    delete: {{ method: delete, path: "/people/{{{{id}}}}" }}
  archive:
    list: {{ method: get, path: /archive, response_path: items }}
  me:
    get: {{ method: get, path: /me }}
{extra}"""


def vendor(got: Any) -> Any:
    """A small vendor: three pages of people, and whatever else the operations above ask."""
    if got.path == "/v1/me":
        return {"name": "Eve"}
    if got.path == "/v1/people" and got.method == "GET":
        number = int(got.query.get("after", "1"))
        page = {"items": [{"id": number, "name": f"P{number}"}], "prev": str(number - 1) if number > 1 else None}
        return 200, {"X-Node": f"n{number}"}, page | ({"next": str(number + 1)} if number < 3 else {})
    if got.path == "/v1/archive":
        return {"items": [{"id": 9, "name": "Old"}]}
    if got.path == "/v1/people" and got.method == "POST":
        return 201, {"id": 5, "name": got.data["person"]["name"]}
    if got.path == "/v1/people/5/notes":
        return 201, {"id": "note-1"}
    if got.method == "DELETE":
        return 204, None
    if got.path == "/v1/orgs/acme%2Feu/people/p-1":
        return {"id": "p-1", "name": "One"}
    return 404, {"message": "nobody"}


ACCOUNT = "connector: shop\ncontext: { region: eu, org: acme/eu }\n"


@pytest.fixture
def shop(make: Callable[..., Workspace], site: Any) -> Workspace:
    site.answer = vendor
    files = {
        "connectors/shop/connector.yaml": connector(site),
        "connectors/shop/unified/crm.yaml": CRM,
        "accounts/acme.yaml": ACCOUNT,
    }
    return make(files)


def opened(workspace: Workspace, **options: Any) -> Connection:
    return connect(workspace, "acme", environ={}, vault=MemoryVault({"acme": {"token": "token-1"}}), **options)


def asked(site: Any) -> list[tuple[str, str]]:
    return [(got.method, got.path) for got in site.arrived]


def test_a_listing_runs_its_steps_and_all_its_pages(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        pages = list(
            acme.pages("contacts.list", Call(query={"limit": 1, "updated_after": "2026"}, headers={"trace": "t"}))
        )
    assert [record for page in pages for record in page.records] == [
        {"id": str(n), "first_name": f"P{n}", "owner": "Eve"} for n in (1, 2, 3)
    ]
    assert asked(site) == [("GET", "/v1/me"), *[("GET", "/v1/people")] * 3]
    assert [got.query for got in site.arrived[1:]] == [
        {"size": "1", "since": "2026"},
        {"size": "1", "since": "2026", "after": "2"},
        {"size": "1", "since": "2026", "after": "3"},
    ]
    assert {(got.headers["x-region"], got.headers["x-trace"]) for got in site.arrived[1:]} == {("eu", "t")}
    assert {got.headers["authorization"] for got in site.arrived} == {"Bearer token-1"}
    assert [page.headers["x-served-by"] for page in pages] == ["n1", "n2", "n3"]
    assert [page.number for page in pages] == [1, 2, 3]


def test_the_route_is_a_template_over_the_call(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        assert [record["id"] for record in acme.records("contacts.list", Call(query={"archived": True}))] == ["9"]


def test_a_page_mapping_sees_the_whole_page(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        assert list(acme.records("contacts.pages"))[:2] == [{"id": "1", "of": 1}, {"id": "2", "of": 1}]


def test_a_listing_is_continued_and_turned_by_its_opaque_cursors(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        first = acme.list("contacts.list")
        assert first.keys() == {"result", "next_cursor", "prev_cursor", "result_count"}
        assert (first["result_count"], first["prev_cursor"]) == (1, None)
        assert [got.path for got in site.arrived] == ["/v1/me", "/v1/people"]
        second = acme.list("contacts.list", Call(cursor=first["next_cursor"]))
        assert [record["id"] for record in second["result"]] == ["2"]
        third = acme.list("contacts.list", Call(cursor=second["next_cursor"]))
        assert third["next_cursor"] is None
        back = acme.list("contacts.list", Call(cursor=third["prev_cursor"]))
        assert back["result"] == second["result"]


def test_one_object_where_a_list_was_expected_is_a_listing_of_one(
    make: Callable[..., Workspace], shop: Workspace, site: Any
) -> None:
    site.answer = lambda got: {"items": {"id": 1, "name": "Ada"}} if "people" in got.path else {"name": "Eve"}
    with opened(shop) as acme:
        listing = acme.list("contacts.list")
    assert (listing["result_count"], listing["next_cursor"]) == (1, None)


def test_path_mapping_names_what_the_path_uses(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        assert list(acme.records("contacts.get", Call(id="1"))) == [{"id": "p-1", "first_name": "One"}]


def test_error_mapping_says_what_the_caller_gets(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme, pytest.raises(VendorError) as caught:
        list(acme.records("contacts.get", Call(id="2")))
    assert (caught.value.kind, caught.value.message, caught.value.status) == ("invalid_request", "no contact 2", 404)
    assert str(caught.value) == caught.value.vendor_message == "no contact 2"


def test_an_error_mapping_with_an_unknown_kind_is_the_authors_fault(
    make: Callable[..., Workspace], shop: Workspace
) -> None:
    override = {"unified": {"crm": {"contacts": {"get": {"error_mapping": {"kind": "'odd'"}}}}}}
    account = {"connector": "shop", "context": {"region": "eu", "org": "x"}, "override": override}
    workspace = make(
        {
            "connectors/shop/connector.yaml": None,
            "connectors/shop/unified/crm.yaml": None,
            "accounts/acme.yaml": account,
        }
    )
    with opened(workspace) as acme, pytest.raises(ConfigurationError, match='unknown kind of error: "odd"'):
        list(acme.records("contacts.get", Call(id="2")))


def test_a_create_maps_its_body_and_its_steps_see_the_result(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        made = list(acme.records("contacts.create", Call(body={"first_name": "Ada"})))
    assert made == [{"id": "5", "first_name": "Ada", "note": "note-1"}]
    assert [got.data for got in site.arrived] == [{"person": {"name": "Ada", "tags": ["new"]}}, {"text": "made for eu"}]
    with opened(shop) as acme:
        made = list(acme.records("contacts.create", Call(body={"first_name": "Quiet"})))
    assert made == [{"id": "5", "first_name": "Quiet"}]


def test_a_delete_without_a_body_has_its_mapped_result(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        assert list(acme.records("contacts.delete", Call(id="a b"))) == [{"id": "a b", "deleted": True}]
    assert asked(site) == [("DELETE", "/v1/people/a%20b")]


def test_the_vendors_own_operation_is_one_colon_away(shop: Workspace, site: Any) -> None:
    with opened(shop) as acme:
        assert next(iter(acme.pages("shop:people.list"))).records == [{"id": 1, "name": "P1"}]
        assert next(iter(acme.pages("people.list", raw=True))).records == [{"id": 1, "name": "P1"}]


def test_the_same_on_an_event_loop(shop: Workspace, site: Any) -> None:
    async def run() -> tuple[list[Any], dict[str, Any]]:
        vault = MemoryVault({"acme": {"token": "token-1"}})
        async with aconnect(shop, "acme", environ={}, vault=vault) as acme:
            records = [record async for record in acme.records("contacts.list", Call(query={"limit": 1}))]
            return records, await acme.list("contacts.list")

    records, listing = asyncio.run(run())
    loop = [(got.method, got.path, got.query) for got in site.arrived]
    site.arrived.clear()
    with opened(shop) as acme:
        assert list(acme.records("contacts.list", Call(query={"limit": 1}))) == records
        assert acme.list("contacts.list") == listing
    assert [(got.method, got.path, got.query) for got in site.arrived] == loop


def test_a_page_has_the_status_and_headers_that_a_listing_leaves_out(shop: Workspace, site: Any) -> None:
    async def run() -> list[Page]:
        vault = MemoryVault({"acme": {"token": "token-1"}})
        async with aconnect(shop, "acme", environ={}, vault=vault) as acme:
            return [await acme.page("contacts.list"), await acme.page("people.create", Call(body={}), raw=True)]

    site.answer = lambda got: (201, {"id": 5}) if got.method == "POST" else vendor(got)
    listed, created = asyncio.run(run())
    assert (listed.status, listed.headers["x-served-by"], len(listed.records)) == (200, "n1", 1)
    assert decode_cursor(listed.next_cursor or "")
    assert (created.status, created.whole, created.records) == (201, True, [{"id": 5}])
    with opened(shop) as acme:
        assert acme.page("contacts.list") == listed


def test_mappings_are_compiled_once_for_all_calls(shop: Workspace, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(shop) as acme:
        first = acme.list("contacts.list", Call(query={"limit": 1}))
        compiled: list[Any] = []
        monkeypatch.setattr(
            effective, "compile_mapping", lambda layers: compiled.append(layers) or compile_mapping(layers)
        )
        assert acme.list("contacts.list", Call(query={"limit": 1})) == first
        assert acme.page("contacts.create", Call(body={"first_name": "Quiet"})).records
        wanted = len(compiled)
        assert acme.page("contacts.create", Call(body={"first_name": "Loud"})).records
    assert (wanted, len(compiled)) == (4, 4)  # body, response and two steps of the other operation


def test_verify_proves_the_credential(make: Callable[..., Workspace], shop: Workspace, site: Any) -> None:
    keep = {"connectors/shop/connector.yaml": None, "connectors/shop/unified/crm.yaml": None}
    workspace = make({**keep, "accounts/acme.yaml": {"connector": "shop", "override": {"verify": "me.get"}}})
    with opened(workspace) as acme:
        assert acme.verify() is True
        site.answer = lambda got: (401, {"message": "unknown token"})
        with pytest.raises(CredentialError, match="unknown token"):
            acme.verify()

    async def run() -> bool:
        async with aconnect(workspace, "acme", environ={}, vault=MemoryVault({"acme": {"token": "t"}})) as acme:
            is_verified = await acme.verify()
            site.answer = lambda got: (401, {"message": "unknown token"})
            with pytest.raises(CredentialError, match="unknown token"):
                await acme.verify()
            return is_verified

    site.answer = vendor
    assert asyncio.run(run())


def test_an_account_without_a_credential_says_how_to_get_one(shop: Workspace) -> None:
    with pytest.raises(CredentialError) as caught:
        connect(shop, "acme", environ={}, vault=MemoryVault())
    assert caught.value.hint.startswith("conn auth login acme; or set CONN_ACME_")
    with pytest.raises(UsageError):
        connect(shop, "acmee", environ={}, vault=MemoryVault())


# --- the one door ---


def next_url(site: Any) -> str:
    return connector(site).replace(
        "format: cursor\n  config: { cursor_field: next, cursor_param: after, prev_cursor_field: prev }",
        "format: next_url\n  config: { next_url_field: next }",
    )


def test_a_next_url_on_another_host_is_refused_without_a_credential(
    make: Callable[..., Workspace], new_site: Callable[[], Any]
) -> None:
    site, evil = new_site(), new_site()
    evil.answer = lambda got: {"items": []}
    site.answer = lambda got: {"items": [{"id": 1, "name": "A"}], "next": f"{evil.url}/v1/people?page=2"}
    workspace = make({"connectors/shop/connector.yaml": next_url(site)})
    with opened(workspace) as acme:
        pages = acme.pages("people.list")
        with pytest.raises(ConfigurationError, match="not a host of the connector"):
            list(pages)
    assert evil.arrived == []


def test_a_next_url_of_its_own_is_followed_without_the_first_query(make: Callable[..., Workspace], site: Any) -> None:
    def answer(got: Any) -> Any:
        last = got.query.get("page") == "2"
        return {"items": [{"id": 2 if last else 1}]} | ({} if last else {"next": "/v1/people?page=2&x=y"})

    site.answer = answer
    workspace = make({"connectors/shop/connector.yaml": next_url(site)})
    with opened(workspace) as acme:
        assert [record["id"] for record in acme.records("people.list", Call(query={"q": "z"}))] == [1, 2]
    assert [got.query for got in site.arrived] == [{"q": "z"}, {"page": "2", "x": "y"}]


def test_a_forged_cursor_cannot_send_the_credential_elsewhere(
    make: Callable[..., Workspace], new_site: Callable[[], Any]
) -> None:
    site, evil = new_site(), new_site()
    workspace = make({"connectors/shop/connector.yaml": next_url(site)})
    with opened(workspace) as acme, pytest.raises(ConfigurationError):
        acme.list("people.list", Call(cursor=encode_cursor({"url": f"{evil.url}/x"})))
    assert evil.arrived == []


def test_an_overridden_base_url_gets_no_credential(make: Callable[..., Workspace], new_site: Callable[[], Any]) -> None:
    site, evil = new_site(), new_site()
    account = {"connector": "shop", "override": {"base_url": evil.url, "hosts": [evil.host]}}
    workspace = make({"connectors/shop/connector.yaml": connector(site), "accounts/acme.yaml": account})
    with pytest.raises(ConfigurationError) as refused:
        opened(workspace)
    assert {finding.code for finding in refused.value.findings} == {"SEC110"}
    assert evil.arrived == []


def test_a_redirect_elsewhere_carries_no_credential(
    make: Callable[..., Workspace], new_site: Callable[[], Any]
) -> None:
    site, other = new_site(), new_site()
    other.answer = lambda got: {"items": []}
    site.answer = lambda got: (302, {"Location": f"{other.url}/moved"}, None)
    workspace = make({"connectors/shop/connector.yaml": connector(site)})
    with opened(workspace) as acme:
        acme.list("people.list")
    assert [got.headers.get("authorization") for got in other.arrived] == [None]
