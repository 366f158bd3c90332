"""Features of OpenAPI, one each: servers, security, names, parameters, records, paging, what is chosen by --only."""

from typing import Any

import pytest

from conn_engine.errors import ConfigurationError, UsageError

ITEM = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
LIST = {"type": "array", "items": ITEM}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


STRING, INTEGER, URL = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "uri"}
BOOLEAN = {"type": "boolean"}


def query(*names: str, **schema: Any) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": schema or STRING} for name in names]


@pytest.mark.parametrize(
    ("servers", "base", "fields"),
    [
        (
            [{"url": "https://{a.b}.t.example/", "variables": {"a.b": {"default": "your-company"}}}],
            "https://{{context.a_b}}.t.example",
            ["a_b"],
        ),
        ([{"url": "https://your-domain.t.example/x"}], "https://{{context.domain}}.t.example/x", ["domain"]),
        ([{"url": "/v2"}], "https://api.example.com/v2", []),
        ([], "https://api.example.com", []),
        ([{"url": "https://u:p@t.example"}], "https://api.example.com", []),
        ([{"url": "https://t.example/{{env.SECRET}}"}], "https://t.example/{{context.env_secret}}", ["env_secret"]),
        ([{"url": "javascript:alert(1)"}], "https://api.example.com", []),
    ],
)
def test_servers(imported, api, servers, base, fields) -> None:
    made = imported(api({"/a": {"get": {"responses": {}}}}, servers=servers))
    assert made.data["base_url"] == base
    assert [row["name"] for row in made.data.get("fields", [])] == fields


def server(url: str, **values: list[str]) -> dict[str, Any]:
    return {"url": url, "variables": {name: {"enum": some, "default": some[0]} for name, some in values.items()}}


@pytest.mark.parametrize(
    ("servers", "own", "hosts"),
    [
        ([server("https://{r}.t.example", r=["eu", "us"])], [], ["eu.t.example", "us.t.example"]),
        ([server("https://t.{d}/v1", d=["example", "test"])], [], ["t.example", "t.test"]),
        ([server("https://{r}.{h}.t.example", r=["a"], h=["b", "c"])], [], ["a.b.t.example", "a.c.t.example"]),
        ([server("https://api.t.example/{v}", v=["1", "2"])], [], None),
        ([server("https://{r}.t.example", r=["eu"])], ["https://files.t.example"], ["eu.t.example", "files.t.example"]),
        ([server("https://api.t.example")], [server("https://{r}.f.example", r=["a", "b"])],
         ["a.f.example", "b.f.example", "api.t.example"]),
        ([{"url": "https://{r}.t.example", "variables": {"r": {"default": "eu"}}}], [], None),
    ],
)  # fmt: skip
def test_hosts_whose_alternatives_are_listed_are_written_out(imported, api, servers, own, hosts) -> None:
    rows = [one if isinstance(one, dict) else {"url": one} for one in own]
    bearer = {"components": {"securitySchemes": {"s": {"type": "http", "scheme": "bearer"}}}, "security": [{"s": []}]}
    made = imported(api({"/a": {"get": {"responses": {}, "servers": rows}}}, servers=servers, **bearer))
    assert made.data.get("hosts") == hosts
    assert not any("host" in what or "server" in what for what in made.lost)


@pytest.mark.parametrize(
    ("url", "base"),
    [("/v2", "https://api.t.example/v2"), ("https://files.t.example/", "https://files.t.example"), ("/v1/", None)],
)
def test_a_server_of_a_path(imported, api, url, base) -> None:
    paths = {"/a": {"servers": [{"url": url}], "get": {"responses": {}}}, "/b": {"get": {"responses": {}}}}
    document = api(paths, servers=[{"url": "https://api.t.example/v1"}])
    made = imported(document)
    assert made.operation("a.get").get("base_url") == base
    given = imported(document, base_url="https://mock.example")
    assert given.data["base_url"] == "https://mock.example" and "base_url" not in str(given.data["resources"])
    assert given.lost.get("a separate server: --base-url replaces it") == ["GET /a"]


def test_a_base_url_may_be_given(imported, api) -> None:
    made = imported(api({"/a": {"get": {"responses": {}}}}, servers=[]), base_url="https://own.example/v1/")
    assert made.data["base_url"] == "https://own.example/v1"
    with pytest.raises(UsageError):
        imported(api({"/a": {"get": {"responses": {}}}}), base_url="ftp://x")


@pytest.mark.parametrize(
    ("scheme", "credentials", "authorization"),
    [
        ({"type": "http", "scheme": "Bearer"}, "bearer", {"format": "bearer"}),
        ({"type": "http", "scheme": "basic"}, "basic", {"format": "basic"}),
        (
            {"type": "apiKey", "in": "cookie", "name": "SID"},
            "api_key",
            {"format": "cookie", "config": {"name": "SID", "value": "{{api_key}}"}},
        ),
        (
            {"type": "apiKey", "in": "header", "name": "X-Key"},
            "api_key",
            {"format": "header", "config": {"name": "X-Key"}},
        ),
        ({"type": "apiKey", "in": "query", "name": "key"}, "api_key", {"format": "query", "config": {"name": "key"}}),
        (
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
            "oauth2_client_credentials",
            {"format": "bearer", "config": {"path": "oauth.token.access_token"}},
        ),
        (
            {"type": "oauth2", "flows": {"password": {"tokenUrl": "https://t.example/token"}}},
            "none",
            {"format": "none"},
        ),
        ({"type": "openIdConnect", "openIdConnectUrl": "https://t.example"}, "none", {"format": "none"}),
        ({"type": "apiKey", "in": "header", "name": "bad header\r\n"}, "none", {"format": "none"}),
        ({"type": "mutualTLS"}, "none", {"format": "none"}),
    ],
)
def test_security(imported, api, scheme, credentials, authorization) -> None:
    document = api(
        {"/a": {"get": {"responses": {}}}}, components={"securitySchemes": {"s": scheme}}, security=[{"s": []}]
    )
    made = imported(document)
    assert made.data["credentials"]["format"] == credentials
    assert made.data["authorization"] == authorization
    assert any("security scheme s" in what for what in made.lost) is (credentials == "none")


def test_the_most_used_scheme_is_chosen_or_the_named_one(imported, api) -> None:
    schemes = {"a": {"type": "http", "scheme": "basic"}, "b": {"type": "http", "scheme": "bearer"}}
    document = api({"/a": {"get": {"responses": {}}}}, components={"securitySchemes": schemes}, security=[{"b": []}])
    assert imported(document).data["credentials"] == {"format": "bearer"}
    assert imported(document, security="a").data["credentials"] == {"format": "basic"}


@pytest.mark.parametrize(
    ("path", "method", "name"),
    [
        ("/api/v2/deals", "get", "deals.list"),
        ("/api/v2/deals", "post", "deals.create"),
        ("/api/v2/deals/{id}", "get", "deals.get"),
        ("/api/v2/deals/{id}", "patch", "deals.update"),
        ("/api/v2/deals/{id}", "delete", "deals.delete"),
        ("/api/v2/deals/{id}/products", "get", "deal_products.list"),
        ("/api/v2/deals/{id}/duplicate", "post", "deals.duplicate"),
        ("/api/v2/deals/search", "get", "deals.search"),
        ("/api/v2/deals/batch/read", "post", "deals.batch_read"),
        ("/api/v2/dealFields", "get", "deal_fields.list"),
        ("/api/v2/deals/{id}/query", "post", "deals.query_records"),
        ("/api/v2/{a}/{b}", "get", "v2.get"),
        ("/api/v2/Überblicke", "get", "uberblicke.get"),
        ("/api/v2/123", "get", "t.get"),
    ],
)
def test_names(imported, api, path, method, name) -> None:
    document = api({path: {method: {"responses": {}}}, "/api/v2/others/{id}": {"get": {"responses": {}}}})
    document["paths"].setdefault("/api/v2/deals", {}).setdefault("get", {"responses": {}})
    assert name in imported(document).names


def test_remote_calls_are_split_at_the_dot(imported, api) -> None:
    document = api({"/chat.postMessage": {"post": {"responses": {}}}, "/admin.apps.list": {"get": {"responses": {}}}})
    assert imported(document).names == {"chat.post_message", "admin_apps.list"}


def test_collisions_are_resolved_the_same_way_in_any_order(imported, api) -> None:
    paths = {
        "/a/v1/things": {"get": {"operationId": "oldThings", "responses": {}}},
        "/a/v2/things": {"get": {"operationId": "newThings", "responses": {}}},
        "/a/v3/things": {"get": {"responses": {}}},
    }
    first = imported(api(paths)).data["resources"]["things"]
    second = imported(api(dict(reversed(paths.items())))).data["resources"]["things"]
    assert {name: row["path"] for name, row in first.items()} == {name: row["path"] for name, row in second.items()}
    assert first["list"]["path"] == "/a/v1/things" and first["new"]["path"] == "/a/v2/things"


def test_a_parameter_has_one_name_whatever_the_paths_call_it(imported, api) -> None:
    called = ["/deals/{id}", "/deals/{dealId}/notes", "/deals/{id}/notes/{note_id}", "/deals/{deal-id}/duplicate",
              "/deals/{deal}/products", "/deals/{dealId}/products/{id}"]  # fmt: skip
    made = imported(api({path: {"get": {"responses": {}}} for path in called}))
    assert sorted(row["path"] for rows in made.data["resources"].values() for row in rows.values()) == [
        "/deals/{{deal_id}}/notes", "/deals/{{deal_id}}/notes/{{id}}", "/deals/{{deal_id}}/products",
        "/deals/{{deal_id}}/products/{{id}}", "/deals/{{id}}", "/deals/{{id}}/duplicate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("paths", "schema", "name"),
    [
        (["/users"], obj(id=STRING, name=STRING), "users.list"),
        (["/users", "/users/{id}"], obj(name=STRING), "users.list"),
        (["/statistics"], obj(count=INTEGER), "statistics.get"),
        (["/actions/{id}/list"], LIST, "action_list.list"),
        (["/actions/{id}/list", "/actions/{id}"], None, "action_list.list"),
        (["/actions/list", "/actions/{id}"], None, "actions.list"),
        (["/actions/{id}/items/list"], None, "action_items.list"),
    ],
)
def test_what_is_a_list(imported, api, answers, paths, schema, name) -> None:  # noqa: PLR0917
    responses = answers(schema) if schema else {}
    document = api({path: {"get": {"responses": responses}} for path in paths})
    document["paths"]["/others"] = {"post": {"responses": {}}}
    assert name in imported(document).names


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/a/{id}", "/a/{{id}}"),
        ("/a/{a_gid}", "/a/{{id}}"),
        ("/a/{slug}", "/a/{{id}}"),
        ("/a/{x-y}/b", "/a/{{id}}/b"),
        ("/a/{x-y}/bs", "/a/{{x_y}}/bs"),
        ("/a/{aId}/bs/{bId}", "/a/{{a_id}}/bs/{{id}}"),
        ("/orgs/{org}/repos/{repo}", "/orgs/{{org}}/repos/{{repo}}"),
        ("/deals/{id}/products/{product_id}", "/deals/{{deal_id}}/products/{{id}}"),
        ("/a/{query}/b/{body}", "/a/{{query_value}}/b/{{body_value}}"),
        ("/a/{id}.json", "/a/{{id}}.json"),
        ("/a/{id}:cancel", "/a/{{id}}:cancel"),
    ],
)
def test_path_parameters(imported, api, path, template) -> None:
    made = imported(api({path: {"get": {"responses": {}}}}))
    assert [row["path"] for rows in made.data["resources"].values() for row in rows.values()] == [template]


@pytest.mark.parametrize("path", ["/a/{{env.SECRET}}", "/a/{b", "/a/../b", "//a", "/a b", "/a\\b", "/a\n/b"])
def test_a_path_that_cannot_be_said_is_listed(imported, api, path) -> None:
    made = imported(api({path: {"get": {"responses": {}}}, "/ok": {"get": {"responses": {}}}}))
    assert made.imported.operations == 1 and "operations whose path is not a valid URL path" in made.lost


def test_required_and_constant_parameters(imported, api) -> None:
    parameters = [
        {"name": "kind", "in": "query", "required": True, "schema": {"enum": ["web"]}},
        {"name": "size", "in": "query", "required": True, "schema": {"type": "integer", "default": 7}},
        {"name": "filter[x]", "in": "query", "required": True, "schema": STRING},
        {"name": "q", "in": "query", "schema": STRING},
        {"name": "access_token", "in": "query", "required": True, "schema": {"default": "abc"}},
        {"name": "evil", "in": "query", "required": True, "schema": {"enum": ["{{env.HOME}}"]}},
        {"name": "Tenant", "in": "header", "required": True, "schema": STRING},
        {"name": "Api-Version", "in": "header", "required": True, "schema": {"type": "string", "example": "3"}},
    ]
    made = imported(api({"/things": {"get": {"parameters": parameters, "responses": {}}}}))
    query = made.operation("things.list")["query"]
    assert query == {"kind": "web", "size": 7, "filter[x]": "{{query.`filter[x]`}}", "evil": "{{query.evil}}"}
    assert made.data["headers"] == {"Api-Version": "3", "Tenant": "{{context.tenant}}"}
    assert made.data["fields"][0]["name"] == "tenant"
    assert made.data["authorization"] == {"format": "query", "config": {"name": "access_token"}}


ACCOUNT = {"name": "accountId", "in": "path", "required": True, "description": "Your account", "schema": STRING}


@pytest.mark.parametrize(
    ("before", "others", "is_account"),
    [
        ("/v1/accounts/{accountId}", ["/token"], True),
        ("/v1/accounts/{accountId}", ["/v1/accounts/{accountId}"], True),
        ("/{accountId}", [], True),
        ("/v1/accounts/{accountId}", ["/a", "/b"], False),  # not in nearly all
        ("/v1/deals/{accountId}", [], True),
        ("/v1/deals/{accountId}", ["/v1/deals/{id}"], False),  # a record
    ],
)
def test_a_value_in_nearly_all_paths_belongs_to_the_account(imported, api, before, others, is_account) -> None:
    own = [f"{before}/{name}" for name in ("contacts", "contacts/{id}", "notes", "tags", "hooks")]
    paths = {path: {"get": {"parameters": [ACCOUNT], "responses": {}}} for path in [*own, *others]}
    made = imported(api(paths))
    texts = [row["path"] for rows in made.data["resources"].values() for row in rows.values()]
    assert any("{{context." in text for text in texts) is is_account
    assert ("fields" in made.data) is is_account
    if is_account:
        name = made.data["fields"][0]["name"]
        assert f"description: Your account }}] # guess: nearly all paths have {name}\n" in made.text
        assert before.replace("{accountId}", f"{{{{context.{name}}}}}") + "/contacts/{{id}}" in texts
        assert (before in others) is ("/v1/accounts/{{id}}" in texts)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (LIST, None),
        (obj(data=LIST, links=obj(next=STRING)), "data"),
        (obj(things=LIST, included=LIST), "things"),
        (obj(meta=obj(total=INTEGER), odd=LIST), "odd"),
        (obj(data=obj(items=LIST)), "data.items"),
        (obj(result=obj(things=LIST, more=BOOLEAN)), "result.things"),
        ({"allOf": [obj(ok=BOOLEAN), obj(results=LIST)]}, "results"),
        ({"oneOf": [{"type": "null"}, obj(records=LIST)]}, "records"),
        (obj(**{"odd-name": LIST}), "`odd-name`"),
    ],
)
def test_records_of_a_list(imported, api, answers, schema, path) -> None:
    made = imported(api({"/things": {"get": {"responses": answers(schema)}}}))
    assert made.operation("things.list").get("response_path") == path


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (ITEM, None),
        (obj(thing=ITEM), "thing"),
        (obj(success=BOOLEAN, data=ITEM), "data"),
        (obj(id=STRING, data=ITEM), None),
        (obj(Things=LIST), "Things"),
    ],
)
def test_record_of_one(imported, api, answers, schema, path) -> None:
    made = imported(api({"/things/{id}": {"get": {"responses": answers(schema)}}}))
    assert made.operation("things.get").get("response_path") == path


@pytest.mark.parametrize(
    ("parameters", "schema", "expected"),
    [
        (
            query("cursor"),
            obj(data=LIST, meta=obj(next_cursor=STRING)),
            ("cursor", {"cursor_field": "meta.next_cursor", "cursor_param": "cursor"}),
        ),
        (
            query("after"),
            obj(data=LIST, paging=obj(prev=obj(before=STRING), next=obj(after=STRING, link=STRING))),
            ("cursor", {"cursor_field": "paging.next.after", "cursor_param": "after"}),
        ),
        (
            query("pageToken"),
            obj(items=LIST, nextPageToken=STRING),
            ("cursor", {"cursor_field": "nextPageToken", "cursor_param": "pageToken"}),
        ),
        (
            query("offset"),
            obj(data=LIST, next_page=obj(offset=STRING, uri=URL)),
            ("cursor", {"cursor_field": "next_page.offset", "cursor_param": "offset"}),
        ),
        (
            query("page[after]"),
            obj(things=LIST, meta=obj(after_cursor=STRING, before_cursor=STRING)),
            ("cursor", {"cursor_field": "meta.after_cursor", "cursor_param": "page[after]"}),
        ),
        (
            query("starting_after"),
            obj(data=LIST, has_more=BOOLEAN),
            (
                "cursor",
                {"next_cursor": "records[-1].id", "cursor_param": "starting_after", "has_more": "body.has_more"},
            ),
        ),
        ([], obj(data=LIST, links=obj(self=URL, next=URL)), ("next_url", {"next_url_field": "links.next"})),
        ([], obj(value=LIST, **{"@odata.nextLink": STRING}), ("next_url", {"next_url_field": "`@odata.nextLink`"})),
        ([], obj(Items=LIST, NextPageLink=URL), ("next_url", {"next_url_field": "NextPageLink"})),
        (
            query("page"),
            obj(data=LIST, next_page=STRING),
            ("cursor", {"cursor_field": "next_page", "cursor_param": "page"}),
        ),
        (query("page", type="integer"), obj(things=LIST, next_page=URL), ("next_url", {"next_url_field": "next_page"})),
        (
            query("offset", "limit", type="integer"),
            obj(data=LIST, total=INTEGER),
            ("offset", {"offset_param": "offset", "size_param": "limit", "total_field": "total"}),
        ),
        (
            query("startAt", "maxResults", type="integer"),
            obj(values=LIST, isLast=BOOLEAN),
            ("offset", {"offset_param": "startAt", "size_param": "maxResults", "stop": "body.isLast = true"}),
        ),
        (
            query("page", "per_page", type="integer", default=0),
            LIST,
            ("page", {"page_param": "page", "first": 0, "size_param": "per_page"}),
        ),
        (query("q"), obj(data=LIST), None),
        (query("start", "end"), obj(data=LIST), None),
    ],
)
def test_paging(imported, api, answers, *, parameters, schema, expected) -> None:
    made = imported(api({"/things": {"get": {"parameters": parameters, "responses": answers(schema)}}}))
    found = made.operation("things.list").get("pagination") or made.data.get("pagination")
    assert found == (None if expected is None else {"format": expected[0], "config": expected[1]})


def test_paging_by_link_header_and_size(imported, api, answers) -> None:
    responses = answers(LIST)
    responses["200"]["headers"] = {"Link": {"schema": STRING}}
    parameters = [*query("page"), {"name": "per_page", "in": "query", "schema": {"type": "integer", "maximum": 100}}]
    made = imported(api({"/things": {"get": {"parameters": parameters, "responses": responses}}}))
    assert made.data["pagination"] == {"format": "link_header"}
    assert made.operation("things.list")["query"] == {"per_page": 100}


def test_a_paging_that_cannot_be_told_is_listed(imported, api, answers) -> None:
    made = imported(
        api({"/things": {"get": {"parameters": query("cursor"), "responses": answers({"type": "object"})}}})
    )
    assert any("pagination" in what for what in made.lost)
    assert any("the path to the records" in what for what in made.lost)


def test_deprecated_and_reading_posts(imported, api, answers) -> None:
    operation = {"deprecated": True, "x-sunset": "2027-01-01", "responses": answers(obj(results=LIST))}
    made = imported(api({"/things/search": {"post": operation}, "/things": {"get": {"responses": {}}}}))
    row = made.operation("things.search")
    assert row["deprecated"] == {"sunset": "2027-01-01"} and row["writes"] is False


@pytest.mark.parametrize(
    ("only", "names"),
    [
        (("/deals*",), {"deals.list", "deals.get"}),
        (("People",), {"persons.list"}),
        (("persons.*",), {"persons.list"}),
        (("getDeal", "persons.list"), {"deals.get", "persons.list"}),
    ],
)
def test_only(imported, api, only, names) -> None:
    paths = {
        "/deals": {"get": {"responses": {}}},
        "/deals/{id}": {"get": {"operationId": "getDeal", "responses": {}}},
        "/persons": {"get": {"tags": ["People"], "responses": {}}},
    }
    made = imported(api(paths), only=only)
    assert made.names == names and made.imported.left == 3 - len(names)
    assert f"# {made.imported.left} operation" in made.text


@pytest.mark.parametrize(
    ("only", "places"),
    [((), ["POST /files", "POST /notes"]), (("/files*",), ["POST /files"]), (("/deals",), None)],
)
def test_only_tells_of_what_was_asked_for_alone(imported, api, only, places) -> None:
    odd = {"post": {"requestBody": {"content": {"multipart/mixed": {}}}, "responses": {}}}
    usable = {"get": {"responses": {}}}
    made = imported(api({"/deals": usable, "/files/{id}": usable, "/files": odd, "/notes": odd}), only=only)
    assert made.lost.get("operations with a body of type multipart/mixed") == places


def test_only_that_matches_nothing(imported, api) -> None:
    with pytest.raises(UsageError, match="does not match the only operation"):
        imported(api({"/deals": {"get": {"responses": {}}}}), only=("nope",))


@pytest.mark.parametrize(
    "paths", [{}, {"/f": {"post": {"requestBody": {"content": {"multipart/mixed": {}}}}}}, None, [], {"/a": None}]
)
def test_no_operation_is_a_failure(imported, api, paths) -> None:
    with pytest.raises(ConfigurationError, match="nothing was written"):
        imported(api(paths))


def test_samples_end_their_listing(imported, api, answers) -> None:
    schema = obj(data=LIST, next=STRING, meta=obj(next_cursor={"type": "string", "example": "more"}))
    page = {"parameters": query("page", type="integer"), "responses": answers(LIST)}
    document = api(
        {
            "/things": {"get": {"parameters": query("cursor"), "responses": answers(schema)}},
            "/pages/{book}": {"get": {"responses": {}}},
            "/books/{book}/pages": {"get": page},
        }
    )
    made = imported(document, samples=True).imported
    by_name = {recording.operation: recording for recording in made.recordings}
    assert by_name["things.list"].exchanges[0].response.body["meta"]["next_cursor"] is None
    exchanges = by_name["book_pages.list"].exchanges
    assert [exchange.request.query for exchange in exchanges] == [{"page": "1"}, {"page": "2"}]
    assert exchanges[1].response.body == [] and by_name["book_pages.list"].call.params == {"book": "1"}


def test_lists_in_a_form_of_swagger_are_told(imported) -> None:
    fields = [
        {"name": name, "in": "formData", "type": "array", "items": {"type": "string"}, **more}
        for name, more in (
            ("tags", {}),
            ("ids", {"collectionFormat": "pipes"}),
            ("kinds", {"collectionFormat": "multi"}),
        )
    ]
    paths = {"/a": {"post": {"parameters": fields, "responses": {"200": {"description": "ok"}}}}}
    made = imported({"swagger": "2.0", "host": "api.t.example", "paths": paths})
    assert made.operation("a.create")["body_format"] == "form"
    assert made.lost["lists in a form written as csv: they are sent as repeated fields"] == ["POST /a: tags"]
    assert made.lost["lists in a form written as pipes: they are sent as repeated fields"] == ["POST /a: ids"]


def paged(*names: str, **properties: Any) -> dict[str, Any]:
    """An operation with query parameters whose answer has these properties beside `items`."""
    schema = obj(items=LIST, **properties)
    content = {"application/json": {"schema": schema}}
    return {"parameters": query(*names), "responses": {"200": {"description": "ok", "content": content}}}


def test_the_connectors_pagination_holds_for_operations_with_its_parameter(imported, api) -> None:
    lists = {f"/{name}": {"get": paged("cursor", next_cursor=STRING)} for name in ("as", "bs", "cs")}
    others = {
        "/ds": {"get": paged("cursor")},  # the parameter without a field: as the others do it
        "/es": {"get": paged(next_cursor=STRING)},  # the field without the parameter
        "/fs": {"get": paged()},
        "/fs/{id}": {"get": {"responses": {}}, "patch": {"responses": {}}},
        "/gs": {"get": paged(total=INTEGER) | {"parameters": query("page", "per_page", type="integer")}},
    }
    made = imported(api({**lists, **others}))
    assert made.data["pagination"]["config"] == {"cursor_field": "next_cursor", "cursor_param": "cursor"}
    own = {name: made.operation(name).get("pagination", {}).get("format") for name in sorted(made.names)}
    assert own == {
        "as.list": None, "bs.list": None, "cs.list": None, "ds.list": None, "es.list": "none", "fs.list": "none",
        "fs.get": None, "fs.update": None, "gs.list": "page",
    }  # fmt: skip
    assert "pagination" not in str(made.lost)


def test_a_pagination_that_few_operations_have_is_theirs(imported, api) -> None:
    others = {f"/{name}s": {"get": paged()} for name in "abcdefgh"}
    made = imported(api({"/paged": {"get": paged("cursor", next_cursor=STRING)}, **others}))
    assert "pagination" not in made.data and "{'format': 'none'}" not in str(made.data["resources"])
    assert made.operation("paged.list")["pagination"]["format"] == "cursor"


@pytest.mark.parametrize(
    ("parameter", "config"),
    [
        ({"name": "start_position", "schema": STRING}, {"offset_param": "start_position"}),
        ({"name": "startRow", "schema": INTEGER}, {"offset_param": "startRow"}),
        ({"name": "StartIndex", "schema": {"type": "integer", "default": 1}},
         {"offset_param": "StartIndex", "first": 1}),
        ({"name": "start", "schema": STRING}, None),
        ({"name": "offset", "schema": STRING}, None),
    ],
)  # fmt: skip
def test_offsets(imported, api, parameter, config) -> None:
    operation = paged("count", total=INTEGER)
    operation["parameters"].append({"in": "query", **parameter})
    found = imported(api({"/envelopes": {"get": operation}})).operation("envelopes.list").get("pagination")
    expected = config and {"format": "offset", "config": {"size_param": "count", "total_field": "total", **config}}
    assert found == expected


def test_a_url_of_the_next_page_called_uri(imported, api) -> None:
    made = imported(api({"/envelopes": {"get": paged("start_position", nextUri=STRING)}}))
    assert made.data["pagination"] == {"format": "next_url", "config": {"next_url_field": "nextUri"}}


def read(**more: Any) -> dict[str, Any]:
    schema = more.pop("schema", LIST)
    return {"get": {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}, **more}}


@pytest.mark.parametrize(
    ("paths", "verify"),
    [
        ({"/a/bs": read(), "/as": read(), "/as/{id}": read()}, "as.list"),
        ({"/as": read(), "/me": read(schema=ITEM)}, "me.get"),
        ({"/as": read(security=[]), "/b/cs": read(security=[{"s": []}])}, "b_cs.list"),
        ({"/as": read(parameters=[{"name": "q", "in": "query", "required": True, "schema": STRING}])}, None),
        ({"/as/search": read(), "/reports": read(), "/logout": read(), "/as/export": read(), "/ping": read()}, None),
        ({"/as": {"get": {"deprecated": True, "responses": {}}}, "/as/{id}": read()}, None),
        ({"/v2": read(), "/": read()}, None),
        ({"/as": {"get": {"responses": {"200": {"content": {"text/csv": {}}}}}}}, None),
        ({"/as": {"post": {"responses": {}}}}, None),
    ],
)
def test_verify_is_a_cheap_read_that_needs_nothing(imported, api, paths, verify) -> None:
    schemes = {"securitySchemes": {"s": {"type": "http", "scheme": "bearer"}}}
    assert imported(api(paths, components=schemes, security=[{"s": []}])).data.get("verify") == verify


@pytest.mark.parametrize(
    ("paths", "first"),
    [
        ({"/as": {"post": {"responses": {}}, **read()}}, "as.list"),
        ({"/as": {"post": {"responses": {}}}, "/as/{id}": read()}, "as.get -p id=ID"),
        ({"/as": {"delete": {"responses": {}}}, "/as/search": {"post": {"responses": {}}}}, "as.search"),
        ({"/as": {"post": {"responses": {}}, "delete": {"responses": {}}}}, None),
    ],
)
def test_the_readmes_first_try_is_never_a_write(imported, api, paths, first) -> None:
    readme = imported(api(paths)).imported.files["README.md"]
    assert (f"`conn run {first} --account ACCOUNT --raw --dry-run`" in readme) is (first is not None)
    assert ("conn run" in readme) is (first is not None)
