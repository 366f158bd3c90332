"""An override tries to reach what else is on the vendor's host: by a path that climbs, a page, a job, a value."""

import json
from typing import Any

import pytest
from attack import KEY, World

THINGS = {"results": [{"id": "1"}], "next": "/v1/things?page=2"}


def listing(**operation: Any) -> dict[str, Any]:
    return {"resources": {"things": {"list": operation}}}


def paging(format: str, **config: Any) -> dict[str, Any]:  # noqa: A002
    return {"pagination": {"format": format, "config": config}}


@pytest.mark.parametrize(
    "override",
    [
        paging("next_url", next_url_field="'@V/admin'"),
        paging("next_url", next_url_field="'/admin'"),
        paging("next_url", next_url_field="'/v1/%2e%2e/admin'"),
        paging("next_url", next_url_field="'/%2e%2e/admin'", relative_to="base_url"),
        paging("next_url", next_url_field="'/v1\\\\..\\\\admin'"),
        listing(**paging("next_url", next_url_field="'/admin'")),
        {"resources": {"things": paging("next_url", next_url_from_header="x-next")}},
        paging("dynamic", send="{'url': '@V/admin'}", next="null"),
        paging("dynamic", send="{'path': '/../admin'}", next="null"),
        paging("dynamic", send="{'path': '..%2fadmin'}", next="null"),
        listing(job={"poll": {"url": "/admin", "status": "'done'", "done": ["done"]}}),
        listing(job={"poll": {"url": "{{job.created.headers.'x-next'}}", "status": "'done'", "done": ["done"]}}),
        listing(path="/../admin"),
        listing(path="/%2e%2e/admin"),
        listing(path="/.%2e%2fadmin"),
        listing(path="\\..\\admin"),
        listing(path="/{{context.climb}}/admin"),
        listing(path="/%2{{context.e}}%2{{context.e}}/admin"),
        listing(path="/..;x/{{context.climb}}"),
        {"unified": {"crm": {"things": {"list": {"before": [
            {"name": "a", "request": {"path": "/%252e%252e/admin"}}]}}}}},
    ],
    ids=lambda override: json.dumps(override)[:90],
)  # fmt: skip
def test_nothing_above_the_base_url_is_asked(world: World, override: dict[str, Any]) -> None:
    world.vendor.answer = lambda got: (200, {"x-next": "/admin"}, THINGS)
    told = json.loads(json.dumps(override).replace("@V", world.vendor.url))
    done = world.attack(told, context={"climb": "%2e%2e", "e": "e"})
    assert done.code == 3, done.all
    assert all(got.target.startswith("/v1/things") for got in world.vendor.arrived)
    world.nothing_leaked(done)


@pytest.mark.parametrize(
    "override",
    [
        paging("next_url", next_url_field="next"),
        paging("dynamic", send="state ? {'path': '/things?page=2'}", next="state ? null : 2"),
        listing(job={"poll": {"url": "{{job.created.body.next}}", "status": "'done'", "done": ["done"]}}),
    ],
    ids=["next_url", "dynamic", "job"],
)
def test_a_page_below_it_is(world: World, override: dict[str, Any]) -> None:
    world.vendor.answer = lambda got: (200, {}, THINGS if got.target == "/v1/things" else {"results": []})
    done = world.attack(override)
    assert done.code == 0, done.all
    assert [got.target for got in world.vendor.arrived] == ["/v1/things", "/v1/things?page=2"]


def test_the_connector_itself_may_page_anywhere_on_its_host(world: World) -> None:
    page = [{"id": str(number)} for number in range(5)]
    first, last = {"results": page, "next": "/pages/2"}, {"results": [], "next": None}
    world.vendor.answer = lambda got: (200, {}, last if "pages" in got.target else first)
    made = world.connector(**paging("next_url", next_url_field="next", size_param="size"))
    world.lay_out(paging("next_url", size=5), connector=made)
    done = world.conn("run", "things.list", "-a", "acme")
    assert done.code == 0, done.all
    assert [got.target for got in world.vendor.arrived] == ["/v1/things?size=5", "/pages/2"]


def test_a_value_does_not_lead_a_token_request_elsewhere(world: World) -> None:
    settings = {"token_url": f"{world.vendor.url}/{{{{context.tenant}}}}/token", "client_id": "app",
                "client_secret": "{{env.VENDOR_APP}}", "client_authentication": "body"}  # fmt: skip
    made = world.connector(credentials={"format": "oauth2_client_credentials", "config": settings},
                           authorization={"format": "bearer"})  # fmt: skip
    for tenant in ("notes?x=", "notes#", "a/../notes?", "%2e%2e", "..", "a\\b"):
        world.lay_out(connector=made, context={"tenant": tenant})
        done = world.conn("run", "things.list", "-a", "acme", CONN_ACME_API_KEY="")
        assert done.code == 3, done.all
        assert world.vendor.arrived == []
    assert KEY not in done.all
