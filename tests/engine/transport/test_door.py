"""Host patterns and URLs, as the door reads them."""

import pytest

from conn_engine.errors import ConfigurationError
from conn_engine.secrets import Redactor
from conn_engine.transport.gateway import check_request, is_loopback, is_permitted, parse_target
from conn_engine.wire import Headers, Request


@pytest.mark.parametrize(
    ("url", "pattern", "allowed"),
    [
        ("https://api.example.com/x", "api.example.com", True),
        ("https://API.Example.com./x", "api.example.com", True),
        ("https://api.example.com:443/x", "api.example.com", True),
        ("https://api.example.com:8443/x", "api.example.com", False),
        ("https://api.example.com:8443/x", "api.example.com:8443", True),
        ("https://api.example.com:8443/x", "api.example.com:*", True),
        ("https://acme.example.com/", "*.example.com", True),
        ("https://example.com/", "*.example.com", False),
        ("https://a.b.example.com/", "*.example.com", False),
        ("https://a.b.example.com/", "*.*.example.com", True),
        ("https://acme-eu.example.com/", "acme-*.example.com", True),
        ("https://evilexample.com/", "*.example.com", False),
        ("https://api.example.com.evil.com/", "api.example.com", False),
        ("https://apiXexample.com/", "api.example.com", False),
        ("https://anything/", "*", True),
        ("https://any.thing/", "*", False),
        ("http://api.example.com/", "api.example.com", False),
        ("http://api.example.com/", "http://api.example.com", True),
        ("https://api.example.com/", "http://api.example.com", False),
        ("http://127.0.0.1/", "127.0.0.1", True),
        ("http://127.0.0.1:8080/", "127.0.0.1", False),
        ("http://127.0.0.1:8080/", "127.0.0.1:*", True),
        ("http://localhost:8080/", "localhost:8080", True),
        ("http://[::1]:8080/", "[::1]:*", True),
        ("https://api.example.com/", "", False),
        ("https://api.example.com/", "not a host!", False),
    ],
)
def test_patterns(url, pattern, allowed):
    assert is_permitted(parse_target(url).origin, (pattern,)) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com/x",
        "/x",
        "",
        "ftp://example.com/",
        "https://",
        "https:///x",
        "https://user:pass@example.com/",
        "https://example.com@evil.com/",
        "https://example.com\\@evil.com/",
        "https://exa mple.com/",
        "https://example.com:port/",
        "https://example.com:99999/",
        "https://a..b/",
        "https://-a.com/",
        "https://ex%61mple.com/",
        "https://bücher.example/",
        "https://[::1/",
    ],
)
def test_urls_that_two_readers_could_take_differently_are_refused(url):
    with pytest.raises(ConfigurationError) as caught:
        parse_target(url)
    assert "pass" not in caught.value.message


def test_url_parts():
    goal = parse_target("https://API.example.com:8443/a/b?c=d e&f=é#part")
    assert (goal.scheme, goal.host, goal.port, goal.authority) == (
        "https",
        "api.example.com",
        8443,
        "api.example.com:8443",
    )
    assert goal.path == "/a/b?c=d%20e&f=%C3%A9"
    assert parse_target("http://example.com?x=1").path == "/?x=1"
    assert parse_target("http://example.com").authority == "example.com"


def test_this_machine():
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "a.localhost"]))
    assert not any(map(is_loopback, ["127.0.0.1.evil.com", "localhost.evil.com", "10.0.0.1", "xlocalhost", "0.0.0.0"]))


def test_hint_says_what_to_add():
    with pytest.raises(ConfigurationError) as caught:
        check_request(
            Request("GET", "https://b.example.com:8443/", authorized=True, hosts=("a.example.com",)),
            Redactor(),
        )
    assert '"b.example.com:8443" to trusted_hosts' in caught.value.hint
    with pytest.raises(ConfigurationError) as caught:
        check_request(Request("GET", "http://a.example.com/", authorized=True, hosts=("a.example.com",)), Redactor())
    assert "over https" in caught.value.hint
    with pytest.raises(ConfigurationError) as caught:
        check_request(Request("GET", "http://kinto:8888/", authorized=True, hosts=()), Redactor())
    assert '"http://kinto:8888"' in caught.value.hint


def test_basic_header_of_a_request_that_forgot_to_say_it_is_authorized():
    request = Request("GET", "https://b.example.com/", Headers({"Authorization": "Basic dXNlcjpodW50ZXIyMjI="}))
    assert check_request(request, Redactor(["other-secret"])).host == "b.example.com"
    with pytest.raises(ConfigurationError):
        check_request(request, Redactor(["hunter222"]))
