"""Internal addresses: judged by name and by what the name resolves to, on every hop, by both drivers.

Servers are real and on loopback; DNS answers are the test's, through the transport's one seam for them.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from authority import Authority
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.config.models import TRUSTED_HOST
from conn_engine.errors import ConfigurationError, TransportError
from conn_engine.secrets import Redactor
from conn_engine.transport import egress, gateway
from conn_engine.transport.egress import Trust
from conn_engine.transport.ip_ranges import describe_internal, parse_address
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import Request, Response

INTERNAL = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.127.255.254", "100.100.100.200", "127.0.0.1", "127.9.9.9",
    "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2001:10::1", "2001:20::1", "2002:7f00:1::",
    "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1", "8000::1", "::ffff:0:127.0.0.1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.0.1",
    "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip
SPELLINGS = [
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0x",
]
NAMES = [
    "localhost",
    "LOCALHOST.",
    "printer",
    "x.local",
    "metadata.google.internal",
    "nas.lan",
    "a.localhost",
    "b.home.arpa",
]


def literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", INTERNAL)
def test_addresses_that_are_not_public(address: str) -> None:
    parsed = parse_address(address)
    assert parsed is not None
    assert describe_internal(parsed)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_are_public(address: str) -> None:
    parsed = parse_address(address)
    assert parsed is not None
    assert describe_internal(parsed) == ""
    assert egress.judge_host(("https", literal(address), 443), ()) == ""


@given(st.ip_addresses())
def test_nothing_that_python_calls_internal_is_public(address: Any) -> None:
    """`ipaddress` is a second opinion: what it does not call global is judged internal here, in every version of it."""
    inner = address.ipv4_mapped or address if address.version == 6 else address
    if not inner.is_global or inner.is_multicast:
        nat64 = address in ipaddress.ip_network("64:ff9b::/96") if address.version == 6 else False
        assert describe_internal(address) or nat64


@pytest.mark.parametrize("host", [*(literal(a) for a in INTERNAL if "%" not in a), *SPELLINGS, *NAMES])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_an_error_suggests_is_accepted_and_enough(scheme: str, host: str) -> None:
    goal = gateway.parse_target(f"{scheme}://{host}:8443/x")
    with pytest.raises(ConfigurationError, match="internal address") as caught:
        egress.check_host(f"{scheme}://{host}:8443/x", (), "things.list")
    suggested = caught.value.hint.split('"')[1]
    assert re.fullmatch(TRUSTED_HOST, suggested)
    assert egress.judge_host(goal.origin, (suggested,)) == ""
    assert egress.judge_addresses(goal.origin, INTERNAL, (suggested,)) == ""
    assert egress.judge_host(("https", "10.9.9.9", 8443), (suggested,))


# --- the drivers ---


class Names:
    """DNS as the test wants it: each look-up of a name gets its next answer; the last one repeats."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


Ask = Callable[..., list[Response]]


def ask_sync(*requests: Request, **options: Any) -> list[Response]:
    with Live(Redactor(), **options) as live:
        return [live.send(request) for request in requests]


def ask_async(*requests: Request, **options: Any) -> list[Response]:
    async def run() -> list[Response]:
        async with AsyncLive(Redactor(), **options) as live:
            return [await live.asend(request) for request in requests]

    return asyncio.run(run())


both = pytest.mark.parametrize("ask", [ask_sync, ask_async])
LOOPBACK = Trust(("127.0.0.0/8",))


@both
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:127.0.0.1"]
)
def test_a_name_of_an_internal_address_is_refused(ask: Ask, site: Any, address: str) -> None:
    with pytest.raises(ConfigurationError, match="resolves to an internal address") as caught:
        ask(Request("GET", f"http://api.vendor.test:{site.port}/"), resolver=Names(api_vendor_test=[[address]]))
    assert f'"http://api.vendor.test:{site.port}" to trusted_hosts' in caught.value.hint
    assert site.arrived == []


@both
def test_one_internal_address_among_public_ones_is_enough(ask: Ask, site: Any) -> None:
    mixed = ["8.8.8.8", "1.1.1.1", "8.8.4.4", "2606:4700::1111", "9.9.9.9", "127.0.0.1"]
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1, loopback"):
        ask(Request("GET", f"http://api.vendor.test:{site.port}/"), resolver=Names(api_vendor_test=[mixed]))
    assert site.arrived == []


@both
def test_hosts_that_receive_credentials_are_not_trusted_for_that(ask: Ask, site: Any) -> None:
    """A connector names its hosts; that they may be internal is for conn.yaml to say."""
    hosts = (f"127.0.0.1:{site.port}",)
    for authorized in (False, True):
        with pytest.raises(ConfigurationError, match="internal address"):
            ask(Request("GET", f"{site.url}/", hosts=hosts, authorized=authorized))
    assert site.arrived == []


@both
@pytest.mark.parametrize("trusted", ["127.0.0.0/8", "http://api.vendor.test:*", "http://*.vendor.test:*"])
def test_networks_and_patterns_allow_an_internal_address(ask: Ask, site: Any, trusted: str) -> None:
    site.routes["/"] = (200, {}, b"here")
    names = Names(api_vendor_test=[["127.0.0.1"]])
    [answer] = ask(Request("GET", f"http://api.vendor.test:{site.port}/"), resolver=names, trust=Trust((trusted,)))
    assert (answer.body, site.arrived[0].headers["host"]) == (b"here", f"api.vendor.test:{site.port}")


@both
def test_a_network_decides_on_names_that_look_internal(ask: Ask, site: Any) -> None:
    site.routes["/"] = (200, {}, b"here")
    names = Names(kinto=[["127.0.0.1"]], printer=[["10.0.0.1"]])
    assert ask(Request("GET", f"http://kinto:{site.port}/"), resolver=names, trust=LOOPBACK)[0].body == b"here"
    with pytest.raises(ConfigurationError, match=r"10\.0\.0\.1, private"):
        ask(Request("GET", f"http://printer:{site.port}/"), resolver=names, trust=LOOPBACK)


@both
def test_an_answer_that_changes_between_check_and_connect_changes_nothing(
    ask: Ask, new_site: Callable[..., Any]
) -> None:
    judged = new_site("127.0.0.2")
    other = new_site("127.0.0.1", judged.port)
    judged.routes["/"] = other.routes["/"] = (200, {}, b"")
    names = Names(api_vendor_test=[["127.0.0.2"], ["127.0.0.1"]])
    only = Trust(("127.0.0.2/32",))
    requests = [Request("GET", f"http://api.vendor.test:{judged.port}/") for _ in range(3)]
    ask(*requests, resolver=names, trust=only)
    assert (len(judged.arrived), other.arrived) == (3, [])
    assert names.asked == ["api.vendor.test"]  # once for the connection, which is used again
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1, loopback"):
        ask(requests[0], resolver=names, trust=only)
    assert other.arrived == []


@both
def test_tls_goes_to_the_judged_address_under_the_name(ask: Ask, new_site: Callable[..., Any], tmp_path: Any) -> None:
    authority = Authority()
    own = authority.vouch("server")
    (tmp_path / "both.pem").write_text(own.key + own.certificate)
    (tmp_path / "ca.pem").write_text(authority.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    shown: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: shown.append(name)  # type: ignore[assignment]
    site = new_site("127.0.0.2", tls=context)
    site.routes["/"] = (200, {}, b"here")
    trust = Trust(("127.0.0.2/32",), tmp_path / "ca.pem")
    names = Names(localhost=[["127.0.0.2"]], other_test=[["127.0.0.2"]])
    [answer] = ask(Request("GET", f"https://localhost:{site.port}/"), resolver=names, trust=trust)
    assert (answer.body, shown, site.arrived[0].headers["host"]) == (b"here", ["localhost"], f"localhost:{site.port}")
    with pytest.raises(TransportError, match="not trusted"):
        ask(Request("GET", f"https://other.test:{site.port}/"), resolver=names, trust=trust)


@both
def test_redirects_are_judged_by_what_they_resolve_to(ask: Ask, new_site: Callable[..., Any]) -> None:
    home, other = new_site("127.0.0.2"), new_site()
    home.routes["/"] = (302, {"Location": f"http://files.vendor.test:{other.port}/secret"}, b"")
    names = Names(api_vendor_test=[["127.0.0.2"]], files_vendor_test=[["127.0.0.1"]])
    request = Request("GET", f"http://api.vendor.test:{home.port}/", label="files.get")
    with pytest.raises(
        TransportError, match=r"a redirect to http://files\.vendor\.test.*127\.0\.0\.1, loopback"
    ) as caught:
        ask(request, resolver=names, trust=Trust(("127.0.0.2/32",)))
    assert (caught.value.exit_code, caught.value.retryable, other.arrived) == (4, False, [])
    assert "trusted_hosts" in caught.value.hint


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
def test_a_redirect_to_another_port_of_this_machine_is_judged_like_any_other(
    ask: Ask, new_site: Callable[..., Any], host: str
) -> None:
    """Also when the vendor itself is on this machine, and trusted."""
    home, other = new_site(), new_site()
    home.routes["/"] = (302, {"Location": f"http://{host}:{other.port}/"}, b"")
    with pytest.raises(TransportError, match="internal address"):
        ask(Request("GET", f"{home.url}/"), trust=Trust(home.hosts))
    assert other.arrived == []


@both
def test_a_name_that_there_is_not(ask: Ask) -> None:
    with pytest.raises(TransportError, match="is unknown") as caught:
        ask(Request("GET", "http://api.vendor.test/"), resolver=Names())
    assert caught.value.fault == "dns"


def test_a_slow_look_up_does_not_hold_the_event_loop_up(site: Any) -> None:
    site.routes["/"] = (200, {}, b"here")
    answered = threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        assert answered.wait(10), "the loop stood still"
        return ["127.0.0.1"]

    async def run() -> bytes:
        async with AsyncLive(resolver=slow, trust=LOOPBACK) as live:
            waiting = asyncio.create_task(live.asend(Request("GET", f"http://api.vendor.test:{site.port}/")))
            await asyncio.sleep(0.01)
            answered.set()
            return (await waiting).body

    assert asyncio.run(run()) == b"here"


@both
def test_a_look_up_that_does_not_end_is_given_up(ask: Ask) -> None:
    ended = threading.Event()

    def never(host: str, port: int) -> Sequence[str]:
        ended.wait(60)
        return []

    began = time.monotonic()
    with pytest.raises(TransportError, match="no connection"):
        ask(Request("GET", "http://api.vendor.test/"), resolver=never, connect_seconds=0.1)
    assert time.monotonic() - began < 40  # nor is it waited for when the event loop ends
    ended.set()


# --- behind a proxy ---


@pytest.fixture
def proxy(site: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HTTP_PROXY", site.url)
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for host in ("api.vendor.test", "hidden.vendor.test", "printer.corp.test", "nas.lan"):
        site.routes[f"http://{host}/"] = (200, {}, b"by proxy")
    return site


@both
def test_behind_a_proxy_names_are_looked_up_here_and_judged(ask: Ask, proxy: Any) -> None:
    names = Names(api_vendor_test=[["8.8.8.8"]], hidden_vendor_test=[["8.8.8.8", "10.0.0.1"]])
    answers = ask(*[Request("GET", "http://api.vendor.test/") for _ in range(3)], resolver=names)
    assert [answer.body for answer in answers] == [b"by proxy"] * 3
    assert names.asked == ["api.vendor.test"]
    with pytest.raises(ConfigurationError, match=r"10\.0\.0\.1, private"):
        ask(Request("GET", "http://hidden.vendor.test/"), resolver=names)
    assert len(proxy.arrived) == 3
    assert ask(Request("GET", "http://hidden.vendor.test/"), resolver=names, trust=Trust(("10.0.0.0/8",)))


@both
@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "nas.lan", "printer", "2130706433"])
def test_behind_a_proxy_internal_hosts_are_refused_as_well(ask: Ask, proxy: Any, host: str) -> None:
    for trust in (Trust(), Trust(("192.168.0.0/16",))):
        with pytest.raises(ConfigurationError, match="internal address"):
            ask(Request("GET", f"http://{host}/"), resolver=Names(), trust=trust)
    assert proxy.arrived == []


@both
def test_behind_a_proxy_that_alone_knows_the_name_its_policy_decides(ask: Ask, proxy: Any) -> None:
    assert ask(Request("GET", "http://hidden.vendor.test/"), resolver=Names())[0].body == b"by proxy"
    assert ask(Request("GET", "http://nas.lan/"), resolver=Names(), trust=Trust(("http://nas.lan",)))
