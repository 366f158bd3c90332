"""Client certificates and private authorities, against TLS servers that ask for them."""

import asyncio
import json
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from vendor import Vendor, start_vendor

sys.path.insert(0, str(Path(__file__).parent))

from authority import Authority, Pair, pem_of
from trusting import HERE

from conn_engine.errors import ConfigurationError, CredentialError, TransportError
from conn_engine.transport.client_certificate import load_certificate
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import ClientCertificate, FrozenClock, Request, Response, SystemClock

AUTHORITY, STRANGER = Authority(), Authority("another authority")
CLIENT = AUTHORITY.vouch("ada")


def request_of(guard: Vendor, certificate: ClientCertificate | None = None) -> Request:
    return Request("GET", f"{guard.url}/", hosts=guard.hosts, certificate=certificate)


def seen(guard: Vendor) -> list[str | None]:
    """The names that clients' certificates had, None without one."""
    return [arrived.peer for arrived in guard.arrived]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Callable[..., Vendor]]:
    """`guarded(asks)`: a server that insists on a certificate (`ssl.CERT_REQUIRED`), takes one, or asks for none."""
    own = AUTHORITY.vouch("server")
    (tmp_path / "both.pem").write_text(own.key + own.certificate, encoding="utf-8")
    with ExitStack() as stack:

        def start(asks: ssl.VerifyMode = ssl.CERT_REQUIRED) -> Vendor:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "both.pem")
            context.load_verify_locations(cadata=AUTHORITY.certificate)
            context.verify_mode = asks
            return stack.enter_context(start_vendor(lambda arrived: {"client": arrived.peer}, tls=context))

        yield start


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(AUTHORITY.certificate, encoding="utf-8")
    return path


def of(pair: Pair, passphrase: str | None = None) -> ClientCertificate:
    return ClientCertificate(pair.certificate, pair.key, passphrase)


def sent(request: Request, ca: Path | None) -> Response:
    with Live(trust=replace(HERE, certificates=ca)) as live:
        return live.send(request)


def test_a_certificate_is_shown(guarded: Callable[..., Vendor], ca: Path) -> None:
    guard = guarded()
    assert json.loads(sent(request_of(guard, of(CLIENT)), ca).body) == {"client": "ada"}
    encrypted = AUTHORITY.vouch("bob", passphrase="open sesame")
    assert json.loads(sent(request_of(guard, of(encrypted, "open sesame")), ca).body) == {"client": "bob"}
    key = rsa.generate_private_key(65537, 2048)
    in_one_line = AUTHORITY.vouch("eve", key=key)
    escaped = ClientCertificate(in_one_line.certificate.replace("\n", "\\n"), in_one_line.key.replace("\n", "\\n"))
    assert json.loads(sent(request_of(guard, escaped), ca).body) == {"client": "eve"}


def test_for_an_event_loop_too(guarded: Callable[..., Vendor], ca: Path) -> None:
    guard = guarded()

    async def go() -> bytes:
        async with AsyncLive(trust=replace(HERE, certificates=ca)) as live:
            return (await live.asend(request_of(guard, of(CLIENT)))).body

    assert json.loads(asyncio.run(go())) == {"client": "ada"}


def test_accounts_of_one_transport_show_each_their_own(guarded: Callable[..., Vendor], ca: Path) -> None:
    guard = guarded(ssl.CERT_OPTIONAL)
    with Live(trust=replace(HERE, certificates=ca)) as live:
        for certificate in (of(CLIENT), None, of(AUTHORITY.vouch("bob")), of(CLIENT)):
            live.send(request_of(guard, certificate))
    assert seen(guard) == ["ada", None, "bob", "ada"]


def test_a_server_that_insists_says_so(guarded: Callable[..., Vendor], ca: Path) -> None:
    with pytest.raises(TransportError) as raised:
        sent(request_of(guarded()), ca)
    assert "client certificate" in f"{raised.value.message} {raised.value.hint}"


def test_a_certificate_that_the_server_does_not_know(guarded: Callable[..., Vendor], ca: Path) -> None:
    stranger = STRANGER.vouch("mallory")
    with pytest.raises(TransportError) as raised:
        sent(request_of(guarded(), of(stranger)), ca)
    assert "client certificate" in f"{raised.value.message} {raised.value.hint}"


def test_it_is_shown_to_no_other_host(guarded: Callable[..., Vendor], ca: Path) -> None:
    guard, elsewhere = guarded(ssl.CERT_OPTIONAL), guarded(ssl.CERT_OPTIONAL)
    guard.answer = lambda arrived: (302, {"Location": f"{elsewhere.url}/"}, b"")
    sent(request_of(guard, of(CLIENT)), ca)
    assert (seen(guard), seen(elsewhere)) == (["ada"], [None])
    request = Request("GET", f"https://127.0.0.1:{elsewhere.port}/", hosts=guard.hosts, certificate=of(CLIENT))
    sent(request, ca)
    assert seen(elsewhere) == [None, None]


def test_a_private_authority_vouches_only_where_it_is_named(guarded: Callable[..., Vendor], ca: Path) -> None:
    guard = guarded(ssl.CERT_NONE)
    with pytest.raises(TransportError, match="not trusted"):
        sent(request_of(guard), None)
    assert sent(request_of(guard), ca).status == 200


@pytest.mark.parametrize(("text", "words"), [(None, "does not exist"), ("no certificate", "no certificates in PEM")])
def test_a_file_of_authorities_that_is_none(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words):
        sent(Request("GET", "https://127.0.0.1:1/", hosts=("127.0.0.1:1",)), path)


OTHER_KEY = pem_of(ec.generate_private_key(ec.SECP256R1()))
SECRET = "c2VjcmV0LXdvcmRz"
BROKEN = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"
LOCKED = AUTHORITY.vouch("ada", passphrase="open sesame")


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (of(AUTHORITY.vouch("ada", days=(-3, -1))), "certificate expired at"),
        (of(AUTHORITY.vouch("ada", days=(1, 3))), "is not valid before"),
        (ClientCertificate(CLIENT.certificate, OTHER_KEY), "does not belong to its client certificate"),
        (ClientCertificate(AUTHORITY.certificate + CLIENT.certificate, CLIENT.key), "does not belong to"),
        (ClientCertificate(CLIENT.certificate, BROKEN), "cannot be read"),
        (ClientCertificate(CLIENT.certificate, SECRET), "private key is not in PEM form"),
        (ClientCertificate(CLIENT.certificate, "x" * 300_000), "private key is not in PEM form"),
        (ClientCertificate(CLIENT.key, CLIENT.key), "certificate is not in PEM form"),
        (ClientCertificate("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", CLIENT.key), "cannot be read"),
        (of(LOCKED), "no passphrase"),
        (of(LOCKED, "wrong"), "passphrase is wrong"),
    ],
)
def test_what_does_not_serve_is_said_without_the_key(certificate: ClientCertificate, words: str) -> None:
    request = Request("GET", "https://127.0.0.1:1/", hosts=("127.0.0.1:1",), certificate=certificate)
    with pytest.raises(CredentialError, match=words) as raised, Live(trust=HERE) as live:
        live.send(request)
    told = f"{raised.value.message} {raised.value.hint}"
    assert raised.value.hint and SECRET not in told and "open sesame" not in told
    assert certificate.key not in told and "BEGIN" not in told


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_key_with_a_passphrase_is_shown(guarded: Callable[..., Vendor], ca: Path, driver: str) -> None:
    """The passphrase opens the key, stays out of what is printed of the certificate, and a wrong one sends nothing."""
    guard = guarded()

    def send(passphrase: str) -> Response:
        request = request_of(guard, of(LOCKED, passphrase))
        assert passphrase not in repr(request) and passphrase not in repr(request.certificate)
        if driver == "sync":
            return sent(request, ca)

        async def waited() -> Response:
            async with AsyncLive(trust=replace(HERE, certificates=ca)) as live:
                return await live.asend(request)

        return asyncio.run(waited())

    assert send("open sesame").status == 200
    assert seen(guard) == ["ada"]
    with pytest.raises(CredentialError, match="passphrase is wrong") as raised:
        send("open sesame!")
    assert "sesame" not in f"{raised.value.message} {raised.value.hint}"
    assert seen(guard) == ["ada"]


def test_a_certificate_is_judged_by_the_runs_clock() -> None:
    now = SystemClock().now()
    for days, words in ((-3, "is not valid before"), (0, ""), (2, "expired at")):
        clock = FrozenClock(now + days * 86_400)
        with pytest.raises(CredentialError, match=words) if words else nullcontext():
            load_certificate(of(CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), clock.now())


def test_no_key_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    class Context(ssl.SSLContext):
        def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
            written.append(Path(certfile).read_text(encoding="utf-8"))
            assert Path(certfile).stat().st_mode & 0o077 == 0
            super().load_cert_chain(certfile, keyfile, password)

    load_certificate(of(CLIENT), Context(ssl.PROTOCOL_TLS_CLIENT), SystemClock().now())
    (text,) = written
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text and "BEGIN PRIVATE KEY" not in text
    assert list(tmp_path.iterdir()) == []
