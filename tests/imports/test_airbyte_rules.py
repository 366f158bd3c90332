"""Rules of the importer of manifests that streams in the wild depend on."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evaluating import evaluate, expression, render, render_path

from conn_engine.errors import ExpressionError
from conn_import import Options, import_source, read_source
from conn_import.airbyte.custom import INSTEAD

Build = Callable[..., Any]
RETRIED = [408, 500, 502, 503, 504]
"""What the engine does not try again by itself, but the kit does."""
WINDOWS = {
    "type": "DatetimeBasedCursor", "cursor_field": "at", "datetime_format": "%Y-%m-%d", "start_datetime": "2026-01-01",
    "start_time_option": {"inject_into": "request_parameter", "field_name": "since"},
}  # fmt: skip


def stream(name: str = "things", requester: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """A stream; `selector` are parts of its record selector, `retriever` of its retriever."""
    extractor = {"type": "DpathExtractor", "field_path": []}
    return {
        "type": "DeclarativeStream",
        "name": name,
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester", "url_base": "https://api.v.example", "path": "/things", **(requester or {})
            },
            "record_selector": {"type": "RecordSelector", "extractor": extractor, **parts.pop("selector", {})},
            **parts.pop("retriever", {}),
        },
        **parts,
    }  # fmt: skip


def manifest(*streams: dict[str, Any]) -> dict[str, Any]:
    names = [one.get("name", "things") for one in streams]
    return {"type": "DeclarativeSource", "check": {"type": "CheckStream", "stream_names": names}, "streams": [*streams]}


@pytest.fixture
def made(imported: Build) -> Build:
    return lambda *streams, **options: imported(manifest(*streams), **options)


def test_removed_fields_are_removed_through_lists(made: Build) -> None:
    removal = {"type": "RemoveFields", "field_pointers": [["rows", "*", "secret"], ["**", "ssn"], ["a", "b"]]}
    result = made(stream(transformations=[removal]))
    assert not result.lost
    record = {"rows": [{"secret": 1, "ssn": 2, "id": 3}], "a": {"b": 4, "c": {"ssn": 5}}}
    mapping = result.operation("things.list")["record_mapping"]
    assert evaluate(mapping, record | {"record": record}) == {"rows": [{"id": 3}], "a": {"c": {}}}


def test_an_absolute_url_in_the_path_is_the_url(made: Build) -> None:
    result = made(stream(requester={"path": "https://files.v.example/v2/rows"}))
    assert (result.data["base_url"], result.operation("things.list")["path"]) == ("https://files.v.example", "/v2/rows")


@pytest.mark.parametrize("handler", [None, {"type": "DefaultErrorHandler"}])
def test_what_fails_is_tried_again_as_often_as_by_the_kit(made: Build, handler: Any) -> None:
    result = made(stream(requester={"error_handler": handler} if handler else {}))
    (rule,) = [*result.data.get("errors", []), *result.operation("things.list").get("errors", [])]
    assert rule["then"]["retry"]["times"] == 5
    assert [status for status in range(400, 600) if evaluate(rule["when"], {"status": status})] == RETRIED


def test_a_parent_key_of_the_root_is_the_whole_record(made: Build) -> None:
    parent = stream("boards")
    router = {
        "type": "SubstreamPartitionRouter",
        "parent_stream_configs": [{"stream": parent, "parent_key": "/", "partition_field": "board"}],
    }
    result = made(stream(retriever={"partition_router": router}), parent)
    assert result.operation("things.list")["parents"]["key"] == "$"
    assert result.data["part_failure"] == "continue"


def test_a_stream_with_parts_goes_on_after_a_refused_one(made: Build) -> None:
    assert made(stream(incremental_sync=WINDOWS)).data["part_failure"] == "continue"
    assert "part_failure" not in made(stream()).data


def test_a_stream_of_two_kinds_is_two_operations(made: Build) -> None:
    delegating = {
        "type": "StateDelegatingStream", "name": "things",
        "full_refresh_stream": stream(requester={"path": "/all"}),
        "incremental_stream": stream(requester={"path": "/changes"}, incremental_sync=WINDOWS),
    }  # fmt: skip
    result = made(delegating)
    assert result.operation("things.list")["path"] == "/all"
    assert result.operation("things_changes.list")["path"] == "/changes"
    assert result.lost


def test_a_choice_between_blanks_leaves_its_key_out(made: Build) -> None:
    value = " {{ {'include': ','.join(config['states'])} if config['states'] else None }} "
    requester = {"http_method": "POST", "request_body_json": {"size": "3", "filter": value}}
    result = made(stream(requester=requester))
    assert not result.lost
    body = result.operation("things.list")["body"].removeprefix("{{").removesuffix("}}")
    sent = [evaluate(body, {"context": {"states": states}}) for states in (["a", "b"], [])]
    assert sent == [{"size": 3, "filter": {"include": "a,b"}}, {"size": 3}]


def test_a_moment_in_quotes_is_what_they_hold(made: Build) -> None:
    start = "{% set day = config.get('since', '2026-02-01') %}\"{{ max(day, '2026-01-01') }}\""
    result = made(stream(incremental_sync={**WINDOWS, "start_datetime": {"datetime": start}}))
    at = result.operation("things.list")["incremental"]["config"]["start"]["at"]
    assert evaluate(at.strip("{}"), {"context": {"since": "2026-03-01"}}) == "2026-03-01"


def job(**poll: Any) -> dict[str, Any]:
    """A job that is created for each part, with a secret in a header; `poll` is added to the request that polls it."""
    requester = {"type": "HttpRequester", "url_base": "https://api.v.example", "path": "/jobs"}
    extractor = {"type": "DpathExtractor", "field_path": ["state"]}
    headers = {"X-Scope": "{{ stream_partition['board'] }}", "X-Key": "{{ config['token'] }}"}
    return {
        "type": "AsyncRetriever",
        "creation_requester": {**requester, "http_method": "POST", "request_headers": headers},
        "polling_requester": {**requester, **poll},
        "download_requester": {"type": "HttpRequester", "url_base": "{{ download_target }}"},
        "status_extractor": extractor, "download_target_extractor": extractor,
        "status_mapping": {"completed": ["DONE"], "failed": ["FAILED"], "running": [], "timeout": []},
        "partition_router": {"type": "ListPartitionRouter", "values": ["a", "b"], "cursor_field": "board"},
    }  # fmt: skip


CREATED = "stream_slice.extra_fields['creation_response']"


def test_a_poll_repeats_what_the_creating_request_said(imported: Build) -> None:
    headers = {
        "x-scope": f"{{{{ {CREATED}.request.headers['x-scope'] }}}}", "X-Key": "{{ config['token'] }}",
    }  # fmt: skip
    spec = {"connection_specification": {"properties": {"token": {"type": "string", "airbyte_secret": True}}}}
    result = imported({**manifest(stream(retriever=job(request_headers=headers))), "spec": spec})
    assert not result.lost
    operation = result.operation("things.list")
    assert operation["job"]["poll"]["headers"]["x-scope"] == operation["headers"]["X-Scope"]


def test_what_else_a_job_was_answered_at_its_creation_is_told(made: Build) -> None:
    result = made(stream(retriever=job(request_headers={"X-At": f"{{{{ {CREATED}.headers['Date'] }}}}"})))
    assert result.lost == {"request_headers.X-At: a part of the response that created the job": ["things"]}


SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "other": {"$ref": "shared.json"}}}
LOADER = {"type": "JsonFileSchemaLoader", "file_path": "./schemas/things.json"}


class TestFilesBesideAManifest:
    """Schemas and the specification, which a manifest leaves to files in its folder."""

    @staticmethod
    def result(folder: Path, **parts: Any) -> Any:
        (folder / "manifest.json").write_text(json.dumps(manifest(stream(**parts))))
        return import_source(read_source(folder / "manifest.json"), Options("vendor"))

    @staticmethod
    def write(path: Path, data: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))

    def test_a_schema(self, tmp_path: Path) -> None:
        self.write(tmp_path / "schemas" / "things.json", SCHEMA)
        self.write(tmp_path / "schemas" / "shared.json", {"type": "object", "properties": {"inner": {}}})
        files = self.result(tmp_path, schema_loader=LOADER).files
        (schema,) = [json.loads(text) for name, text in files.items() if name.endswith(".schema.json")]
        assert schema["properties"]["id"] == {"type": "integer"}
        assert "inner" in json.dumps(schema)

    def test_a_specification(self, tmp_path: Path) -> None:
        properties = {"token": {"type": "string", "title": "The token", "airbyte_secret": True}}
        self.write(tmp_path / "spec.json", {"connectionSpecification": {"type": "object", "properties": properties}})
        authenticator = {"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"}
        made = self.result(tmp_path, requester={"authenticator": authenticator})
        assert "The token" in made.files["connector.yaml"]

    @pytest.mark.parametrize("name", ["../outside.json", "link.json", "/etc/outside.json", "schemas/things.txt"])
    def test_nothing_else_is_read(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / "folder"
        for path in (tmp_path / "outside.json", folder / "schemas" / "things.txt"):
            self.write(path, {"type": "object", "properties": {"private": {}}})
        (folder / "link.json").symlink_to(tmp_path / "outside.json")
        loader = {"type": "JsonFileSchemaLoader", "file_path": name}
        made = self.result(folder, schema_loader=loader)
        assert "private" not in json.dumps(dict(made.files))


def specified(properties: dict[str, Any]) -> dict[str, Any]:
    return {"connection_specification": {"type": "object", "properties": properties}}


def test_a_client_without_a_token_endpoint_is_a_loss_with_its_fix(imported: Build) -> None:
    client = {"client_id": "{{ config['client'] }}", "client_secret": "{{ config['secret'] }}"}
    authenticator = {"type": "OAuthAuthenticator", "grant_type": "client_credentials", **client}
    spec = specified({"client": {"type": "string"}, "secret": {"type": "string", "airbyte_secret": True}})
    result = imported({**manifest(stream(requester={"authenticator": authenticator})), "spec": spec})
    (loss,) = result.lost
    assert "SEC106" in loss and "token_url" in loss
    assert "token_url" not in result.data["credentials"].get("config", {})


def test_two_questions_never_read_the_same(imported: Build) -> None:
    secret = {"type": "string", "title": "API key", "airbyte_secret": True}
    spec = specified({"live": secret, "trial": secret, "shop": {"type": "string", "title": "API Key"}})
    headers = {"X-Live": "{{ config['live'] }}", "X-Trial": "{{ config['trial'] }}"}
    made = imported(
        {**manifest(stream(requester={"path": "a/{{ config['shop'] }}", "request_headers": headers})), "spec": spec}
    )
    asked = made.data["credentials"]["config"]
    labels = [asked["label"], *(one["label"] for one in asked["ask"]), *(one["label"] for one in made.data["fields"])]
    assert labels == ["API key (live)", "API key (trial)", "API Key (shop)"]


class TestValuesOfAPath:
    """Which values of a path are several segments."""

    @staticmethod
    def path(imported: Build, path: str, values: list[str] | None = None, **more: Any) -> Any:
        properties = {
            "repository": {"type": "string", "examples": ["acme/shop"]},
            "shop": {"type": "string"},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "url_path": {"type": "string"},
            "number": {"type": "integer"},
        }
        router = {"type": "ListPartitionRouter", "values": values or ["a"], "cursor_field": "part"}
        made = stream(requester={"path": path}, retriever={"partition_router": router} if values else {})
        result = imported({**manifest(made), "spec": specified(properties)})
        assert not result.lost
        return render_path(result.operation("things.list")["path"], more)

    @pytest.mark.parametrize(
        ("path", "context", "rendered"),
        [
            ("repos/{{ config['repository'] }}/commits", {"repository": "acme/shop"}, "/repos/acme/shop/commits"),
            ("{{ config['shop'] }}", {"shop": "/r/news/"}, "/r/news"),
            ("/{{ config.get('shop', 'x/y') }}/", {}, "/x/y/"),
            ("v1/{{ config['url_path'] }}/rows", {"url_path": "a/b c"}, "/v1/a/b%20c/rows"),
            ("shops/{{ config['shop'] }}/rows", {"shop": "a/b"}, "/shops/a%2Fb/rows"),
            ("{{ config['kind'] }}", {"kind": "a"}, "/a"),
            ("{{ config['number'] }}", {"number": 5}, "/5"),
        ],
    )
    def test_of_an_account(self, imported: Build, path: str, context: dict[str, Any], rendered: str) -> None:
        assert self.path(imported, path, context=context) == rendered

    def test_of_digits_without_quotes(self, imported: Build) -> None:
        path = "{{ config['shop'][:4] ~ '/' ~ config['shop'][4:] }}"
        assert self.path(imported, path, context={"shop": 20260308}) == "/2026/0308"
        choice = "{{ 'new' if config['shop'] == '2' else 'old' }}/{{ {'1': 'a', '2': 'b'}[config['shop']] }}"
        assert self.path(imported, choice, context={"shop": 2}) == "/new/b"
        choice = "{{ 'new' if config['shop'] in ['1', '2'] else 'old' }}/x"
        assert self.path(imported, choice, context={"shop": 2}) == "/new/x"

    def test_of_a_list_that_is_written_out(self, imported: Build) -> None:
        path = "subs/{{ stream_partition.part }}/new"
        assert self.path(imported, path, ["r/a", "b"], part="r/a") == "/subs/r/a/new"
        assert self.path(imported, "{{ stream_partition.part }}", ["a", "b"], part="a/b") == "/a%2Fb"

    def test_none_climbs(self, imported: Build) -> None:
        with pytest.raises(ExpressionError, match="is not allowed in a path"):
            self.path(imported, "{{ config['shop'] }}", context={"shop": "a/../b"})


SIZE = {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "limit"}
PATH = {"type": "RequestPath"}
NEXT = {"type": "CursorPagination", "cursor_value": "{{ response.next }}", "page_size": 50}


def pages(strategy: dict[str, Any], option: dict[str, Any] = PATH, **more: Any) -> dict[str, Any]:
    paginator = {"type": "DefaultPaginator", "page_token_option": option, "pagination_strategy": strategy, **more}
    return {"retriever": {"paginator": paginator}}


def test_a_page_size_goes_along_with_next_links(made: Build) -> None:
    result = made(stream(**pages(NEXT, page_size_option=SIZE)))
    config = {"relative_to": "base_url", "next_url_field": "next", "size": 50, "size_param": "limit"}
    assert result.operation("things.list")["pagination"] == {"format": "next_url", "config": config}
    assert not result.lost


def test_next_links_in_the_header_and_in_the_body(made: Build) -> None:
    value = "{{ headers['link']['next']['url'] or response.get('next') }}"
    result = made(stream(**pages({**NEXT, "cursor_value": value})))
    following = result.operation("things.list")["pagination"]["config"]["next_url"]
    header = {"link": {"next": {"url": "https://api.v.example/2"}}}
    assert evaluate(following, {"headers": header, "body": {}}) == "https://api.v.example/2"
    assert evaluate(following, {"headers": {}, "body": {"next": "/3"}}) == "/3"
    assert evaluate(following, {"headers": {}, "body": {}}) is None


def test_a_next_link_that_templates_read_too(made: Build) -> None:
    token = "{{ next_page_token['next_page_token'] }}"
    first = "{{ 'all' if not next_page_token else None }}"
    result = made(stream(requester={"request_parameters": {"from": token, "first": first}}, **pages(NEXT)))
    operation = result.operation("things.list")
    assert operation["pagination"]["format"] == "next_url"
    assert not result.lost
    sent = {name: [render(text, {"page": page}) for page in PAGES] for name, text in operation["query"].items()}
    assert sent == {"from": [None, "https://api.v.example/2"], "first": ["all", None]}


PAGES = [{"first": True}, {"first": False, "url": "https://api.v.example/2"}]


def test_a_computed_path_of_the_next_page(made: Build) -> None:
    strategy = {**NEXT, "cursor_value": "/things?after={{ response.at }}", "stop_condition": "{{ not response.at }}"}
    config = made(stream(**pages(strategy))).operation("things.list")["pagination"]["config"]
    assert evaluate(config["next_url"], {"body": {"at": "b"}}) == "/things?after=b"
    assert [evaluate(config["stop"], {"body": {"at": at}}) for at in ("b", "")] == [False, True]


def test_names_and_values_with_brackets(made: Build) -> None:
    """`filter[at][gte]` is a name like any other; a value in brackets that is not a list is a text."""
    token = {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "page[after]"}
    requester = {
        "path": "things?filter[kind]={{ config['kind'] }}",
        "request_parameters": {"filter[at][gte]": "[{{ stream_interval.start_time }},]", "ids": "[1, 2]"},
    }
    since = {"inject_into": "request_parameter", "field_name": "filter[since]"}
    cursor = {**WINDOWS, "start_time_option": since}
    result = made(stream(requester=requester, incremental_sync=cursor, **pages(NEXT, token)))
    operation = result.operation("things.list")
    assert not result.lost
    scope = {"window": {"start": "2026-01-01"}, "context": {"kind": "x"}}
    sent = {name: render(value, scope) for name, value in operation["query"].items()}
    assert sent == {"filter[kind]": "x", "filter[at][gte]": "[2026-01-01,]", "ids": [1, 2]}
    assert operation["pagination"]["config"]["cursor_param"] == "page[after]"
    assert operation["incremental"]["config"]["start_param"] == "filter[since]"


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("{{ (record['a']['b'] == 1 or record.tags[0] in ['x']) and not (record.gone or record['odd [name]']) }}", [1]),
        ("{{ record['odd [name]'] in [[1], (2)] }}", [2]),
    ],
)
def test_conditions_with_brackets(made: Build, condition: str, kept: list[int]) -> None:
    text = made(stream(selector={"record_filter": {"condition": condition}})).operation("things.list")["record_filter"]
    records = [{"id": 1, "a": {"b": 1}, "tags": ["x", "y"]}, {"id": 2, "a": {"b": 1}, "tags": [], "odd [name]": 2}]
    assert [one["id"] for one in records if evaluate(f"$boolean({text})", {"record": one}) is True] == kept


def test_lines_of_text_are_records(made: Build) -> None:
    operation = made(stream(retriever={"decoder": {"type": "IterableDecoder"}})).operation("things.list")
    assert operation["response_format"] == "text"
    assert evaluate(operation["response_path"], "a\r\nb\n") == [{"record": "a"}, {"record": "b"}]
    assert evaluate(operation["response_path"], "") == []


@pytest.mark.parametrize(("charset", "options"), [("utf-8-sig", None), ("UTF_8", None), ("cp1252", "cp1252")])
def test_a_byte_order_mark_is_no_charset(made: Build, charset: str, options: str | None) -> None:
    operation = made(stream(retriever={"decoder": {"type": "CsvDecoder", "encoding": charset}})).operation(
        "things.list"
    )
    assert operation["response_format"] == "csv"
    assert operation.get("response_options", {}).get("charset") == options


def test_an_empty_window_is_skipped_and_the_last_granule_is_joined(made: Build) -> None:
    cursor = {**WINDOWS, "end_datetime": "{{ config['end'] }}", "step": "P1D", "cursor_granularity": "P1D"}
    config = made(stream(incremental_sync=cursor)).operation("things.list")["incremental"]["config"]
    assert (config["when_reversed"], config["last_window"]) == ("skip", "joined")


def test_a_date_format_that_is_computed_is_a_loss(made: Build) -> None:
    form = "{{ '%Y' if config['yearly'] else '%Y-%m-%d' }}"
    cursor = {**WINDOWS, "datetime_format": form, "cursor_datetime_formats": [form, "%Y-%m-%d"]}
    result = made(stream(incremental_sync=cursor))
    assert list(result.lost) == ["a computed date format"]
    assert "{{" not in json.dumps(result.operation("things.list")["incremental"]["config"]["record_formats"])


def test_values_are_cast_by_one_keyword(made: Build) -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"at": {"type": "string"}}}}
    schema = {"type": "object", "properties": {"id": {"type": ["null", "integer"]}, "rows": rows}}
    loader = {"type": "InlineSchemaLoader", "schema": schema}
    result = made(stream(schema_loader=loader, selector={"schema_normalization": "Default"}))
    operation = result.operation("things.list")
    assert operation["record_types"] == {"id": "integer", "rows[].at": "text"}
    assert "record_mapping" not in operation


def code(name: str, **keys: Any) -> dict[str, Any]:
    return {"type": f"Custom{name}", "class_name": f"source_v.components.Own{name}", **keys}


class TestCodeThatExtendsAComponent:
    """Code is never run; what it extends is read, and both are listed."""

    def test_a_client(self, imported: Build) -> None:
        keys = {"client_id": "{{ config['client'] }}", "client_secret": "{{ config['secret'] }}"}
        authenticator = code("Authenticator", token_refresh_endpoint="https://v.example/t", **keys)
        document = manifest(stream(requester={"authenticator": authenticator}))
        result = imported({**document, "spec": specified({"client": {}, "secret": {"airbyte_secret": True}})})
        what = "code: authorization (read as OAuthAuthenticator)"
        assert result.lost == {what: ["things (OwnAuthenticator)"]}
        assert result.data["credentials"]["format"] == "oauth2_client_credentials"

    def test_parents_pages_windows_and_errors(self, made: Build) -> None:
        parents = [{"stream": stream("boards"), "parent_key": "id", "partition_field": "board"}]
        retriever = {
            "partition_router": code("PartitionRouter", parent_stream_configs=parents),
            "paginator": {
                "type": "DefaultPaginator",
                "pagination_strategy": code("PaginationStrategy", cursor_value="{{ response.next }}"),
                "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "at"},
            },
        }
        requester = {
            "path": "{{ stream_partition.board }}/things",
            "request_parameters": {"page": "{{ next_page_token['next_page_token'] }}"},
            "error_handler": code("ErrorHandler", response_filters=[{"action": "IGNORE", "http_codes": [404]}]),
        }
        cursor = {**WINDOWS, **code("IncrementalSync")}
        result = made(stream(requester=requester, retriever=retriever, incremental_sync=cursor), stream("boards"))
        operation = result.operation("things.list")
        assert operation["parents"] == {"as": "board", "from": "boards.list"}
        assert operation["path"] == "/{{board}}/things"
        assert operation["pagination"]["config"]["cursor_field"] == "next"
        assert operation["incremental"]["config"]["start_param"] == "since"
        assert {"when": "status = 404", "then": "empty"} in operation["errors"]
        assert {what.partition(" (read as ")[2] for what in result.lost} == {
            "SubstreamPartitionRouter)", "CursorPagination)", "DatetimeBasedCursor)", "DefaultErrorHandler)"
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "form"), [("GzipCsvDecoder", "csv"), ("XmlDecoder", "xml"), ("GzipJsonlParser", "jsonl")]
    )
    def test_a_decoder_by_its_name(self, made: Build, name: str, form: str) -> None:
        result = made(stream(retriever={"decoder": code("Decoder") | {"class_name": name}}))
        assert result.operation("things.list")["response_format"] == form
        assert list(result.lost.values()) == [[f"things ({name})"]]

    def test_a_cast_of_its_own(self, made: Build) -> None:
        schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
        loader = {"type": "InlineSchemaLoader", "schema": schema}
        result = made(stream(schema_loader=loader, selector={"schema_normalization": code("SchemaNormalization")}))
        assert result.operation("things.list")["record_types"] == {"id": "integer"}
        assert list(result.lost) == ["code: casting values to the schema (read as Default)"]

    def test_the_readme_says_what_to_write_instead(self, made: Build) -> None:
        result = made(stream(transformations=[code("Transformation")]))
        assert "Write this instead: `record_mapping`, an expression over `record`" in result.imported.files["README.md"]

    @pytest.mark.parametrize("purpose", INSTEAD)
    def test_every_proposal_is_an_expression_that_compiles(self, purpose: str) -> None:
        assert not INSTEAD[purpose].endswith(".")
        for text in re.findall(r"`(\$\w+\(.*?\))`", INSTEAD[purpose]):
            assert expression(text)


def test_the_proposals_do_what_they_say() -> None:
    by_id, sifted = (
        re.findall(r"`(\$\w+\(.*?\))`", INSTEAD[purpose])[0]
        for purpose in ("extracting records", "transforming records")
    )
    assert evaluate(by_id, {"a": {"n": 1}, "b": {"n": 2}}) == [{"n": 1, "id": "a"}, {"n": 2, "id": "b"}]
    assert evaluate(sifted, {"record": {"a": None, "b": "", "c": 0}}) == {"c": 0}
