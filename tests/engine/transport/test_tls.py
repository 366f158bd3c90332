"""Certificates, against a real TLS server with one of its own making."""

import asyncio
import datetime
import ipaddress
import ssl

import httpx
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from trusting import HERE
from vendor import start_vendor

from conn_engine.errors import TransportError
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.wire import Headers, Request


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test server")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@pytest.fixture
def secure(tmp_path):
    """A TLS server that answers with the Authorization it got, or redirects to http; and its certificate."""
    certificate_file, key_file = self_signed(tmp_path)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)

    def answer(arrived):
        down = arrived.path == "/down"
        headers = {"Location": f"http://{vendor.host}/x"} if down else {}
        return (302 if down else 200), headers, arrived.headers.get("authorization", "").encode()

    with start_vendor(answer, tls=context) as vendor:
        yield vendor.port, certificate_file


def ask_sync(request):
    with Live(trust=HERE) as live:
        return live.send(request)


async def send(request):
    async with AsyncLive(trust=HERE) as live:
        return await live.asend(request)


def ask_async(request):
    return asyncio.run(send(request))


def ask_uvloop(request):
    """The event loop of the service."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(send(request))


both = pytest.mark.parametrize("ask", [ask_sync, ask_async, ask_uvloop])


def request(port, path="/x"):
    headers = Headers({"Authorization": "Bearer hunter22"})
    return Request("GET", f"https://127.0.0.1:{port}{path}", headers, authorized=True, hosts=(f"127.0.0.1:{port}",))


@both
def test_certificate_that_nobody_vouches_for(ask, secure, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(TransportError, match="is not trusted: self-signed certificate") as caught:
        ask(request(secure[0]))
    assert "SSL_CERT_FILE" in caught.value.hint
    assert not caught.value.retryable


@both
def test_certificate_named_by_the_environment(ask, secure, monkeypatch):
    port, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert ask(request(port)).body == b"Bearer hunter22"


@both
def test_redirect_from_https_to_http_is_refused(ask, secure, monkeypatch):
    port, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(TransportError, match="from https to http"):
        ask(request(port, "/down"))


@both
def test_certificate_for_another_name(ask, secure, monkeypatch):
    port, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(TransportError, match="is not trusted"):
        ask(Request("GET", f"https://localhost:{port}/x"))


def test_transports_share_a_context_until_its_file_changes(secure, monkeypatch):
    built = []
    create = httpx.create_ssl_context
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: built.append(1) or create())
    port, file = secure
    for _ in range(3):
        with Live(trust=Trust(HERE.hosts, file)) as live:
            assert live.send(Request("GET", f"https://127.0.0.1:{port}/x")).status == 200
    assert len(built) == 1
    file.write_bytes(self_signed(file.parent)[0].read_bytes() + b"\n")
    with Live(trust=Trust(HERE.hosts, file)) as live, pytest.raises(TransportError, match="not trusted"):
        live.send(Request("GET", f"https://127.0.0.1:{port}/x"))
    assert len(built) == 2
