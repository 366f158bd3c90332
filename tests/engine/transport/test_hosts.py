"""A stored credential goes to the hosts that it was stored for, and to no other of the connector's."""

import pytest

from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.secrets import Redactor
from conn_engine.transport.gateway import check_request
from conn_engine.transport.hosts import bind_hosts, granted_hosts, rebind_hosts
from conn_engine.wire import Headers, Request


@pytest.mark.parametrize(
    ("hosts", "stored_for", "bound", "withheld"),
    [
        (("a.example",), ("a.example",), ("a.example",), ()),
        (("a.example", "b.example"), ("a.example",), ("a.example",), ("b.example",)),
        (("*.example.com",), ("acme.example.com",), ("acme.example.com",), ("*.example.com",)),
        (("acme.example.com",), ("*.example.com",), ("acme.example.com",), ()),
        (("evil.example",), ("a.example",), (), ("evil.example",)),
        (("127.0.0.1:9",), ("127.0.0.1:*",), ("127.0.0.1:9",), ()),
        (("127.0.0.1:*",), ("127.0.0.1:9",), ("127.0.0.1:9",), ("127.0.0.1:*",)),
        (("a.example",), ("http://a.example",), (), ("a.example",)),
        (("http://a.example",), ("a.example",), (), ("http://a.example",)),
    ],
)
def test_what_is_left_of_a_connectors_hosts(hosts, stored_for, bound, withheld):
    found = bind_hosts(hosts, stored_for, "acme")
    assert (tuple(found), found.withheld) == (bound, withheld)
    assert set(granted_hosts(found)) == {*bound, *withheld}
    assert rebind_hosts(hosts, found) == found
    assert rebind_hosts(hosts, stored_for) == hosts


def request(url, hosts, **more):
    return Request("GET", url, hosts=hosts, label="people.list", **more)


HOSTS = bind_hosts(("a.example", "b.example"), ("a.example",), "acme")


def test_another_host_is_a_new_log_in():
    redactor = Redactor(["a-secret-of-acme"])
    check_request(request("https://a.example/x", HOSTS, authorized=True), redactor)
    check_request(request("https://b.example/x", HOSTS), redactor)
    for carrying in ({"authorized": True}, {"headers": Headers({"X-Key": "a-secret-of-acme"})}):
        with pytest.raises(
            CredentialError, match=r'people.list would go to b.example; the credential of "acme" is for a.example'
        ):
            check_request(request("https://b.example/x", HOSTS, **carrying), redactor)
    with pytest.raises(ConfigurationError, match="not a host of the connector"):
        check_request(request("https://c.example/x", HOSTS, authorized=True), redactor)
