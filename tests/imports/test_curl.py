"""curl commands as documentation and browsers show them: methods, bodies, keys, quotes, and what cannot be imported."""

import contextlib

import pytest

from conn_engine.documents import parse
from conn_engine.errors import ConfigurationError
from conn_import import Options, import_source, propose_name, read_curl

KEY = "Zq9Xv7LmP3wT8rKd4Yb2"
NO_RESPONSE = "the path to the records in the response: the document does not give it"
LIST = "curl https://api.shop.example/v2/contacts"


def connector(text, name="shop"):
    imported = import_source(read_curl(text), Options(name))
    assert KEY not in str(imported.files)
    return parse(imported.files["connector.yaml"], "connector.yaml").data, [what for what, _ in imported.losses]


@pytest.mark.parametrize(
    ("text", "method"),
    [
        (LIST, "GET"),
        (f"{LIST} -X POST", "POST"),
        (f"{LIST} -XPUT -sSL", "PUT"),
        (f"{LIST} --request=PATCH", "PATCH"),
        (f"{LIST} -d a=1", "POST"),
        (f"{LIST} --json '{{}}'", "POST"),
        (f"{LIST} -F file=@photo.png", "POST"),
        (f"{LIST} -G -d a=1", "GET"),
        (f"{LIST} -I", "HEAD"),
        (f"$ {LIST} \\\n  --request DELETE", "DELETE"),
        (f"/usr/bin/{LIST} --url https://api.shop.example/v2/orders", "GET"),
        ("curl api.shop.example/v2/contacts --max-time 5 -o out.json", "GET"),
    ],
)
def test_the_method(text, method):
    for item in read_curl(text).data["item"]:
        assert item["request"]["method"] == method


def test_several_commands_are_several_operations():
    data, _ = connector(f'{LIST} && {LIST}/123; {LIST} -d \'{{"name": "Ada"}}\' | jq .')
    assert set(data["resources"]["contacts"]) - {"path"} == {"list", "get", "create"}
    assert data["base_url"] == "https://api.shop.example"


def test_ids_in_a_path_become_parameters():
    (item,) = read_curl(
        "curl 'https://api.shop.example/v2/contacts/123/notes/8c5b3f6e-0d0d-4f6e-9d5a-3a1f5f1f9a11'"
    ).data["item"]
    assert item["request"]["url"] == "https://api.shop.example/v2/contacts/{contact_id}/notes/{note_id}"


@pytest.mark.parametrize(
    ("options", "authorization"),
    [
        (f"-H 'Authorization: Bearer {KEY}'", "bearer"),
        (f"-u 'me:{KEY}'", "basic"),
        (f"--oauth2-bearer {KEY}", "bearer"),
    ],
)
def test_a_key_becomes_the_authorization_and_is_written_nowhere(options, authorization):
    data, losses = connector(f"{LIST} {options}")
    assert (data["authorization"], losses) == (authorization, [NO_RESPONSE])


def test_a_key_in_a_header_of_its_own():
    data, _ = connector(f"{LIST} -H 'X-Api-Key: {KEY}'")
    assert data["credentials"] == "api_key"
    assert "X-Api-Key" in str(data["authorization"])


@pytest.mark.parametrize(
    ("query", "authorization"),
    [
        (f"api_key={KEY}", {"format": "query", "name": "api_key"}),
        (f"access_token={KEY}&limit=5", {"format": "query", "name": "access_token"}),
        (f"token={KEY}", {"format": "query", "name": "token"}),
        ("token=2", "none"),
        ("page_token=abc", "none"),
    ],
)
def test_a_key_in_the_query(query, authorization):
    data, _ = connector(f"curl 'https://api.shop.example/v2/contacts?{query}'")
    assert data["authorization"] == authorization


def test_bodies():
    json_body, form, parts, text = (
        item["request"]["body"]
        for item in read_curl(
            f"{LIST} --data-raw $'{{\"name\": \"O\\'Hara \\u00e9\"}}' ; {LIST} -d 'a=1&b=x+y' --data-urlencode 'c=1 2';"
            f"{LIST} -F a=1 -F file=@x.png ; {LIST} -H 'Content-Type: text/plain' -d hello"
        ).data["item"]
    )
    assert json_body == {"mode": "raw", "raw": '{"name": "O\'Hara é"}'}
    assert form["urlencoded"] == [
        {"key": "a", "value": "1"},
        {"key": "b", "value": "x y"},
        {"key": "c", "value": "1 2"},
    ]
    assert [part["type"] for part in parts["formdata"]] == ["text", "file"]
    assert text["options"] == {"raw": {"language": "text"}}


def test_what_cannot_be_imported_is_listed():
    _, losses = connector(f"{LIST} --aws-sigv4 aws:amz --cert me.pem -d @body.json")
    assert {"the curl option --aws-sigv4", "the curl option --cert", "the curl option --data with a file"} <= set(
        losses
    )


def test_the_name_is_that_of_the_host():
    assert propose_name(read_curl("curl https://api.hubapi.com/crm/v3/objects/contacts")) == "hubapi"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no complete curl command"),
        ("wget https://x.example", "there is no complete curl command"),
        ("curl -X POST", "a curl command has no URL"),
        ("curl -H", "a curl command has no URL"),
        ("curl 'https://x.example", "has a quote that is not closed"),
    ],
)
def test_an_incomplete_command_says_what_to_pass(text, message):
    with pytest.raises(ConfigurationError, match=message) as refused:
        read_curl(text)
    assert refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "curl file:///etc/passwd",
        "curl http://[::1",
        "curl https://x.example:99999999/",
        f"curl https://me:{KEY}@x.example/a",
        "curl -" + "d" * 10_000,
        "curl " + "https://x.example/ " * 3_000,
        "curl https://x.example/$(rm -rf ~)",
        'curl ^"https://x.example^" ' + '^"' * 100_001,
        'curl ^"https://x.example^" ' + '^"\\^" ' * 50_000,
    ],
)
def test_hostile_commands_end_in_a_connector_or_an_error(text):
    with contextlib.suppress(ConfigurationError):
        connector(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"curl https://a.example/x -d '{'x' * 2_000_000}'", "more than 300,000 characters"),
        (f"curl https://a.example{'/1' * 20_000}", "a URL of more than 8,000 characters"),
    ],
)
def test_commands_that_would_take_minutes_are_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        read_curl(text)


CHROME_ON_WINDOWS = f"""\
curl ^"https://api.shop.example/v2/contacts?limit=5^&q=a^%^20b^" ^
  -H ^"accept: application/json^" ^
  -H ^"authorization: Bearer {KEY}^" ^
  -b ^"sid={KEY}^" ^
  --data-raw ^"^{{^\\^"name^\\^":^\\^"O'Hara ^^ C:^\\^\\tmp^\\^",^\\^"note^\\^":^\\^"a^

b^\\^"^}}^" &
curl ^"https://api.shop.example/v2/orders^" ^
  -X ^"DELETE^" --compressed
"""
FIREFOX_ON_WINDOWS = f"""\
curl ^"https://api.shop.example/v2/contacts^" -H ^"X-Api-Key: {KEY}^" --data-raw ^"^{{^"^"price^"^":^"^"\\$5^"^"^}}^"
"""


def test_what_browsers_copy_on_windows_with_carets():
    first, second = read_curl(CHROME_ON_WINDOWS.replace("\n", "\r\n")).data["item"]
    assert first["request"]["url"] == "https://api.shop.example/v2/contacts?limit=5&q=a%20b"
    assert first["request"]["body"]["raw"] == '{"name":"O\'Hara ^ C:\\tmp","note":"a\nb"}'
    assert [row["key"] for row in first["request"]["header"]] == ["accept", "authorization"]
    assert (second["request"]["method"], second["request"]["url"]) == ("DELETE", "https://api.shop.example/v2/orders")
    data, _ = connector(CHROME_ON_WINDOWS)
    assert data["authorization"] == "bearer"
    (item,) = read_curl(FIREFOX_ON_WINDOWS).data["item"]
    assert item["request"]["body"]["raw"] == '{"price":"$5"}'
    assert "X-Api-Key" in str(connector(FIREFOX_ON_WINDOWS)[0]["authorization"])


def test_a_command_in_the_style_of_windows_without_carets():
    (item,) = read_curl(
        'curl.exe "https://api.shop.example/v2/contacts" ^\r\n -H "Content-Type: application/json" -d "{\\"a\\": 1}"'
    ).data["item"]
    assert item["request"]["body"]["raw"] == '{"a": 1}'


def test_a_caret_before_a_quote_of_a_posix_shell_is_text():
    (item,) = read_curl(f'{LIST} -d \'{{"starts": "^", "x": 1}}\'').data["item"]
    assert item["request"]["body"]["raw"] == '{"starts": "^", "x": 1}'


def test_a_quote_with_a_caret_must_be_closed_too():
    with pytest.raises(ConfigurationError, match="has a quote that is not closed"):
        read_curl('curl ^"https://x.example')
