"""An account's override tries to read a secret: in mappings, templates, errors, logs, and by way of the vendor."""

import base64
import json
from typing import Any

import pytest
from attack import ENVIRONMENT_SECRET, KEY, World
from vendor import Arrived

from conn_engine.config import load_workspace
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import connect

REVERSED = "$join($reverse($split({}, '')))"
DISGUISED = REVERSED.format("api_key")


def things(**operation: Any) -> dict[str, Any]:
    return {"unified": {"crm": {"things": {"list": operation}}}}


def vendor(**operation: Any) -> dict[str, Any]:
    return {"resources": {"things": {"list": operation}}}


def header(value: str) -> dict[str, Any]:
    return {"authorization": {"format": "header", "config": {"name": "X-Key", "value": value}}}


IN_QUERY = {"authorization": {"format": "query", "config": {"name": "k", "value": "{{api_key}}"}}}


@pytest.mark.parametrize(
    "override",
    [
        things(response_mapping={"x": "env.VENDOR_APP"}),
        things(response_mapping={"x": "$string($)"}),
        things(response_mapping="$ ~> |$|{'x': $string($$)}|"),
        things(query_mapping={"x": "env.VENDOR_APP"}),
        things(request_header_mapping={"x-a": "api_key"}),
        things(path_mapping={"id": "$string(env)"}),
        things(error_mapping={"message": "$string($)"}),
        things(before=[{"name": "a", "transform": "$string($)"}], response_mapping={"x": "before"}),
        things(after=[{"name": "a", "transform": "$string($)"}]),
        things(before=[{"name": "a", "request": {"path": "/{{env.VENDOR_APP}}"}}]),
        {"query": {"a": "{{env.VENDOR_APP}}"}},
        {"headers": {"X-A": "{{api_key}}"}},
        {"headers": {"X-A": "{{$string($)}}"}},
        {"base_url": "http://{{env.VENDOR_APP}}.example"},
        vendor(path="/{{api_key}}"),
        vendor(record_filter="$error($string($))"),
        vendor(response_path="$string($)"),
        {"errors": [{"when": "true", "then": {"fail": {"message": "$string($)"}}}]},
        {"errors": [{"when": "$error($string($))", "then": "ok"}]},
        {"rate_limit": {"limited_when": "$error($string($))"}},
    ],
    ids=lambda override: json.dumps(override)[:70],
)
def test_secrets_are_in_no_other_scope(world: World, override: dict[str, Any]) -> None:
    done = world.attack(override)
    world.nothing_leaked(done)
    assert "env-" not in done.out
    for got in world.vendor.arrived:
        sent = f"{got.target} { {name: value for name, value in got.headers.items() if name != 'x-key'} }"
        assert KEY not in sent
        assert ENVIRONMENT_SECRET not in sent


@pytest.mark.parametrize(
    "reading",
    [
        {"errors": [{"when": "true", "then": {"fail": {"message": REVERSED.format("request.url")}}}]},
        {"errors": [{"when": "true", "then": {"fail": {"message": REVERSED.format("$string(request)")}}}]},
        {
            "pagination": {
                "format": "cursor",
                "config": {"cursor_field": "results[0].id", "stop": "$error(request.url)"},
            }
        },
        {"rate_limit": {"limited_when": f"$error({REVERSED.format('request.url')})"}},
    ],
    ids=lambda reading: next(iter(reading)),
)
def test_a_credential_in_the_url_is_in_no_expression(world: World, reading: dict[str, Any]) -> None:
    world.lay_out(reading, connector=world.connector(**IN_QUERY))
    done = world.conn("run", "things.list", "-a", "acme", "--trace")
    assert KEY in world.vendor.arrived[0].target  # it is used
    world.nothing_leaked(done)


@pytest.mark.parametrize(
    "override",
    [
        header(f"{{{{$error({DISGUISED})}}}}"),
        header(f"{{{{$number({DISGUISED})}}}}"),
        header(f"{{{{{DISGUISED}}}}}"),
        header("{{$substring(api_key, 0, 6)}}"),
        header("{{$substring(api_key, 0, 1) = 'k' ? 'a' : $error('b')}}"),
        header("{{api_key in ['a'] ? 1 : 2}}"),
        {"authorization": {"format": "bearer", "config": {"path": f"$error({DISGUISED})"}}},
        {"authorization": {"format": "bearer", "config": {"path": DISGUISED}}},
        {"authorization": {"format": "basic", "config": {"username": "{{$uppercase(api_key)}}", "password": "x"}}},
        {"authorization": {"format": "expression", "config": {"expression": f"{{'headers': {{'x': {DISGUISED}}}}}"}}},
        {
            "authorization": {
                "format": "choice",
                "config": {"by": f"$error({DISGUISED})", "options": {"a": {"format": "none"}}},
            }
        },
        {
            "signature": {
                "format": "hmac",
                "config": {"content": "$substring(api_key, 0, 2)", "headers": {"x": "{{signature}}"}},
            }
        },
        {"signature": {"format": "hmac", "config": {"content": "$string($)", "headers": {"x": "{{signature}}"}}}},
        {"credentials": {"format": "bearer", "config": {}}, **header("{{$lookup($, 'api_key')}}")},
        vendor(authorization={"format": "header", "config": {"name": "X", "value": f"{{{{{DISGUISED}}}}}"}}),
    ],
    ids=lambda override: json.dumps(override)[-70:],
)
def test_an_override_may_not_compute_with_a_secret(world: World, override: dict[str, Any]) -> None:
    done = world.attack(override)
    assert done.code == 3
    assert "SEC113" in done.err
    assert world.vendor.arrived == []
    world.nothing_leaked(done)


@pytest.mark.parametrize("value", ["Token {{api_key}}", "{{'Token ' & api_key}}", "{{$base64encode(api_key & ':')}}"])
def test_an_override_may_use_a_secret_as_it_is(world: World, value: str) -> None:
    done = world.attack(header(value))
    assert done.code == 0, done.err
    assert world.vendor.arrived[0].headers["x-key"] in (f"Token {KEY}", base64.b64encode(f"{KEY}:".encode()).decode())


@pytest.mark.parametrize("place", ["header", "bearer", "expression", "basic", "choice"])
def test_the_connectors_own_expression_fails_without_a_value(world: World, place: str) -> None:
    fault = f"$error({DISGUISED})"
    config: dict[str, Any] = {
        "header": {"name": "X", "value": f"{{{{{fault}}}}}"},
        "bearer": {"path": fault},
        "expression": {"expression": fault},
        "choice": {"by": fault, "options": {"a": {"format": "none"}}},
        "basic": {"username": f"{{{{{fault}}}}}"},
    }[place]
    world.lay_out(connector=world.connector(authorization={"format": place, "config": config}))
    for debug in ([], ["--debug"]):
        done = world.conn(*debug, "run", "things.list", "-a", "acme", "--trace")
        assert done.code != 0
        world.nothing_leaked(done)


@pytest.mark.parametrize("part", ["content", "key", "headers"])
def test_a_signature_that_fails_says_no_value(world: World, part: str) -> None:
    fault = f"$error({DISGUISED})"
    told = {"content": fault if part == "content" else "'x'", "headers": {"x": "{{signature}}"}}
    if part == "key":
        told["key"] = f"{{{{{fault}}}}}"
    if part == "headers":
        told["headers"] = {"x": f"{{{{{fault}}}}}"}
    world.lay_out(connector=world.connector(signature={"format": "hmac", "config": told}))
    for debug in ([], ["--debug"]):
        done = world.conn(*debug, "run", "things.list", "-a", "acme", "--trace")
        assert done.code != 0
        assert world.vendor.arrived == []
        world.nothing_leaked(done)


@pytest.mark.parametrize(
    "echo",
    [
        lambda key: {"id": key},
        lambda key: {"id": base64.b64encode(f"me:{key}".encode()).decode()},
        lambda key: {"id": f"https://x.example/?k={key}"},
    ],
    ids=["plain", "basic", "url"],
)
def test_an_answer_that_sends_the_credential_back(world: World, echo: Any) -> None:
    """The allowed host as a mirror: an echo call, a record written with the secret in a field and read again."""
    world.vendor.answer = lambda got: (200, {"x-echo": got.headers["x-key"]}, {"results": [echo(got.headers["x-key"])]})
    mirrored = {"id": REVERSED.format("response.id"), "h": REVERSED.format("headers.'x-echo'")}
    world.lay_out(things(response_mapping=mirrored))
    for command in (
        ["run", "things.list", "-a", "acme", "--trace"],
        ["record", "things.list", "-a", "acme"],
        ["test", "things.list", "-a", "acme", "--update"],
    ):
        done = world.conn(*command)
        world.nothing_leaked(done)
        if echo("x")["id"] == "x":
            assert "detcader" in done.out or command[0] != "run"


def escaped(key: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in key)


SPELLINGS = {
    ".NET": lambda key: key.replace("-", "\\u002D"),
    "every character": escaped,
    "JSON in JSON": lambda key: escaped(key).replace("\\", "\\\\"),
    "a query": lambda key: "".join(f"%{ord(character):02x}" for character in key),
    "HTML": lambda key: "".join(f"&#x{ord(character):X};" for character in key),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("status", [200, 422])
def test_an_answer_that_spells_the_credential_in_escapes(world: World, spelling: str, status: int) -> None:
    def answer(got: Arrived) -> tuple[int, dict[str, str], bytes]:
        said = SPELLINGS[spelling](got.headers["x-key"])
        return status, {"x-echo": said}, f'{{"results": [{{"id": "{said}", "{said}": 1}}], "n": 1}}'.encode()

    world.vendor.answer = answer
    reading = "$join($reverse($split($decodeUrlComponent($string({})), '')))".format
    mirrored = {"id": reading("response"), "h": reading("headers.'x-echo'"), "t": REVERSED.format("$string(response)")}
    told = REVERSED.format("$decodeUrlComponent(text)")
    world.lay_out(
        {**things(response_mapping=mirrored), "errors": [{"when": "status = 422", "then": {"fail": {"message": told}}}]}
    )
    for command in (["run", "things.list", "-a", "acme", "--trace"], ["record", "things.list", "-a", "acme"]):
        done = world.conn(*command)
        world.nothing_leaked(done)
        for form in (SPELLINGS[spelling](KEY), SPELLINGS[spelling](KEY)[::-1]):
            assert form not in done.all
    assert "detcader" in world.conn("run", "things.list", "-a", "acme").all


def test_an_xml_answer_that_divides_the_credential(world: World) -> None:
    def answer(got: Arrived) -> tuple[int, dict[str, str], bytes]:
        key = got.headers["x-key"]
        divided = f"{key[:5]}<![CDATA[{key[5:9]}]]><!-- x -->&#{ord(key[9])};<?y z?>{key[10:]}"
        return 200, {"content-type": "text/xml"}, f"<r><results><id>{divided}</id></results></r>".encode()

    world.vendor.answer = answer
    operation = {"method": "get", "path": "/things", "response_format": "xml", "response_path": "r.results"}
    mirrored = {"id": REVERSED.format("response.id")}
    world.lay_out(
        things(response_mapping=mirrored), connector=world.connector(resources={"things": {"list": operation}})
    )
    for command in (["run", "things.list", "-a", "acme", "--trace"], ["record", "things.list", "-a", "acme"]):
        world.nothing_leaked(world.conn(*command))
    assert "detcader" in world.conn("run", "things.list", "-a", "acme").out


def test_who_somebody_is_may_stand_in_answers(world: World) -> None:
    world.lay_out(connector=world.connector(credentials={"format": "basic"}, authorization={"format": "basic"}))
    world.vendor.answer = lambda got: (200, {}, {"results": [{"id": "person@acme.example"}]})
    environ = {"CONN_ACME_API_KEY": "", "CONN_ACME_USERNAME": "person@acme.example", "CONN_ACME_PASSWORD": KEY}
    world.write(
        "connectors/demo/unified/crm.yaml",
        {"resources": {"things": {"list": {"response_mapping": {"id": "$uppercase(response.id)"}}}}},
    )
    done = world.conn("run", "things.list", "-a", "acme", **environ)
    assert "PERSON@ACME.EXAMPLE" in done.out


TOKEN = "tok-Xy7Pq2Lm9Rs4"
REFRESH = "ref-Gh5Jk8Nb3Vc6"


def oauth(world: World, override: dict[str, Any] | None = None, **config: Any) -> None:
    settings = {"token_url": f"{world.vendor.url}/token", "client_id": "app", "client_secret": "{{env.VENDOR_APP}}"}
    credentials = {"format": "oauth2", "config": {**settings, **config}}
    world.lay_out(override, connector=world.connector(credentials=credentials, authorization={"format": "bearer"}))
    token = {"access_token": TOKEN, "refresh_token": REFRESH, "expires_in": 3600, "team": {"id": "T1"}}
    world.vendor.answer = lambda got: (
        (200, {"set-cookie": f"S={TOKEN}"}, {**token, "odd": TOKEN})
        if got.target == "/token"
        else (200, {}, {"results": [{"id": "1"}]})
    )
    world.write(
        "connectors/demo/unified/crm.yaml",
        {"resources": {"things": {"list": {"response_mapping": {"c": "context"}}}}},
    )


STALE = {
    "CONN_ACME_API_KEY": "",
    "CONN_ACME_CREDENTIALS": json.dumps(
        {"oauth": {"token": {"access_token": "old-token-1234", "refresh_token": "old-refresh-99", "expires_at": 1}}}
    ),
}


def test_an_override_may_not_capture(world: World) -> None:
    oauth(world, {"credentials": {"config": {"capture": {"leak": REVERSED.format("response.odd")}}}})
    done = world.conn("run", "things.list", "-a", "acme", **STALE)
    assert "SEC113" in done.err
    assert world.vendor.arrived == []


@pytest.mark.parametrize(
    "expression",
    [
        REVERSED.format("response.access_token"),
        REVERSED.format("response.refresh_token"),
        REVERSED.format("response.odd"),
        REVERSED.format("cookies.S"),
        REVERSED.format("cookie"),
        REVERSED.format("headers.'set-cookie'"),
        REVERSED.format("$string($)"),
    ],
)
def test_what_is_captured_is_no_secret_whoever_asks(world: World, expression: str) -> None:
    oauth(world, capture={"team": "response.team.id", "leak": expression})
    for command in (["run", "things.list", "-a", "acme", "--trace"], ["record", "things.list", "-a", "acme"]):
        done = world.conn(*command, **STALE)
        assert done.code == 0, done.err
        world.nothing_leaked(done, TOKEN, REFRESH, *("old-token-1234", "old-refresh-99"))
    assert '"team": "T1"' in (world.folder / "connectors/demo/recordings/crm.things.list.json").read_text()


@pytest.mark.parametrize("key", ["response", "expires"])
def test_a_token_expression_that_fails_says_nothing_of_the_answer(world: World, key: str) -> None:
    oauth(world, **{key: f"$error({REVERSED.format('response.access_token')})"})
    for debug in ([], ["--debug"]):
        done = world.conn(*debug, "run", "things.list", "-a", "acme", "--trace", **STALE)
        assert done.code != 0
        world.nothing_leaked(done, TOKEN, REFRESH, ENVIRONMENT_SECRET)


def test_another_variable_is_not_to_be_had(world: World) -> None:
    world.lay_out(header("{{env.OTHER_SECRET}}"))
    done = world.conn("run", "things.list", "-a", "acme", OTHER_SECRET="other-Wq7Zx3Cv")
    assert "SEC111" in done.err
    assert world.vendor.arrived == []


def test_a_next_url_with_the_credential_in_it_does_not_end_up_in_the_cursor(world: World) -> None:
    paging = {"pagination": {"format": "next_url", "config": {"next_url_field": "next"}}}
    world.lay_out(connector=world.connector(**IN_QUERY, **paging))
    world.vendor.answer = lambda got: (
        200,
        {},
        {
            "results": [{"id": "1"}],
            "next": None if "page=2" in got.target else f"{world.vendor.url}/v1/things?page=2&k={KEY}",
        },
    )
    with connect(load_workspace(world.folder), "acme", environ={"CONN_ACME_API_KEY": KEY}) as acme:
        first = acme.list("things.list")
        cursor = first["next_cursor"]
        assert KEY not in base64.urlsafe_b64decode(cursor + "==").decode()
        acme.list("things.list", Call(cursor=cursor))
    assert f"k={KEY}" in world.vendor.arrived[1].target
    assert world.vendor.arrived[1].target.count("k=") == 1
