"""`conn webhook listen` as a process, called over real sockets: deliveries, probes, and those who mean harm."""

import gzip
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from contextlib import contextmanager
from pathlib import Path

import launching
import pytest
from vendor import start_vendor

from conn_cli.delivery_server import DeliveryServer
from conn_cli.neutralize import neutralize
from conn_engine.wire import Response

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hook-secret-of-acme-42"
EVENT_SECRET = b64encode(b"0123456789abcdef0123456789abcdef").decode()
CONNECTOR = """\
base_url: https://api.shop.example/v1
credentials: { format: bearer }
authorization: { format: bearer }
fields:
  - { name: webhook_secret, secret: true, required: false }
webhooks:
  verify:
    format: hmac
    config: { signature: 'headers."x-shop-signature"', content: 'url & "|" & text' }
  challenge:
    - { when: method = "GET" and query.challenge, verified: false, reply: { body: "{{query.challenge}}" } }
    - { when: method = "HEAD", verified: false, reply: { headers: { x-shop: ready } } }
    - when: headers."x-hook-secret"
      verified: false
      capture: { webhook_secret: 'headers."x-hook-secret"' }
  events: { each: body.events, type: item.type, id: item.id }
resources:
  people:
    get: { method: get, path: "/people/{{id}}" }
"""
FILES = {
    "conn.yaml": "version: 1\n",
    "connectors/shop/connector.yaml": CONNECTOR,
    "connectors/mute/connector.yaml": CONNECTOR.split("webhooks:", maxsplit=1)[0]
    + "resources:\n  a: { get: { path: /a } }\n",
    "accounts/acme.yaml": "connector: shop\n",
    "accounts/other.yaml": "connector: mute\n",
}
BODY = json.dumps({"events": [{"id": "e1", "type": "person.created"}, {"id": "e2", "type": "person.seen"}]}).encode()
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


class Listening:
    """A running `conn webhook listen`."""

    def __init__(self, folder, *options, **environ):
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        self.process = launching.start(
            [sys.executable, "-m", "conn_cli.main", "webhook", "listen", *options],
            cwd=folder,
            env={
                **kept,
                "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("cli", "engine")),
                "CONN_NO_KEYRING": "1",
                "CONN_VAULT_KEY": "a key for the tests alone, long enough",
                "CONN_STATE_DIR": str(folder / ".state"),
                "CONN_ACME_TOKEN": "the-api-token-of-acme",
                "CONN_ACME_WEBHOOK_SECRET": SECRET,
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = []
        line = self.process.stderr.readline()
        while line and "listening on" not in line:
            self.said.append(line)
            line = self.process.stderr.readline()
        found = re.search(r"http://\S+:(\d+)", line)
        assert found, "".join(self.said) + line + self.process.stderr.read()
        self.port = int(found[1])

    def call(self, method="POST", target="/", body=b"", signed=True, url=None, **headers):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        url = url or f"http://127.0.0.1:{self.port}{target}"
        own = {"X-Shop-Signature": signature(url, body)} if signed else {}
        link.request(
            method, target, body, {**own, **{name.replace("_", "-"): value for name, value in headers.items()}}
        )
        answer = link.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())

    def raw(self, data, seconds=10.0):
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as link:
            link.sendall(data)
            read = b""
            while piece := link.recv(65536):
                read += piece
            return read

    def end(self, by_itself=False):
        if not by_itself and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        self.said.append(err)
        return self.process.returncode, out, "".join(self.said)


@contextmanager
def listening(folder, *options, **environ):
    made = Listening(folder, *options, **environ)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait(timeout=60)
        made.process.stdout.close()
        made.process.stderr.close()


def signature(url, body):
    return hmac.digest(SECRET.encode(), f"{url}|".encode() + body, "sha256").hex()


def test_deliveries_are_proved_told_and_answered_and_ctrl_c_ends_it(folder):
    with listening(folder, "--account", "acme") as inbox:
        assert inbox.call(body=BODY)[:2] == (200, b"")
        status, body, headers = inbox.call("GET", "/in?challenge=tell+me", signed=False)
        assert (status, body, headers["Content-Type" if "Content-Type" in headers else "content-type"]) == (
            200,
            b"tell me",
            "text/plain; charset=utf-8",
        )
        status, body, headers = inbox.call("HEAD", "/", signed=False)
        assert (status, body, headers["x-shop"]) == (200, b"", "ready")
        assert inbox.call(body=BODY, signed=False)[0] == 401
        assert inbox.call(body=BODY, X_Shop_Signature="00")[0] == 401
        assert inbox.call("OPTIONS", signed=False)[0] == 401
        code, out, err = inbox.end()
    assert code == 0
    assert [line.split(" · ")[:2] for line in out.splitlines()] == [
        ["shop:person.created", "acme"],
        ["shop:person.seen", "acme"],
    ]
    assert "refused: the delivery has no signature" in err
    assert "replied to challenge 0" in err
    assert "stopped: 1 accepted, 2 events" in err
    assert SECRET not in out + err


@pytest.mark.parametrize("options", [(), ("--format", "json"), ("--json",)])
def test_an_event_is_one_line_that_nothing_obeys(folder, options):
    kind = "person\x1b[2J\r\n::set-output name=a::b\n##vso[x]\u202e\x9b"
    body = json.dumps({"events": [{"id": kind, "type": kind, "note": kind}]}).encode()
    with listening(folder, "--account", "acme", *options) as inbox:
        assert inbox.call(body=body)[0] == 200
        assert inbox.call(body=body, X_Shop_Signature="\x1b[2J")[0] == 401
        code, out, err = inbox.end()
    assert code == 0
    assert neutralize(out) == out and neutralize(err) == err
    (line,) = [line for line in out.splitlines() if "note" in line]
    if options:
        assert json.loads(line)["event"]["data"]["note"] == kind


def test_addresses_tell_accounts_and_connectors_apart_and_strangers_nothing(folder):
    with listening(folder, "--format", "json") as inbox:
        assert inbox.call(target="/accounts/acme", body=BODY)[0] == 200
        for target in ("/", "/nobody", "/accounts/nobody", "/accounts/acme/more", "/%2e%2e/shop"):
            status, body, _ = inbox.call(target=target, body=BODY)
            assert (status, body) == (404, b"")
        assert inbox.call(target="/mute", body=BODY)[0] == 503  # it declares no webhooks: reported on stderr only
        code, out, err = inbox.end()
    from transcript import report_validator

    reports = [json.loads(line) for line in out.splitlines()]
    for report in reports:
        report_validator("event").validate(report)
    events = [report["event"] for report in reports]
    assert [(event["type"], event["account"]) for event in events] == [
        ("shop:person.created", "acme"),
        ("shop:person.seen", "acme"),
    ]
    assert (code, 'connector "mute"' in err) == (0, True)


def test_bodies_that_are_packed_or_come_in_pieces_are_the_same_bodies(folder):
    with listening(folder, "--account", "acme") as inbox:
        url = f"http://127.0.0.1:{inbox.port}/"
        packed = {"body": gzip.compress(BODY), "Content_Encoding": "gzip"}
        assert inbox.call(signed=False, X_Shop_Signature=signature(url, BODY), **packed)[0] == 200
        nine = [BODY[at : at + 9] for at in range(0, len(BODY), 9)]
        pieces = b"".join(f"{len(piece):x};note=1\r\n".encode() + piece + b"\r\n" for piece in nine)
        head = (
            f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{inbox.port}\r\nTransfer-Encoding: chunked\r\n"
            f"X-Shop-Signature: {signature(url, BODY)}\r\n\r\n"
        ).encode()
        assert inbox.raw(head + pieces + b"0\r\ntrailer: x\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert inbox.end()[0] == 0


def test_harm_is_turned_away_without_an_echo(folder):
    bomb = gzip.compress(bytes(40 * 1024 * 1024))
    with listening(folder, "--account", "acme") as inbox:
        post = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{inbox.port}\r\n".encode()
        chunked = b"Transfer-Encoding: chunked\r\n"
        cases = [
            (post + b"Content-Length: 99999999999\r\n\r\n", b"413"),
            (post + b"Content-Length: -1\r\n\r\n", b"400"),
            (post + b"Content-Length: 1\r\n" + chunked + b"\r\n0\r\n\r\n", b"400"),
            (post + b"Transfer-Encoding: gzip\r\n\r\n", b"501"),
            (post + chunked + b"\r\nfffffff\r\n", b"413"),
            (post + chunked + b"\r\nxyz\r\n", b"400"),
            (post + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", b"400"),
            (post + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb, b"413"),
            (b"GET /<script>alert(1)</script> HTTP/9.9\r\n\r\n", b"505"),
            (b"<script>alert(1)</script>\r\n\r\n", b"400"),
            (b"BREW /<script> HTTP/1.1\r\n\r\n", b"501"),
            (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % at for at in range(300)) + b"\r\n", b"431"),
            (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        ]
        for sent, status in cases:
            answer = inbox.raw(sent)
            assert answer.startswith(b"HTTP/1.1 " + status), (sent[:60], answer[:60])
            assert b"script" not in answer and b"Python" not in answer
        assert inbox.call(body=BODY)[0] == 200  # and it is well
        _, _, err = inbox.end()
    assert "Traceback" not in err


def test_many_who_say_nothing_keep_nobody_out():
    inbox = DeliveryServer("127.0.0.1", 0, lambda delivery, path: Response(200))
    thread = threading.Thread(target=inbox.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()

    def asked():
        with socket.create_connection(("127.0.0.1", inbox.port), timeout=60) as link:
            link.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            return link.recv(12)

    idle = [socket.create_connection(("127.0.0.1", inbox.port), timeout=60) for _ in range(40)]
    try:
        for link in idle[::2]:
            link.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nx")
        assert [asked() for _ in range(3)] == [b"HTTP/1.1 200"] * 3  # though each of them could stay for half a minute
        assert idle[0].recv(1) == b""  # the connection that was idle for longest is closed
    finally:
        for link in idle:
            link.close()
        inbox.shutdown()
        inbox.server_close()


def test_who_sends_a_byte_now_and_then_is_cut_off():
    inbox = DeliveryServer("127.0.0.1", 0, lambda delivery, path: Response(200), seconds=0.6)
    thread = threading.Thread(target=inbox.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", inbox.port), timeout=60) as link:
            link.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
            began = time.monotonic()
            with pytest.raises(OSError):
                while time.monotonic() < began + 30:
                    link.sendall(b"x")
                    time.sleep(0.1)
            assert time.monotonic() < began + 20
    finally:
        inbox.shutdown()
        inbox.server_close()
        thread.join()


def test_the_public_url_is_the_one_that_is_signed(folder):
    with listening(folder, "--account", "acme", "--url", "https://tunnel.example/hooks", "--once") as inbox:
        status = inbox.call(target="/?a=1", body=BODY, url="https://tunnel.example/hooks?a=1")[0]
        assert status == 200
        code, out, err = inbox.end(by_itself=True)
    assert (code, len(out.splitlines())) == (0, 2)
    assert "stopped: 1 accepted" in err


def test_what_is_accepted_is_recorded_and_replayed(folder):
    with listening(folder, "--account", "acme", "--record", "--count", "2") as inbox:
        assert inbox.call(body=BODY)[0] == 200
        assert inbox.call(body=BODY, signed=False)[0] == 401
        assert inbox.call(body=BODY.replace(b'"e2"', b'"e2", "by": "ada@acme.com"'))[0] == 200
        code, _, err = inbox.end(by_itself=True)
    assert code == 0, err
    assert "replaced: 1 email address" in err
    kept = sorted(path.name for path in (folder / "connectors/shop/deliveries").iterdir())
    assert kept == ["person_created-2.json", "person_created.json"]
    for path in (folder / "connectors/shop/deliveries").iterdir():
        text = path.read_text()
        assert SECRET not in text and "the-api-token" not in text and "acme.com" not in text
        assert hashlib.sha256(SECRET.encode()).hexdigest() not in text
    from transcript import conn

    done = conn(folder, "test", "webhooks", "--format", "json")
    assert [row["cases"][0]["delivery"]["verified_by"] for row in json.loads(done.out)["operations"]] == [
        "hmac",
        "hmac",
    ]


def test_what_cannot_be_recorded_is_accepted_all_the_same(folder):
    connector = folder / "connectors/shop/connector.yaml"
    kind = '"$length(item.by) = 12 ? item.type : [item.type, item.by]"'
    connector.write_text(connector.read_text().replace("type: item.type", f"type: {kind}"))
    with listening(folder, "--account", "acme", "--record", "--once") as inbox:
        body = {"events": [{"id": "e1", "type": "seen", "by": "ada@acme.com"}]}
        assert inbox.call(body=json.dumps(body).encode())[0] == 200
        code, out, err = inbox.end(by_itself=True)
    assert code == 0, err
    assert out.startswith("shop:seen · acme")
    assert "not recorded: the delivery was not written" in err
    assert not (folder / "connectors/shop/deliveries").exists()


def test_events_are_handed_on_signed_and_asked_for_again_when_they_are_not_taken(folder):
    statuses, secret = [204, 500], {"CONN_EVENT_SECRET": EVENT_SECRET}
    with (
        start_vendor(lambda arrived: (statuses.pop(0) if statuses else 204, b"")) as application,
        listening(folder, "--account", "acme", "--forward", f"{application.url}/events", **secret) as inbox,
    ):
        assert inbox.call(body=BODY)[0] == 503  # the second was not taken
        assert inbox.call(body=BODY)[0] == 200
        _, out, err = inbox.end()
    assert "not forwarded: 500" in err
    assert EVENT_SECRET not in out + err
    ids = [one.headers["webhook-id"] for one in application.arrived]
    assert ids[0] == ids[2] and ids[1] == ids[3] and ids[0] != ids[1]
    headers, body = application.arrived[0].headers, application.arrived[0].body
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = b64encode(hmac.digest(b64decode(EVENT_SECRET), signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert json.loads(body)["type"] == "shop:person.created"


def test_a_secret_that_is_handed_over_is_kept_and_not_replaced_without_pairing(folder):
    (folder / "connectors/shop/connector.yaml").write_text(CONNECTOR.replace("webhook_secret", "hook_secret"))
    with listening(folder, "--account", "acme") as inbox:
        assert inbox.call(signed=False, X_Hook_Secret="handed-over-for-acme-1")[0] == 200
        assert inbox.call(signed=False, X_Hook_Secret="handed-over-for-acme-2")[0] == 403
        _, out, err = inbox.end()
    assert "stored hook_secret with the account" in err
    with listening(folder, "--account", "acme", "--pair") as inbox:
        assert inbox.call(signed=False, X_Hook_Secret="handed-over-for-acme-2")[0] == 200
        out, err = inbox.end()[1:]
    assert "handed-over" not in out + err


def test_what_was_recorded_is_sent_to_a_receiver_signed_anew(folder):
    from transcript import conn

    own = {"CONN_VAULT_KEY": "a key for the tests alone, long enough", "CONN_ACME_WEBHOOK_SECRET": SECRET}
    text = f"POST /in HTTP/1.1\nHost: hooks.example\nX-Shop-Signature: 00\n\n{BODY.decode()}"
    (folder / "created.http").write_text(text)
    assert conn(folder, "webhook", "record", "created", "created.http", "--contract", "--account", "acme").code == 0
    file = "connectors/shop/deliveries/created.json"
    with listening(folder, "--account", "acme", "--count", "1") as inbox:
        to = f"http://127.0.0.1:{inbox.port}/in"
        words = ("webhook", "send", file, "--account", "acme", "--to", to)
        planned = conn(folder, *words, **own)
        assert (planned.code, "nothing was sent" in planned.out) == (2, True)
        refused = conn(folder, *words, "--send", **{**own, "CONN_ACME_WEBHOOK_SECRET": "another-secret-of-acme"})
        assert (refused.code, refused.out.splitlines()[0]) == (4, f"401 from {to}")
        sent = conn(folder, *words, "--send", **own)
        assert (sent.code, sent.out) == (0, f"200 from {to}\n")
        code, out, _ = inbox.end(by_itself=True)
    assert (code, len(out.splitlines())) == (0, 2)
    assert SECRET not in planned.out + planned.err + sent.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--once", "--count", "2"), "cannot be used together"),
        (("--account", "nobody"), "no account"),
        (("--connector", "mute"), "does not declare webhooks"),
        (("--url", "ftp://x"), "is not a URL of a receiver"),
        (("--forward", "http://elsewhere.example/e"), "requires https, unless the receiver is on this machine"),
        (("--forward", "http://127.0.0.1:1/e"), "CONN_EVENT_SECRET is not set"),
        (("--host", "203.0.113.1"), "cannot listen on port"),
    ],
)
def test_what_cannot_be_listened_for_is_said_at_once(folder, options, said):
    from transcript import conn

    done = conn(folder, "webhook", "listen", *options)
    assert done.code in (2, 3, 5)
    assert said in done.err


def test_an_event_secret_that_is_too_short_is_refused_without_being_shown(folder):
    from transcript import conn

    done = conn(folder, "webhook", "listen", "--forward", "http://127.0.0.1:1/e", CONN_EVENT_SECRET="too-short-secret")
    assert done.code == 2
    assert "too-short" not in done.out + done.err


def test_an_address_that_others_reach_is_warned_of(folder):
    with listening(folder, "--account", "acme", "--host", "0.0.0.0") as inbox:
        assert any("other machines can reach" in line for line in inbox.said)
        assert inbox.end()[0] == 0
