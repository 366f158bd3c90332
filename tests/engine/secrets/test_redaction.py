"""Secrets stay masked, and are found and replaced in every form in which they travel."""

import copy
import html
import json
import pickle
import quopri
import threading
from base64 import b64encode, encodebytes, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from measuring import cpu_limit

from conn_engine.secrets import REDACTED, Redactor, Secret, is_secret_name

AWKWARD = "p/ä+s \"w\\o''%rd\n=é&\U0001f511"


def test_secret_is_masked_until_revealed():
    secret = Secret("hunter22")
    assert "hunter22" not in f"{secret} {secret!r} {secret!s} {[secret]} {secret:>20}"
    assert secret.reveal() == "hunter22"
    assert secret == Secret("hunter22") != Secret("other")
    assert len({secret, Secret("hunter22")}) == 1
    assert bool(secret) and not Secret("")
    for leak in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError):
            leak(secret)


NAMED = {"/": "&sol;", "+": "&plus;", "=": "&equals;", "_": "&lowbar;", "%": "&percnt;", "\\": "&bsol;"}


def units(text: str) -> list[str]:
    packed = text.encode("utf-16-be").hex()
    return [packed[at : at + 4] for at in range(0, len(packed), 4)]


def json_(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


FORMS = {
    "plain": lambda s: s,
    "percent": lambda s: quote(s, safe=""),
    "percent, slash kept": quote,
    "percent, lower case": lambda s: quote(s, safe="").lower() if s.islower() else quote(s, safe=""),
    "form": quote_plus,
    "percent twice": lambda s: quote(quote(s, safe=""), safe=""),
    "json": lambda s: json.dumps(s)[1:-1],
    "json, characters kept": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "json in json": lambda s: json.dumps(json.dumps(s))[1:-1],
    "json, slash escaped": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "html": html.escape,
    "html in html": lambda s: html.escape(html.escape(s)),
    "html, apostrophe of XML": lambda s: html.escape(s).replace("&#x27;", "&apos;"),
    "html by numbers": lambda s: "".join(c if c.isascii() and c.isalnum() else f"&#{ord(c)};" for c in s),
    "html by hexadecimal numbers": lambda s: "".join(c if c.isalnum() else f"&#x{ord(c):02X};" for c in s),
    "html by names": lambda s: "".join(NAMED.get(c, c) for c in html.escape(s)),
    "percent, every byte": lambda s: "".join(f"%{b:02x}" for b in s.encode()),
    "percent, every byte, twice": lambda s: "".join(f"%25{b:02X}" for b in s.encode()),
    "percent, every character of it": lambda s: "".join(f"%{b:02X}" for b in quote(s, safe="").encode()),
    "json, every character": lambda s: "".join(f"\\u{unit}" for unit in units(s)),
    "json, every character, in json": lambda s: "".join(f"\\\\u{unit.upper()}" for unit in units(s)),
    "json, every character, in percent": lambda s: "".join(f"%5Cu{unit}" for unit in units(s)),
    "json as .NET and Go write it": lambda s: "".join(f"\\u{ord(c):04X}" if c in "+&<>='" else c for c in json_(s)),
    "a script's escapes": lambda s: "".join(f"\\x{ord(c):02x}" if ord(c) < 128 else f"\\u{{{ord(c):x}}}" for c in s),
    "html by numbers, every character": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "html by hexadecimal numbers, every character": lambda s: "".join(f"&#x{ord(c):X};" for c in s),
    "html by numbers, in html": lambda s: "".join(f"&amp;#{ord(c):05};" for c in s),
    "html by numbers, in json": lambda s: "".join(f"\\u0026#{ord(c)};" for c in s),
    "html by numbers, in percent": lambda s: quote("".join(f"&#{ord(c)};" for c in s)),
    "sections of XML": lambda s: "".join(f"<![CDATA[{c}]]>" for c in s),
    "comments of XML": lambda s: "<!-- x -->".join(html.escape(c, quote=False) for c in s),
    "a table": lambda s: s.replace('"', '""'),
    "a table with other quotes": lambda s: s.replace("'", "''"),
    "quoted-printable": lambda s: quopri.encodestring(s.encode(), quotetabs=True).decode(),
    "quoted-printable, wrapped": lambda s: "".join(f"=\n{quopri.encodestring(c.encode()).decode()}" for c in s),
    "base64 on lines of 76": lambda s: encodebytes(b"u" * 50 + s.encode() + b"z" * 90).decode(),
    "base64 on lines of 76, in json": lambda s: json_(encodebytes(b"u" * 52 + s.encode() + b"z" * 90).decode()),
    "base64 with its + as .NET writes it": lambda s: b64encode(f"u:{s}".encode()).decode().replace("+", "\\u002B"),
    "hexadecimal": lambda s: s.encode().hex(),
    "HEXADECIMAL": lambda s: s.encode().hex().upper(),
    "base64 of json": lambda s: b64encode(json.dumps({"k": s}).encode()).decode(),
    "base64 of percent": lambda s: b64encode(b"x" + quote(s, safe="").encode()).decode(),
    "base64 in url": lambda s: quote(b64encode(f"user:{s}".encode()).decode(), safe=""),
    **{f"base64 after {n}": lambda s, n=n: b64encode(b"u" * n + s.encode() + b"zz").decode() for n in range(4)},
    **{
        f"base64url after {n}": lambda s, n=n: urlsafe_b64encode(b"u" * n + s.encode()).decode().rstrip("=")
        for n in range(3)
    },
}


@pytest.mark.parametrize(
    "secret", [AWKWARD, "tok_0123456789abcdef", "aaaa", "\\\\\\x", "line1\r\nline2-long", "日本語の鍵"]
)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_and_replaced(form, secret):
    spelled = FORMS[form](secret)
    redactor = Redactor([secret])
    for text in (spelled, f"before {spelled} after", f'{{"a":"{spelled}"}}'):
        assert redactor.find(text) == [f"a secret of {len(secret)} characters"]
        assert redactor.find(text.encode())
        clean = redactor.text(text)
        assert REDACTED in clean
        assert spelled not in clean
        assert redactor.find(clean) == []
        assert redactor.text(clean) == clean


def test_latin_1_forms():
    redactor = Redactor(["pässwörd"])
    assert redactor.find(b64encode("u:pässwörd".encode("latin-1")))
    assert redactor.find(quote("pässwörd", encoding="latin-1"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_stays_utf_16(encoding):
    redactor = Redactor(["tok_0123456789+abc"])
    for secret in ("tok_0123456789+abc", "tok_\\u0030123456789%2Babc"):
        body = f"ü{{'a': '{secret}'}}".encode(encoding)
        assert redactor.without_echo(body).decode(encoding) == "ü{'a': '[redacted]'}"
        assert redactor.without_echo(b"\0" + body) == b"\0" + redactor.without_echo(body)


def test_what_surrounds_a_secret_stays():
    redactor = Redactor(["hunter22"])
    assert redactor.text("a hunter22 b hunter22") == "a [redacted] b [redacted]"
    assert redactor.text("nothing") == "nothing"
    assert redactor.find("hunter2") == []
    assert redactor.text("Hunter22") == "Hunter22"


def test_short_values_are_no_secrets():
    redactor = Redactor(["abc", "", "true"[:3]])
    assert redactor.text("abc tru") == "abc tru"


def test_longer_secret_wins_over_one_it_begins_with():
    redactor = Redactor(["abcd", "abcdefgh"])
    assert redactor.text("abcdefgh abcdxx") == "[redacted] [redacted]xx"


def test_adjacent_forms_leave_nothing():
    secret = "s3cr3t-value"
    packed = b64encode(secret.encode()).decode()
    text = f"{packed}{secret}{packed.rstrip('=')}{secret}"
    clean = Redactor([secret]).text(text)
    assert "s3cr3t" not in clean
    assert "3cr3t-value" not in clean


def test_labels_never_show_the_secret():
    redactor = Redactor()
    redactor.add("hunter22", "the password")
    redactor.add_document(
        {"oauth": {"token": {"access_token": "tok-12345", "token_type": "Bearer", "scope": "a.read b"}}}
    )
    assert redactor.find("hunter22 tok-12345") == ["the password", "oauth.token.access_token"]
    assert redactor.text("Bearer a.read b") == "Bearer a.read b"
    assert "hunter22" not in repr(redactor)


def test_document_of_lists_and_common_words():
    redactor = Redactor()
    redactor.add_document(
        {"keys": ["first-key", "second-key"], "flag": "true", "n": 12345, "instance_url": "https://a.b"}
    )
    assert (
        redactor.text("first-key second-key true 12345 https://a.b") == "[redacted] [redacted] true 12345 https://a.b"
    )


def test_key_in_pem_form_is_found_line_by_line():
    line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"
    redactor = Redactor([f"-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----\n"])
    assert redactor.find(f"x {line} y")
    assert not redactor.find("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Authorization",
        "X-Api-Key",
        "apiKey",
        "client_secret",
        "Set-Cookie",
        "refresh_token",
        "token",
        "hubSecret",
    ],
)
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["next_page_token", "sync_token", "tokens_used", "key", "author", "id", "secretary", ""]
)
def test_names_of_other_things(name):
    assert not is_secret_name(name)


def test_data_by_value_and_by_name():
    redactor = Redactor(["hunter22", "987654321"])
    data = {
        "id": 1,
        "note": "it is hunter22!",
        "hunter22": True,
        "number": 987654321,
        "password": "unknown to the redactor",
        "token": {"value": "x", "n": 5, "ok": True, "none": None, "empty": ""},
        "headers": [{"name": "X-Api-Key", "value": "abc"}, {"name": "X-Other", "value": "abc"}],
        "next": "https://user:pw@api.example.com/x?api_key=zzz&after=2#access_token=q",
        "next_page_token": "p2",
    }
    before = copy.deepcopy(data)
    clean = redactor.data(data)
    assert data == before
    assert clean == {
        "id": 1,
        "note": "it is [redacted]!",
        "[redacted]": True,
        "number": REDACTED,
        "password": REDACTED,
        "token": {"value": REDACTED, "n": REDACTED, "ok": True, "none": None, "empty": ""},
        "headers": [{"name": "X-Api-Key", "value": REDACTED}, {"name": "X-Other", "value": "abc"}],
        "next": "https://[redacted]@api.example.com/x?api_key=[redacted]&after=2#access_token=[redacted]",
        "next_page_token": "p2",
    }
    assert redactor.data(clean) == clean


def test_a_signed_url_keeps_its_signature_to_itself():
    for name in ("sig", "Signature", "X-Amz-Signature", "X-Goog-Signature"):
        url = f"https://files.example.com/a.csv?se=2026-01-01&{name}=abc%2Fdef%3D&v=1"
        clean = f"https://files.example.com/a.csv?se=2026-01-01&{name}=[redacted]&v=1"
        assert Redactor().url(url) == clean
        assert Redactor().data(["/a?" + url.partition("?")[2]]) == ["/a?" + clean.partition("?")[2]]
        told = {"se": "2026-01-01", name: "[redacted]", "v": "1"}
        assert Redactor().parameters({"se": "2026-01-01", name: "abc/def=", "v": "1"}) == told
        assert Redactor().data({"url": url, "signature": "Kind regards"}) == {"url": clean, "signature": "Kind regards"}


def test_time_is_linear_in_the_text():
    redactor = Redactor([*(f"secret-{n}-{'x' * n}" for n in range(30)), "\\\\\\\\x" * 20, "aaaa" * 50, '"\\"\\"\\"\\'])
    for text in ("a" * 400_000, "\\" * 400_000, "%25" * 130_000, "secret-1-" * 40_000, '\\"' * 200_000):
        with cpu_limit(10):
            redactor.find(text)
            redactor.text(text)


@pytest.mark.slow
def test_threads_add_and_read_at_once():
    redactor = Redactor()
    stop = threading.Event()
    faults = []

    def read():
        while not stop.is_set():
            try:
                redactor.text("secret-number-1 and secret-number-77")
            except Exception as error:
                faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(30):
        redactor.add(f"secret-number-{number}")
        assert redactor.text(f"a secret-number-{number}!") == "a [redacted]!"
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []


def test_an_answer_keeps_the_names_that_a_log_in_told_even_beside_an_echo():
    told = {
        "username": "ada.lovelace",
        "session": {
            "access_token": "token-of-ada-0123456789",
            "user_id": "@ada.lovelace:chat.example",
            "home_server": "chat.example",
        },
    }
    redactor = Redactor()
    redactor.add_document(told)
    body = b'{"name": "@ada.lovelace:chat.example", "server": "chat.example"}'
    assert redactor.without_echo(body) is body
    echoed = b'{"name": "@ada.lovelace:chat.example", "token": "token-of-ada-0123456789"}'
    clean = b'{"name": "@ada.lovelace:chat.example", "token": "[redacted]"}'
    assert redactor.without_echo(echoed) == clean
    cleaner = redactor.echo_cleaner()
    assert cleaner.feed(echoed) + cleaner.finish() == clean
    assert "chat.example" not in redactor.text("@ada.lovelace:chat.example"), "a trace shows none of it"


def test_a_number_of_json_that_is_a_secret_leaves_json():
    redactor = Redactor(["123456789012"])
    raw = b'{"a": 123456789012, "b": [1,123456789012], "c": "x123456789012", "d": "123456789012"}'
    clean = {"a": REDACTED, "b": [1, REDACTED], "c": f"x{REDACTED}", "d": REDACTED}
    assert json.loads(redactor.without_echo(raw)) == clean


@pytest.mark.parametrize(
    "number",
    ["5123456789012", "1234567890120", "-123456789012", "123456789012.5", "7.123456789012e9", "1" * 12 + "2" * 12],
)
def test_a_number_of_json_that_has_a_secret_in_it_leaves_json(number: str):
    redactor = Redactor(["123456789012", "1" * 12, "2" * 12])
    body = b'{"a": %b, "b": [%b,1], "c": "x"}' % (number.encode(), number.encode())
    assert json.loads(redactor.without_echo(body)) == {"a": REDACTED, "b": [REDACTED, 1], "c": "x"}
    cleaner = redactor.echo_cleaner()
    assert cleaner.feed(body) + cleaner.finish() == redactor.without_echo(body)


def test_names_of_headers_and_keys_are_cleaned_too():
    redactor = Redactor(["k3y-Zq81xWv7Rt5Lm2"])
    data = {"k3y-Zq81xWv7Rt5Lm2": [{"k3y-Zq81xWv7Rt5Lm2": None}], "a": 1}
    assert redactor.data_without_echo(data) == {REDACTED: [{REDACTED: None}], "a": 1}
    assert redactor.data_without_echo([["x-k3y%2DZq81xWv7Rt5Lm2", "b"]]) == [["x-[redacted]", "b"]]


def test_a_part_of_a_log_in_that_is_open_and_secret_is_secret():
    redactor = Redactor()
    redactor.add_document({"username": "same-for-both", "password": "same-for-both"})
    assert redactor.without_echo(b"same-for-both") == b"[redacted]"


def test_searches_are_short_where_nothing_is_to_be_found():
    """What an answer without a secret costs: one look for each mark, whatever its escapes are."""
    redactor = Redactor(["tok_0123456789abcdef"])
    looked = []

    class Text(str):
        def __contains__(self, part):
            looked.append(part)
            return super().__contains__(part)

    text = Text(json.dumps([{"a": f'"é" http:\\/\\/a.b?c=%20d&amp;e \n{n}'} for n in range(1000)]))
    assert redactor._search.suspects(text) is False
    assert len(looked) < 15
