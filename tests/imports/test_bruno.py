"""Bruno collections: folders of .bru or YAML files, and OpenCollection documents."""

import json
from pathlib import Path
from typing import Any

import pytest
from reading import read_connector

from conn_engine.errors import ConfigurationError
from conn_import import Options, import_source, propose_name, read_source
from conn_import.bruno.bru_text import BruRow, parse_blocks

KEY = "Zq9Xv7LmP3wT8rKd4Yb2"
LIST = """\
meta {
  name: List contacts
  type: http
  seq: 2
}

get {
  url: {{baseUrl}}/v2/contacts?limit=5&old=1
  body: none
  auth: inherit
}

params:query {
  limit: 5
  ~old: 1
}

example {
  name: Two
  response: {
    headers: {
      content-type: application/json
    }

    status: {
      code: 200
      text: OK
    }

    body: {
      type: json
      content: '''
        {"data": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]}
      '''
    }
  }
}

tests {
  test("a", function() {
    expect(1).to.equal(1);
  });
}
"""
CREATE = f"""\
meta {{
  name: Create contact
  type: http
  seq: 1
}}

post {{
  url: {{{{baseUrl}}}}/v2/contacts
  body: json
  auth: bearer
}}

auth:bearer {{
  token: {KEY}
}}

headers {{
  X-Trace: off
  ~X-Old: 1
}}

body:json {{
  {{
    "name": "Ada",
    "nested": {{
      "a": 1
    }}
  }}
}}

vars:post-response {{
  id: res.body.id
}}

assert {{
  res.status: eq 201
}}
"""
FILES = {
    "bruno.json": '{"version": "1", "name": "Shop API", "type": "collection"}',
    "collection.bru": f"headers {{\n  X-Tenant: {{{{tenant}}}}\n  X-Trace: on\n}}\n\nauth {{\n  mode: bearer\n}}\n\n"
    f"auth:bearer {{\n  token: {KEY}\n}}\n\nscript:pre-request {{\n  bru.setVar('a', 1);\n}}\n",
    "environments/Local.bru": "vars {\n  baseUrl: http://localhost:3000\n}\n",
    "environments/Prod.bru": f"vars {{\n  baseUrl: https://api.shop.example\n  token: {KEY}\n}}\n"
    "vars:secret [\n  k\n]\n",
    "contacts/folder.bru": "meta {\n  name: Contacts\n}\n",
    "contacts/List contacts.bru": LIST,
    "contacts/Create.bru": CREATE,
    "node_modules/a/b.bru": LIST,
    "README.md": "notes",
}


class Made:
    def __init__(self, path: Path, **options: Any) -> None:
        self.source = read_source(path)
        self.imported = import_source(self.source, Options("shop", **options))
        self.data: dict[str, Any] = read_connector(self.imported.files["connector.yaml"])
        self.lost = dict(self.imported.losses)
        self.files = json.dumps(self.imported.files) + repr(self.imported.recordings)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_folder_of_bru_files(tmp_path: Path) -> None:
    made = Made(write(tmp_path, FILES), samples=True)
    assert propose_name(made.source) == "shop"
    assert made.data["base_url"] == "https://api.shop.example"
    assert made.data["authorization"] == {"format": "bearer"}
    contacts = made.data["resources"]["contacts"]
    assert set(contacts) - {"path"} == {"list", "create"}
    assert contacts["create"]["headers"] == {"X-Trace": "off"}
    assert [recording.operation for recording in made.imported.recordings] == ["contacts.list"]
    assert made.imported.recordings[0].exchanges[0].response.body["data"][0]["id"] == 1
    assert made.imported.format == "Bruno collection"
    assert KEY not in made.files


def test_what_is_not_imported_is_listed_with_its_place(tmp_path: Path) -> None:
    more = {
        "Chat.bru": "meta {\n  name: Chat\n  type: grpc\n}\n\ngrpc {\n  url: x\n}\n",
        "Broken.bru": "get {\n  url: x\n",
    }
    made = Made(write(tmp_path, FILES | more))
    assert made.lost["scripts (tests)"] == ["GET /v2/contacts"]
    assert made.lost["scripts (script:pre-request)"] == ["the collection"]
    assert made.lost["assertions"] == ["Contacts/Create contact"]
    assert made.lost["variables that are set from responses"] == ["Contacts/Create contact"]
    assert made.lost["environments other than Prod, which has the base URL"] == ["Local"]
    assert made.lost["items of type grpc: only http and graphql requests are imported"] == ["Chat"]
    [(reason, places)] = [(what, places) for what, places in made.lost.items() if "cannot be read" in what]
    assert 'the block "get" has no end' in reason
    assert places == ["Broken.bru"]


def test_an_opencollection_folder_and_document_are_the_same(tmp_path: Path) -> None:
    folder = {
        "opencollection.yml": "opencollection: '1.0.0'\ninfo: {name: Shop}\n"
        f"request: {{auth: {{type: apikey, key: X-Api-Key, value: {KEY}, placement: header}}}}\n",
        "environments/live.yml": f"name: live\nvariables: [{{name: url, value: 'https://a.shop.example'}}, "
        f"{{name: token, value: {KEY}, secret: true}}]\n",
        "orders/folder.yml": "info: {name: Orders}\nrequest: {headers: [{name: X-Kind, value: order}]}\n",
        "orders/get.yml": "info: {name: Get, type: http}\nhttp: {method: GET, url: '{{url}}/orders/:id', "
        "auth: inherit, params: [{name: id, value: '7', type: path}, {name: expand, value: lines, type: query}, "
        "{name: old, value: '1', disabled: true}]}\n",
        "orders/add.yml": "info: {name: Add, type: http}\nhttp: {method: POST, url: '{{url}}/orders', "
        "body: {type: form-urlencoded, data: [{name: total, value: '5'}, {name: x, value: y, disabled: true}]}}\n"
        "examples: [{response: {status: 201, body: {type: json, data: '{\"id\": 7}'}}}]\n",
    }
    made = Made(write(tmp_path / "a", folder))
    assert made.data["base_url"] == "https://a.shop.example"
    assert made.data["authorization"] == {"format": "header", "config": {"name": "X-Api-Key"}}
    assert set(made.data["resources"]["orders"]) - {"path"} == {"get", "create"}
    assert made.data["resources"]["orders"]["create"]["body_format"] == "form"
    assert KEY not in made.files
    bundle = made.source.data
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    assert Made(tmp_path / "bundle.json").data == made.data


@pytest.mark.parametrize(
    ("auth", "credentials", "authorization"),
    [
        ("mode: basic\n}\nauth:basic {\n  username: u\n  password: p", "basic", {"format": "basic"}),
        (
            f"mode: apikey\n}}\nauth:apikey {{\n  key: api_key\n  value: {KEY}\n  placement: queryparams",
            "api_key",
            {"format": "query", "config": {"name": "api_key"}},
        ),
        (
            "mode: oauth2\n}\nauth:oauth2 {\n  grant_type: client_credentials\n"
            "  access_token_url: https://api.shop.example/token\n  scope: a b",
            "oauth2_client_credentials",
            {"format": "bearer", "config": {"path": "oauth.token.access_token"}},
        ),
    ],
)
def test_the_authorization_of_a_collection(
    tmp_path: Path, auth: str, credentials: str, authorization: dict[str, Any]
) -> None:
    made = Made(write(tmp_path, FILES | {"collection.bru": f"auth {{\n  {auth}\n}}\n", "contacts/Create.bru": LIST}))
    assert made.data["credentials"]["format"] == credentials
    assert made.data["authorization"] == authorization
    assert KEY not in made.files


@pytest.mark.parametrize(("mode", "label"), [("digest", "digest"), ("awsv4", "awsv4"), ("oauth2", "oauth2 password")])
def test_an_authorization_that_does_not_exist_here_is_listed(tmp_path: Path, mode: str, label: str) -> None:
    settings = f"auth:{mode} {{\n  username: u\n  password: {KEY}\n  grant_type: password\n}}\n"
    files = FILES | {"collection.bru": f"auth {{\n  mode: {mode}\n}}\n\n{settings}", "contacts/Create.bru": LIST}
    made = Made(write(tmp_path, files))
    assert f"the {label} authorization: unsupported, or without its URLs" in made.lost
    assert KEY not in made.files


def test_one_file_is_a_connector_too(tmp_path: Path) -> None:
    made = Made(write(tmp_path, {"a.bru": CREATE.replace("{{baseUrl}}", "https://api.shop.example")}) / "a.bru")
    assert made.data["resources"]["contacts"]["create"]
    assert KEY not in made.files


def test_graphql_and_other_bodies(tmp_path: Path) -> None:
    def request(body: str, text: str) -> str:
        return f"post {{\n  url: https://api.shop.example/{body}\n  body: {body}\n}}\n\n{text}\n"

    files = {
        "a.bru": request("graphql", 'body:graphql {\n  { things { id } }\n}\n\nbody:graphql:vars {\n  {"n": 1}\n}'),
        "b.bru": request("multipartForm", "body:multipart-form {\n  note: x\n  photo: @file(/tmp/a.png)\n}"),
        "c.bru": request("xml", "body:xml {\n  <a>1</a>\n}"),
        "d.bru": request("file", "body:file {\n  file: @file(a.bin) @contentType(text/plain)\n}"),
        "e.bru": request("sparql", "body:sparql {\n  SELECT *\n}"),
        "f.bru": request("odd", "body:odd {\n  x\n}"),
    }
    made = Made(write(tmp_path, files))
    formats = {
        method.get("path", resource): method.get("body_format")
        for resource, methods in made.data["resources"].items()
        for method in methods.values()
        if isinstance(method, dict)
    }
    assert sorted(map(str, formats.values())) == ["graphql", "multipart", "raw", "raw", "raw"]
    assert "operations with a odd body" in made.lost


def test_the_rows_of_a_block() -> None:
    text = """\
# a comment
headers {
  plain: a: b
  ~off: 1
  "with: colon \\"q\\"": x
  @description('a: b')
  noted: y
  @description('''
    two: lines
  ''')
  long: '''
    first
      second
  '''
  # left: out
  @local: z
  empty:
}
vars:secret [ one, two ]
meta {
  tags: [
    a
  ]
}
"""
    headers, secret, meta = parse_blocks(text, "a.bru")
    assert headers.read_rows() == [
        BruRow("plain", "a: b"),
        BruRow("off", "1", False),
        BruRow('with: colon "q"', "x"),
        BruRow("noted", "y"),
        BruRow("long", "first\n  second"),
        BruRow("local", "z"),
        BruRow("empty", ""),
    ]
    assert (secret.name, secret.text.strip(), meta.name) == ("vars:secret", "one, two", "meta")


def test_a_collection_that_was_exported_as_json(tmp_path: Path) -> None:
    listing = {
        "url": "{{host}}/contacts?limit=5",
        "method": "GET",
        "params": [{"name": "limit", "value": "5", "type": "query", "enabled": True}],
        "headers": [{"name": "X-Old", "value": "1", "enabled": False}],
        "auth": {"mode": "inherit"},
        "tests": "test()",
        "assertions": [{"name": "res.status", "value": "eq 200"}],
    }
    body = {"mode": "formUrlEncoded", "formUrlEncoded": [{"name": "a", "value": "1", "enabled": True}]}
    create = {"url": "{{host}}/contacts", "method": "POST", "body": body, "auth": {"mode": "none"}}
    example = {"response": {"status": 200, "body": {"type": "json", "content": '{"data": [{"id": 1}]}'}}}
    document = {
        "name": "Shop",
        "version": "1",
        "items": [
            {
                "type": "folder",
                "name": "Contacts",
                "root": {"request": {"auth": {"mode": "bearer", "bearer": {"token": KEY}}}},
                "items": [
                    {"type": "http", "name": "List", "request": listing, "examples": [example]},
                    {"type": "http-request", "name": "Create", "request": create},
                    {"type": "grpc-request", "name": "Call", "request": {"url": "x"}},
                ],
            },
        ],
        "environments": [{"name": "Prod", "variables": [{"name": "host", "value": "https://a.example"}]}],
    }
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(document))
    made = Made(path)
    assert (made.data["base_url"], made.data["authorization"]) == ("https://a.example", {"format": "bearer"})
    contacts = made.data["resources"]["contacts"]
    assert (contacts["list"]["response_path"], contacts["create"]["body_format"]) == ("data", "form")
    assert made.lost["scripts (tests)"] == ["GET /contacts"]
    assert made.lost["assertions"] == ["Contacts/List"]
    assert made.lost["items of type grpc-request: only http and graphql requests are imported"] == ["Contacts/Call"]
    assert KEY not in made.files
    for odd in ([1], [{"type": "http", "request": 3}], [{"type": "folder", "items": [None]}]):
        path.write_text(json.dumps({**document, "items": odd, "root": 3, "environments": [4]}))
        with pytest.raises(ConfigurationError, match="no operations"):
            Made(path)


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.bru"
    path.write_bytes(
        b"\xef\xbb\xbf" + CREATE.replace("{{baseUrl}}", "https://a.example").replace("\n", "\r\n").encode()
    )
    assert Made(path).data["base_url"] == "https://a.example"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README.md": "x"}, "has no request of a Bruno collection"),
        ({"bruno.json": "{}"}, "has no request of a Bruno collection"),
        ({"connector.yaml": "http: {url: https://a.example}"}, "has no request of a Bruno collection"),
        ({"a.bru": "nothing"}, "has no operations"),
    ],
)
def test_a_folder_without_requests(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Made(write(tmp_path, files))


def test_the_root_of_a_folder_alone_names_the_folder(tmp_path: Path) -> None:
    write(tmp_path, {"opencollection.yml": "opencollection: '1.0.0'\ninfo: {name: A}\n"})
    with pytest.raises(ConfigurationError) as caught:
        Made(tmp_path / "opencollection.yml")
    assert "conn import FOLDER" in caught.value.hint


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"secret.bru": LIST.replace("contacts", "secrets")})
    folder = write(tmp_path / "inside", FILES)
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "linked.bru").symlink_to(tmp_path / "outside/secret.bru")
    made = Made(folder)
    assert made.lost["links to other files"] == ["linked", "linked.bru"]
    assert "secrets" not in made.imported.files["connector.yaml"]


def test_the_number_of_files_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conn_import.bruno.folders._MOST_FILES", 3)
    with pytest.raises(ConfigurationError, match="has more than 3 files"):
        Made(write(tmp_path, FILES))


@pytest.mark.parametrize(
    "document",
    [
        {"items": [1, None, {"items": 3}, {"http": 4}, {"http": {}}, {"info": 5, "http": {"url": 6, "body": [7]}}]},
        {"items": {"info": {}}, "config": [], "request": "x"},
        {"items": [{"http": {"url": "https://a.example/b", "params": "x", "headers": [1], "body": {"type": []}}}]},
        {"items": [{"http": {"url": "https://a.example/b", "auth": []}, "examples": ["x", {"response": {"body": 4}}]}],
         "config": {"environments": [{}]}},
    ],
)  # fmt: skip
def test_odd_documents_do_no_harm(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps({"opencollection": "1.0.0", **document}))
    try:
        Made(path)
    except ConfigurationError as error:
        assert error.message
