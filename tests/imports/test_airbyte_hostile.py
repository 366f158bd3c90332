"""Manifests that want to do harm: circles, floods, code, text that breaks out, secrets where none may be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring import cpu_limit

from conn_engine.documents import parse
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_paths
from conn_import import Options, import_source, read_source

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Import the text of a manifest; gives what was imported."""

    def made(text: str) -> Any:
        path = tmp_path / "manifest.yaml"
        path.write_text(text)
        return import_source(read_source(path), Options("vendor"))

    return made


HEAD = "version: 6.0.0\ntype: DeclarativeSource\ncheck: {type: CheckStream, stream_names: [a]}\n"
SELECTOR = "{type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}"


def manifest(path: str = "/a", more: str = "", rest: str = "") -> str:
    return (
        f"{HEAD}{rest}streams:\n  - type: DeclarativeStream\n    name: a\n    retriever:\n      type: SimpleRetriever\n"
        f"      requester:\n        type: HttpRequester\n        url_base: https://v.example\n        path: {path}\n"
        f"{more}      record_selector: {SELECTOR}\n"
    )


def test_references_in_a_circle_are_refused_with_the_circle(run: Run) -> None:
    definitions = "definitions: {a: {$ref: '#/definitions/b'}, b: {x: '#/definitions/a'}}"
    text = f"{HEAD}{definitions}\nstreams: ['#/definitions/a']\n"
    with pytest.raises(ConfigurationError, match="leads to itself") as caught:
        run(text)
    assert caught.value.hint == "#/definitions/a → #/definitions/b → #/definitions/a"


def test_a_reference_to_nothing_says_what_is_near(run: Run) -> None:
    with pytest.raises(ConfigurationError, match="#/definitions/thigns names nothing") as caught:
        run(f"{HEAD}definitions: {{things: {{}}}}\nstreams: ['#/definitions/thigns']\n")
    assert "things" in caught.value.hint


@pytest.mark.slow
def test_a_few_lines_that_stand_for_millions_are_refused(run: Run) -> None:
    rows = [f"  d{n}: {{type: X, a: '#/definitions/d{n - 1}', b: '#/definitions/d{n - 1}'}}" for n in range(1, 40)]
    rest = "definitions:\n  d0: {type: X, x: 1}\n" + "\n".join(rows) + "\n"
    with cpu_limit(30), pytest.raises(ConfigurationError, match="nested too deeply"):
        run(manifest(more="        request_body_json: '#/definitions/d39'\n", rest=rest))


def test_a_chain_of_references_too_deep_is_refused(run: Run) -> None:
    rows = "\n".join(f"  d{n}: '#/definitions/d{n + 1}'" for n in range(2_000))
    with pytest.raises(ConfigurationError, match="too deeply"):
        run(f"{HEAD}definitions:\n{rows}\n  d2000: {{}}\nstreams: ['#/definitions/d0']\n")


def test_parents_that_are_their_own_parents_end(run: Run) -> None:
    text = (
        manifest() + "      partition_router:\n        type: SubstreamPartitionRouter\n        parent_stream_configs:\n"
    )
    text += "          - {type: ParentStreamConfig, parent_key: id, partition_field: p, stream: '#/streams/0'}\n"
    with pytest.raises(ConfigurationError, match="leads to itself"):
        run(text)


TEMPLATES = [
    "{{ cycler.__init__.__globals__.os.system('touch PWNED') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ config.__class__.__init__.__globals__ }}",
    "{% for x in range(999999999) %}{{ x }}{% endfor %}",
    "{{ 'a' * 9999999999 }}",
    "{% import 'os' as os %}{{ os.system('touch PWNED') }}",
    "{{ lipsum(n=100000) }}",
]


@pytest.mark.parametrize("text", TEMPLATES)
def test_nothing_of_a_template_is_run(run: Run, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jinja2

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a template was compiled")

    for name in ("compile", "from_string", "get_template"):
        monkeypatch.setattr(jinja2.Environment, name, never)
    monkeypatch.chdir(tmp_path)
    with cpu_limit(20):
        made = run(manifest(path=f'"/x/{text}"', more=f'        request_parameters: {{q: "{text}"}}\n'))
    assert made.operations == 1 and not (tmp_path / "PWNED").exists()


def test_text_of_a_manifest_stays_in_its_place(run: Run, tmp_path: Path) -> None:
    name = "a\\n# conn: ignore SEC101 -- x\\nhosts: ['*']"
    text = manifest(more='        request_headers: {X: "y\\nhosts: [evil.example]", "{{{{": "{{ x"}\n').replace(
        "name: a", f'name: "{name}"'
    )
    made = run(text)
    data = parse(made.files["connector.yaml"], "connector.yaml").data
    assert "hosts" not in data and len(data["resources"]) == 1
    assert "conn: ignore" not in made.files["connector.yaml"].split("resources:")[0]
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    made.write(tmp_path / "connectors" / "vendor")
    lint_paths(tmp_path, [])


SPEC = (
    "spec:\n  connection_specification:\n    type: object\n    properties:\n"
    "      api_token: {type: string, airbyte_secret: true}\n"
)


@pytest.mark.parametrize(
    ("path", "more", "what"),
    [
        ("/x/{{ config['api_token'] if config['a'] else 'b' }}", "", "the path: a secret in the path"),
        (
            "/a",
            "        http_method: POST\n        request_body_json: {a.b: \"{{ config['api_token'] }}\"}\n",
            "the body: a secret inside a body",
        ),
    ],
)
def test_a_secret_goes_nowhere_but_into_the_authorization(run: Run, path: str, more: str, what: str) -> None:
    made = run(manifest(path=f'"{path}"', more=more, rest=SPEC))
    assert what in dict(made.losses)
    assert "api_token" not in made.files["connector.yaml"].split("resources:")[1]


def test_a_secret_is_never_a_part_of_a_record(run: Run) -> None:
    field = "{path: [t], value: \"{{ config['api_token'] }}\"}"
    made = run(manifest(rest=SPEC) + f"    transformations: [{{type: AddFields, fields: [{field}]}}]\n")
    assert dict(made.losses) == {"the field t: a secret in a place that cannot have secrets": ["a"]}


@pytest.mark.parametrize(
    "text",
    [
        "streams: 5\ntype: DeclarativeSource\n",
        f"{HEAD}streams: [5]\n",
        f"{HEAD}streams: []\n",
        f"{HEAD}streams: [{{type: DeclarativeStream, name: a, retriever: [1]}}]\n",
        f"{HEAD}streams: [{{type: DeclarativeStream, name: a, retriever: {{requester: x}}}}]\n",
        f"{HEAD}dynamic_streams: [{{type: DynamicDeclarativeStream}}]\n",
    ],
)
def test_what_is_no_manifest_is_a_clear_error(run: Run, text: str) -> None:
    with pytest.raises(ConfigurationError):
        run(text)


ODD: list[Any] = [
    None, 5, True, "x", "{{ config }}", [], [1], {}, {"type": "X"}, {"class_name": "a.b.C"}, [{"type": []}],
]  # fmt: skip
KEYS = [
    "partition_router", "paginator", "decoder", "record_selector", "incremental_sync", "transformations",
    "schema_loader", "error_handler", "authenticator", "request_parameters", "request_headers", "request_body_json",
    "request_body_data", "http_method", "url_base", "path",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_part_of_an_unexpected_kind_is_never_a_crash(run: Run, key: str, value: Any) -> None:
    requester: dict[str, Any] = {"type": "HttpRequester", "url_base": "https://v.example", "path": "/a"}
    retriever: dict[str, Any] = {"type": "SimpleRetriever", "requester": requester}
    one: dict[str, Any] = {"type": "DeclarativeStream", "name": "a", "retriever": retriever}
    holder = requester if key in requester or key.startswith(("request_", "error", "auth", "http")) else (
        one if key in ("incremental_sync", "transformations", "schema_loader") else retriever
    )  # fmt: skip
    holder[key] = value
    check = {"type": "CheckStream"}
    made = run(json.dumps({"version": "6", "type": "DeclarativeSource", "check": check, "streams": [one]}))
    assert made.operations == 1


@pytest.mark.parametrize("key", ["refresh_request_body", "refresh_request_headers", "scopes", "token_refresh_endpoint"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_part_of_a_log_in_of_an_unexpected_kind_is_never_a_crash(run: Run, key: str, value: Any) -> None:
    log_in = {"type": "OAuthAuthenticator", "token_refresh_endpoint": "https://v.example/token", key: value}
    requester = {"type": "HttpRequester", "url_base": "https://v.example", "path": "/a", "authenticator": log_in}
    one = {"type": "DeclarativeStream", "name": "a", "retriever": {"type": "SimpleRetriever", "requester": requester}}
    check = {"type": "CheckStream"}
    made = run(json.dumps({"version": "6", "type": "DeclarativeSource", "check": check, "streams": [one]}))
    assert made.operations == 1


LISTS = [
    ("error_handler", {"type": "CompositeErrorHandler", "error_handlers": 5}),
    ("error_handler", {"type": "DefaultErrorHandler", "response_filters": 1.5}),
    ("error_handler", {"type": "DefaultErrorHandler", "max_retries": "\u00b2", "response_filters": [
        {"action": "FAIL", "http_codes": ["\u00b2"]}]}),
    ("partition_router", {"type": "SubstreamPartitionRouter", "parent_stream_configs": True}),
    ("record_selector", {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": 7}}),
    ("transformations", 1.5),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), LISTS)
def test_what_is_no_list_where_one_belongs_is_never_a_crash(run: Run, key: str, value: Any) -> None:
    requester: dict[str, Any] = {"type": "HttpRequester", "url_base": "https://v.example", "path": "/a"}
    retriever: dict[str, Any] = {"type": "SimpleRetriever", "requester": requester}
    one: dict[str, Any] = {"type": "DeclarativeStream", "name": "a", "retriever": retriever}
    {"error_handler": requester, "transformations": one}.get(key, retriever)[key] = value
    check = {"type": "CheckStream"}
    made = run(json.dumps({"version": "6", "type": "DeclarativeSource", "check": check, "streams": [one]}))
    assert made.operations == 1
