"""Somebody else's HAR file or document is full of credentials of which nothing is known: none lands in a file."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from attack import World, forms

from conn_engine.documents import dump_json
from conn_engine.errors import ConfigurationError
from conn_engine.recordings.files import load_recording, write_clean
from conn_engine.recordings.har import import_har
from conn_engine.secrets import Redactor, is_numbered
from conn_engine.secrets.wary_redaction import WaryRedactor

KEY = "Zq9Xv7LmP3wT8rKd4Yb2"
WORD = "opensesame"  # nothing tells that it is a password but its place
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"

HEADERS_TEXT = """
Authorization Proxy-Authorization X-Authorization Authentication Cookie X-Api-Key Api-Key apikey X-ApiKey
X-API-TOKEN X-Auth-Token X-Auth-Key X-Access-Token X-Access-Key X-Session-Token X-Session-Id X-CSRF-Token
X-XSRF-TOKEN X-Shopify-Access-Token X-Vault-Token PRIVATE-TOKEN JOB-TOKEN X-Figma-Token X-TrackerToken
Circle-Token X-Plex-Token X-Amz-Security-Token Ocp-Apim-Subscription-Key x-functions-key DD-API-KEY
DD-APPLICATION-KEY X-Goog-Api-Key X-RapidAPI-Key X-MBX-APIKEY X-Postmark-Server-Token X-Parse-REST-API-Key
X-Parse-Session-Token X-Redmine-API-Key X-Algolia-API-Key X-JFrog-Art-Api Fastly-Key X-Honeycomb-Team
X-Insert-Key X-Query-Key xi-api-key X-Cisco-Meraki-API-Key X-Hasura-Admin-Secret CF-Access-Client-Secret
X-Vercel-Protection-Bypass X-Goog-IAP-JWT-Assertion X-Client-Secret X-User-Token App-Token
X-Recharge-Access-Token X-Signature X-Hub-Signature X-Secret
"""
HEADERS = HEADERS_TEXT.split()
KEYS_TEXT = """
password passwd pwd passphrase pass secret client_secret clientSecret app_secret api_key apiKey apikey api-key
api_token access_token accessToken refresh_token id_token auth_token authToken session_token sessionToken
session_id sessionId PHPSESSID JSESSIONID private_key privateKey secret_key secretAccessKey access_key_id
AccessKeyId consumer_key consumer_secret signing_secret webhook_secret shared_secret encryption_key
license_key subscription-key hapikey personal_access_token bot_token device_token user_token csrf_token
xsrfToken SAMLResponse client_assertion code_verifier otp one_time_passcode connectionString credentials
bearer_token jwt authorization master_key account_key signing_key
"""
KEYS = KEYS_TEXT.split()


def entry(url: str = "https://api.shop.example/v1/people", method: str = "GET", **more: Any) -> dict[str, Any]:
    """`headers` and `answer_headers` are mappings, `post` a postData, `answer` a body or HAR content."""
    rows = {
        key: [{"name": n, "value": v} for n, v in more.pop(key, {}).items()] for key in ("headers", "answer_headers")
    }
    answer = more.pop("answer", {"people": [{"id": 1}]})
    content = answer if isinstance(answer, dict) and "mimeType" in answer else {}
    content = content or {"mimeType": "application/json", "text": dump_json(answer)}
    request = {"method": method, "url": url, "headers": rows["headers"], **more.pop("request", {})}
    if "post" in more:
        request["postData"] = more.pop("post")
    assert not more
    return {"request": request, "response": {"status": 200, "headers": rows["answer_headers"], "content": content}}


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"entries": [entry(), *entries]}})


def in_json(data: Any) -> dict[str, str]:
    return {"mimeType": "application/json", "text": json.dumps(data)}


def shop(world: World, authorization: dict[str, Any], **changes: Any) -> None:
    operations = {
        "list": {"method": "get", "path": "/people", "headers": {"X-Version": "2"}},
        **changes.pop("operations", {}),
    }
    world.write("conn.yaml", {"version": 1})
    world.write(
        "connectors/shop/connector.yaml",
        {
            "base_url": "https://api.shop.example/v1",
            "credentials": {"format": "api_key"},
            "authorization": authorization,
            "resources": {"people": operations},
            **changes,
        },
    )


def imported(world: World, *entries: dict[str, Any]) -> str:
    """The recording that `conn har import` makes."""
    world.write("browser.har", har(*entries))
    done = world.conn("har", "import", "browser.har", "--connector", "shop", "--operation", "shop:people.list")
    assert done.code == 0, done.all
    (path,) = (world.folder / "connectors/shop/recordings").iterdir()
    load_recording(path)
    return done.all + path.read_text()


def nothing_of(text: str, *secrets: str) -> None:
    for secret in secrets:
        for form in forms(secret):
            assert form not in text, form


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_this_name_is_dropped_and_its_value_found_elsewhere(name: str) -> None:
    value = f"sid=1; k={KEY}" if name == "Cookie" else f"Bearer {KEY}"
    echo = entry(answer={"debug": f"you sent {KEY}", "url": f"https://a.b/?x={KEY}"})
    text = repr(import_har(har(entry(headers={name: value}), entry(answer_headers={name: value}), echo)))
    nothing_of(text, KEY)
    assert name.lower() not in text.lower()


def test_cookies_are_dropped_and_found_elsewhere() -> None:
    cookies = [{"name": "sid", "value": KEY}]
    one = entry(
        headers={"Cookie": f"lang=en; sid={KEY}"},
        answer_headers={"Set-Cookie": f"sid={KEY}; Max-Age=31536000; Path=/", "Set-Cookie2": f"b={KEY}"},
        answer={"age": "31536000", "sid": KEY, "path": "/"},
        request={"cookies": cookies},
    )
    text = repr(import_har(har(one)))
    nothing_of(text, KEY)
    assert "31536000" in text


@pytest.mark.parametrize("name", KEYS)
def test_a_value_of_this_name_is_hidden_wherever_it_stands(name: str) -> None:
    pair = f"{name}={WORD}"
    soap = f'<s:Envelope><x:{name} Type="a">{WORD}</x:{name}></s:Envelope>'
    parts = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{WORD}\r\n--b--\r\n'
    form = "application/x-www-form-urlencoded"
    found = import_har(
        har(
            entry(f"https://api.shop.example/?{pair}&page=2"),
            entry(request={"queryString": [{"name": name, "value": WORD}]}),
            entry(method="POST", post=in_json({"a": {"b": [{name: WORD, "n": 1}]}}), answer={"a": [{name: WORD}]}),
            entry(method="POST", post=in_json([{"name": name, "value": WORD}])),
            entry(method="POST", post=in_json({"log": json.dumps({"a": json.dumps({name: WORD})})})),
            entry(method="POST", post={"mimeType": form, "text": f"a=1&{pair}"}),
            entry(method="POST", post={"mimeType": form, "params": [{"name": name, "value": WORD}]}),
            entry(method="POST", post={"mimeType": "text/plain", "text": f"a=1&{pair}"}),
            entry(
                method="POST",
                post={"mimeType": "text/xml", "text": soap},
                answer={"mimeType": "text/xml", "text": soap},
            ),
            entry(method="POST", post={"mimeType": "multipart/form-data; boundary=b", "text": parts}),
            entry(method="POST", post={"mimeType": "multipart/form-data", "params": [{"name": name, "value": WORD}]}),
            entry(answer={"mimeType": form, "text": pair}),
            entry(answer={"next": f"https://api.shop.example/?{pair}"}),
            entry(answer_headers={"Link": f"<https://api.shop.example/?page=2&{pair}>; rel=next"}),
        )
    )
    nothing_of(repr(found), WORD)
    assert is_numbered(repr(found))
    assert len(found) == 15


def test_ordinary_names_stay() -> None:
    ordinary = {
        "key": "SHOP-1",
        "author": "Ada",
        "tokens_used": 5,
        "next_page_token": "p2",
        "state": "open",
        "code": "DE",
    }
    (_, found) = import_har(
        har(entry("https://api.shop.example/?key=SHOP-1&state=open&code=DE&hash=a", answer=ordinary))
    )
    assert found.response.body == ordinary
    assert found.request.query == {"key": "SHOP-1", "state": "open", "code": "DE", "hash": "a"}


def test_pages_stay_apart_by_what_their_tokens_are() -> None:
    pages = [entry(f"https://api.shop.example/?token={page}", answer={"token": page + 1}) for page in (1, 2)]
    (_, one, two) = import_har(har(*pages))
    assert one.request.query["token"] != one.response.body["token"] == two.request.query["token"]


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        PEM,
        PEM.replace("PRIVATE", "ENCRYPTED PRIVATE"),
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "11AAAAAAA0" * 5,
        "xoxb-123456789012-abcdefABCDEF",
        "sk_live_" + "4eC39HqLyjWDarjt",
        "AKIAIOSFODNN7EXAMPLE",
        "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
        "ya29.a0AfH6SMBx7yZ0123456789",
        "glpat-" + "abcdefghij0123456789",
        "shpat_" + "0123456789abcdef" * 2,
        "SG." + "abcdefghijklmnop.qrstuvwxyz0123456789",
        "123456789:AAE" + "abcdefghijklmnopqrstuvwxyz012345",
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..abcdefghijklmnop.qrstuvwxyz012345.ABCDEFGHIJKLMNOP",
    ],
    ids=lambda secret: secret[:12],
)
def test_a_credential_is_known_by_its_looks(secret: str) -> None:
    lines = [line for line in secret.splitlines() if "-----" not in line]
    found = import_har(
        har(
            entry(f"https://api.shop.example/a/{secret.strip().splitlines()[0]}/b") if "\n" not in secret else entry(),
            entry(answer={"note": f"before {secret} after", f"k {secret}": 1}),
            entry(method="POST", post={"mimeType": "text/plain", "text": f"x: 1\n{secret}"}),
            entry(method="POST", post=in_json({"inner": json.dumps({"a": secret})})),
            entry(
                answer={
                    "mimeType": "text/plain",
                    "text": base64.b64encode(secret.encode()).decode(),
                    "encoding": "base64",
                }
            ),
            entry(
                answer={
                    "mimeType": "a/b",
                    "text": base64.b64encode(b"\xff\0" + secret.encode()).decode(),
                    "encoding": "base64",
                }
            ),
        )
    )
    nothing_of(repr(found), *lines)


def test_bearer_and_basic_by_shape() -> None:
    basic = base64.b64encode(f"ada:{KEY}".encode()).decode()
    batch = f"--x\r\nContent-Type: application/http\r\n\r\nGET /a\r\nAuthorization: Basic {basic}\r\n\r\n--x--"
    found = import_har(
        har(
            entry(
                answer={
                    "curl": f"curl -H 'Authorization: Bearer {KEY}' https://a.b",
                    "basic": f"use Basic {basic} here",
                }
            ),
            entry(method="POST", post={"mimeType": "multipart/mixed; boundary=x", "text": batch}),
            entry(
                method="POST",
                post=in_json({"query": f'mutation {{ login(email: "a@b.c", password: "{WORD}") {{ id }} }}'}),
            ),
            entry(method="POST", post=in_json({"query": "q", "variables": {"input": {"apiKey": WORD, "n": 1}}})),
            entry(
                f"https://ada:{KEY}@api.shop.example/#access_token={KEY}",
                answer={"jwk": {"kty": "EC", "d": WORD, "x": "y"}},
            ),
        )
    )
    nothing_of(repr(found), KEY, WORD, basic)
    assert "Basic functions" in repr(import_har(har(entry(answer={"a": "Basic functions"}))))


def test_what_a_token_endpoint_answers_is_found_in_later_requests(world: World) -> None:
    shop(world, {"format": "bearer"})
    form = "application/x-www-form-urlencoded"
    asked = {"mimeType": form, "text": f"grant_type=authorization_code&code=abc123&client_secret={KEY}"}
    text = imported(
        world,
        entry(
            "https://api.shop.example/token", "POST", post=asked, answer={"access_token": "tok-Xy7Pq2Lm9", "scope": "a"}
        ),
        entry("https://api.shop.example/raw", "POST", answer={"mimeType": "text/plain", "text": "plain-Tok77en"}),
        entry(headers={"Authorization": "Bearer plain-Tok77en"}, answer={"who": "tok-Xy7Pq2Lm9"}),
    )
    nothing_of(text, KEY, "tok-Xy7Pq2Lm9", "plain-Tok77en", "abc123")


PLACES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bearer": (
        {"format": "bearer", "config": {"header": "X-Who", "prefix": "Pass"}},
        {"headers": {"X-Who": f"Pass {WORD}"}},
    ),
    "basic": (
        {"format": "basic"},
        {"headers": {"Authorization": "Basic " + base64.b64encode(f"ada:{WORD}".encode()).decode()}},
    ),
    "header": (
        {"format": "header", "config": {"name": "X-Who", "value": "v1 {{api_key}}"}},
        {"headers": {"X-Who": f"v1 {WORD}"}},
    ),
    "headers": (
        {"format": "header", "config": {"headers": {"X-A": "{{api_key}}", "X-B": "b"}}},
        {"headers": {"x-a": WORD}},
    ),
    "query": (
        {"format": "query", "config": {"name": "who", "value": "id:{{api_key}}"}},
        {"url": f"https://api.shop.example/v1/people?who=id%3A{WORD}"},
    ),
    "path": (
        {"format": "path", "config": {"name": "key", "value": "bot{{api_key}}"}},
        {"url": f"https://api.shop.example/v1/bot{WORD}/people?page=2"},
    ),
    "body": (
        {"format": "body", "config": {"field": "who.mark", "value": "{{api_key}}"}},
        {"method": "POST", "post": in_json({"who": {"mark": WORD}, "a": 1})},
    ),
    "form": (
        {"format": "body", "config": {"field": "mark", "value": "{{api_key}}"}},
        {"method": "POST", "post": {"mimeType": "application/x-www-form-urlencoded", "text": f"mark={WORD}&a=1"}},
    ),
    "cookie": ({"format": "cookie", "config": {"name": "S"}}, {"headers": {"Cookie": f"S={WORD}"}}),
    "expression": (
        {
            "format": "expression",
            "config": {"expression": "{'query': {'who': api_key}, 'headers': {'x-who': api_key}}"},
        },
        {"url": f"https://api.shop.example/v1/people?who={KEY}", "headers": {"x-who": KEY}},
    ),
    "several": (
        {
            "format": "several",
            "config": {
                "all": [
                    {"format": "query", "config": {"name": "a", "value": "{{api_key}}"}},
                    {
                        "format": "choice",
                        "config": {"by": "'x'", "options": {"x": {"format": "query", "config": {"name": "b"}}}},
                    },
                ]
            },
        },
        {"url": f"https://api.shop.example/v1/people?a={WORD}&b={WORD}"},
    ),
}


def shop_of(world: World, place: str) -> dict[str, Any]:
    """Write the connector whose authorization uses this place. Returns what an exchange with its credential has."""
    authorization, carried = PLACES[place]
    path = "/{key}/people" if place == "path" else "/people"
    shop(world, authorization, operations={"create": {"method": "post", "path": path}, "list": {"path": path}})
    return carried


@pytest.mark.parametrize("place", PLACES)
def test_the_connectors_own_authorization_tells_where_a_credential_stands(world: World, place: str) -> None:
    carried = shop_of(world, place)
    secret = KEY if place == "expression" else WORD
    link = f"https://api.shop.example/v1/people?who={secret}"
    echo = entry(answer={} if place == "cookie" else {"seen": f"who={secret}", "next": link})
    nothing_of(imported(world, entry(**carried), echo), secret)


def test_words_that_an_authorization_carries_stay_elsewhere(world: World) -> None:
    both = {"X-Key": "{{api_key}}", "X-Client": "mobile-app"}
    shop(world, {"format": "header", "config": {"headers": both}})
    basic = base64.b64encode(f"{KEY}:token".encode()).decode()
    text = imported(
        world,
        entry(headers={"X-Key": WORD, "X-Client": "mobile-app", "Authorization": f"Basic {basic}"}),
        entry(answer={"kind": "mobile-app", "note": "a token", "who": f"{KEY}, {WORD}"}),
    )
    assert '"kind": "mobile-app"' in text
    assert '"note": "a token"' in text
    nothing_of(text, KEY, WORD)


@pytest.mark.parametrize("place", ["query", "path", "body", "form"])
def test_however_short_it_is(world: World, place: str) -> None:
    carried = shop_of(world, place)
    text = imported(world, json.loads(json.dumps(entry(**carried)).replace(WORD, "q7!")))
    assert "q7!" not in text


def test_what_a_log_in_and_a_signature_send(world: World) -> None:
    session = {
        "format": "session",
        "config": {
            "request": {
                "url": "https://api.shop.example/login",
                "body": {"who": {"p": "{{password}}"}},
                "body_format": "json",
            }
        },
    }
    signature = {
        "format": "hmac",
        "config": {"content": "'x'", "key": "{{password}}", "query": {"proof": "{{signature}}"}},
    }
    shop(world, {"format": "none"}, credentials=session, signature=signature)
    text = imported(
        world,
        entry("https://api.shop.example/login", "POST", post=in_json({"who": {"p": WORD}})),
        entry(f"https://api.shop.example/v1/people?proof={KEY}"),
    )
    nothing_of(text, WORD, KEY)


def test_headers_that_nothing_needs_are_dropped(world: World) -> None:
    shop(world, {"format": "bearer"})
    text = imported(world, entry(headers={"X-Version": "2", "X-Tenant": "acme", "Accept": "a/b", "X-Device": KEY}))
    assert '"x-version": "2"' in text
    assert '"accept": "a/b"' in text
    assert "x-tenant" not in text
    nothing_of(text, KEY)


def test_the_name_of_the_file_is_cleaned_too(world: World) -> None:
    shop(world, {"format": "bearer"})
    name = "ghp_" + "a1B2" * 9
    world.write(f"{name}.har", har(entry(headers={"Authorization": f"Bearer {KEY}"})))
    done = world.conn("har", "import", f"{name}.har", "--connector", "shop", "--operation", "shop:people.list")
    text = "".join(path.read_text() for path in (world.folder / "connectors/shop").rglob("*.json"))
    assert '"note": "Imported from [redacted]' in text
    nothing_of(done.out + text, name)


@pytest.mark.parametrize("secret", [JWT, PEM, f"Bearer {KEY}", "known-Zq9Xv7"], ids=["jwt", "pem", "bearer", "known"])
def test_a_file_that_would_hold_one_is_not_kept(tmp_path: Path, secret: str) -> None:
    path = tmp_path / "recordings" / "a.json"
    with pytest.raises(ConfigurationError, match="the recording would contain a") as caught:
        write_clean(path, json.dumps({"a": secret}), WaryRedactor(Redactor(["known-Zq9Xv7"])), within=tmp_path)
    assert caught.value.findings[0].code == "REC002"
    assert caught.value.hint == "remove it from the imported file, and import it again"
    assert not path.exists()
    nothing_of(str(caught.value), secret)


def samples(world: World, document: dict[str, Any]) -> str:
    """What an import with samples writes and says."""
    world.write("conn.yaml", {"version": 1})
    world.write("document.json", json.dumps(document))
    done = world.conn("import", "document.json", "--with-samples", "--name", "shop")
    assert done.code == 0, done.all
    files = [file for file in (world.folder / "connectors").rglob("*.*") if file.is_file()]
    assert any("recordings" in file.parts for file in files), done.all
    return done.all + "\n".join(file.read_text() for file in files)


def openapi(example: Any, **security: Any) -> dict[str, Any]:
    one = {"type": "object", "properties": {"id": {"type": "integer"}, **{name: {} for name in example}}}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": one}}}
    shown = {"schema": schema, "example": {"items": [{"id": 1, **example}]}}
    answer = {"description": "", "content": {"application/json": shown}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": "https://api.shop.example/v1"}],
        "paths": {"/items": {"get": {"responses": {"200": answer}}}},
        **security,
    }


def test_samples_of_a_document_hold_no_example_of_a_credential(world: World) -> None:
    inner = dict.fromkeys(KEYS, WORD)
    rows = [{"name": name, "value": WORD} for name in KEYS]
    links = [f"https://api.shop.example/?{name}={WORD}" for name in KEYS]
    looks = [JWT, PEM, f"Bearer {KEY}", "ghp_" + "a1B2" * 9]
    text = samples(world, openapi({"a": inner, "b": rows, "c": json.dumps(inner), "d": links, "e": looks}))
    nothing_of(text, WORD, JWT, KEY, "ghp_" + "a1B2" * 9, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC")


def test_samples_hide_the_parameter_that_the_document_calls_a_key(world: World) -> None:
    scheme = {"type": "apiKey", "in": "query", "name": "who"}
    security = {"components": {"securitySchemes": {"k": scheme}}, "security": [{"k": []}]}
    text = samples(world, openapi({"next": f"https://api.shop.example/v1/items?page=2&who={WORD}"}, **security))
    nothing_of(text, WORD)


@pytest.mark.parametrize("name", ["X-Who-Key", "Authorization", "Cookie"])
def test_samples_of_a_har_hold_nothing_of_what_its_requests_carried(world: World, name: str) -> None:
    value = f"s={KEY}" if name == "Cookie" else KEY
    answer = {"items": [{"id": 1, "echo": f"<{KEY}>", "password": WORD, "note": JWT}]}
    text = samples(
        world, {"log": {"entries": [entry("https://api.shop.example/items", headers={name: value}, answer=answer)]}}
    )
    nothing_of(text, KEY, WORD, JWT)


def test_samples_of_a_collection_hold_nothing_of_saved_answers(world: World) -> None:
    saved = {
        "status": "OK",
        "code": 200,
        "body": json.dumps({"items": [{"id": 1, "apiKey": WORD, "note": JWT, "b": f"Bearer {KEY}"}]}),
    }
    item = {"name": "items", "request": {"method": "GET", "url": "https://api.shop.example/items"}, "response": [saved]}
    nothing_of(samples(world, {"info": {"name": "C"}, "item": [item]}), WORD, JWT, KEY)
