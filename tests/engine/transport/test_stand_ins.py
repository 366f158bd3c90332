"""Transports that do not reach the network: record, plan, faults. Curl commands are run by a real shell."""

import asyncio
import json
import shutil

import launching
import pytest
from trusting import HERE

from conn_cli.neutralize import neutralize
from conn_engine.errors import ConnError, InternalError, MissingRecording, TransportError
from conn_engine.recordings.record import Recorder
from conn_engine.recordings.replay import Replay
from conn_engine.secrets import Redactor
from conn_engine.transport.faults import (
    PASS,
    Faults,
    broken_connection,
    cut_short,
    error_page,
    json_answer,
    rate_limited,
    repeat_response,
)
from conn_engine.transport.gateway import encode_url
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.transport.plan import DryRunEnd, PlanTransport, format_curl
from conn_engine.transport.trace import TracedTransport
from conn_engine.wire import Headers, Request, Response

ASK = Request("GET", "https://api.example.com/x?a=1")


def recorded(recorder):
    return recorder.to_recording(connector="c", operation="o", recorded_at="2026-01-01T00:00:00Z")


def test_recording_a_real_server_and_replaying_it_gives_the_same(site):
    site.routes["/a"] = lambda got: (
        200,
        {"Content-Type": "application/json", "X-N": "1"},
        b'{"q": "%s"}' % got.target.encode(),
    )
    asked = [Request("GET", f"{site.url}/a?n={n}") for n in (1, 2, 1)]
    with Live(trust=HERE) as live:
        recorder = Recorder(live)
        answers = [recorder.send(request) for request in asked]
    replay = Replay(recorded(recorder))
    again = [replay.send(request) for request in asked]
    assert [json.loads(a.body) for a in again] == [json.loads(a.body) for a in answers]
    assert [a.headers["x-n"] for a in again] == ["1"] * 3
    assert len(site.arrived) == 3


def test_recording_asynchronously(site):
    async def run():
        async with AsyncLive(trust=HERE) as live:
            recorder = Recorder(live)
            await recorder.asend(Request("GET", f"{site.url}/none"))
            with pytest.raises(InternalError):
                recorder.send(ASK)
            return recorder

    recorder = asyncio.run(run())
    assert [e.response.status for e in recorder.exchanges] == [404]


def test_token_requests_and_failures_are_not_kept():
    script = [json_answer({"access_token": "t"}), json_answer({}), broken_connection()]
    recorder = Recorder(Faults(script))
    recorder.send(Request("POST", "https://a.b/token", purpose="token"))
    recorder.send(ASK)
    with pytest.raises(TransportError):
        recorder.send(ASK)
    assert [e.request.url for e in recorder.exchanges] == ["https://api.example.com/x"]
    keeping = Recorder(Faults(script), tokens=True)
    keeping.send(Request("POST", "https://a.b/token", purpose="token"))
    assert len(keeping.exchanges) == 1


def test_credential_headers_are_not_even_kept_in_memory():
    recorder = Recorder(Faults([Response(200, Headers({"Set-Cookie": "a=b"}))]))
    recorder.send(Request("GET", ASK.url, Headers({"Authorization": "Bearer hunter22", "X-Api-Key": "k", "X-A": "b"})))
    assert recorder.exchanges[0].request.headers == {"x-a": "b"}
    assert "hunter22" not in repr(recorder.exchanges)


def test_plan_ends_the_operation_at_its_first_request():
    plan = PlanTransport()
    for method in ("GET", "POST"):
        with pytest.raises(DryRunEnd) as caught:
            plan.send(Request(method, ASK.url, purpose="step"))
        assert caught.value.request.method == method
    with pytest.raises(DryRunEnd):
        asyncio.run(plan.asend(ASK))
    assert len(plan.requests) == 3
    assert not issubclass(DryRunEnd, ConnError)


def test_faults_follow_the_script_then_the_inner_transport():
    inner = Faults(repeat_response(json_answer({"inner": True}), 3))
    faults = Faults([rate_limited(7), PASS, lambda r: json_answer({"m": r.method}), broken_connection()], inner)
    assert (faults.send(ASK).status, faults.requests) == (429, [ASK])
    assert json.loads(faults.send(ASK).body) == {"inner": True}
    assert json.loads(asyncio.run(faults.asend(ASK)).body) == {"m": "GET"}
    with pytest.raises(TransportError) as caught:
        faults.send(ASK)
    assert caught.value.retryable
    assert json.loads(faults.send(ASK).body) == {"inner": True}
    with pytest.raises(MissingRecording, match="request 2"):
        only = Faults([json_answer({})])
        only.send(ASK)
        only.send(ASK)


def test_ready_made_faults():
    assert rate_limited("Wed, 21 Oct 2026 07:28:00 GMT").headers["retry-after"].startswith("Wed")
    assert "retry-after" not in rate_limited(None).headers
    with pytest.raises(ValueError):
        json.loads(cut_short({"results": [1, 2, 3]}).body)
    assert error_page().headers["content-type"] == "text/html"


def run_curl(command: str, tmp_path, **variables: str) -> None:
    launching.run(
        ["bash", "-c", command],
        check=True,
        env={"PATH": "/usr/bin:/bin", **variables},
        cwd=tmp_path,
        timeout=60,
    )


def test_curl_shows_no_secret():
    redactor = Redactor(["hunter22"])
    request = Request(
        "PATCH",
        "https://api.example.com/x?api_key=zzz&a=1&s=hunter22",
        Headers(
            {
                "Authorization": "Bearer tok-unknown",
                "X-Api-Key": "k-unknown",
                "Cookie": "c-unknown",
                "X-Note": "it's hunter22",
                "Content-Type": "application/json",
            }
        ),
        b'{"name": "O\'Neil", "password": "p-unknown", "n": 1}',
    )
    command = format_curl(request, redactor)
    assert "unknown" not in command
    assert "zzz" not in command
    assert "hunter22" not in command
    assert command == (
        "curl -X PATCH \\\n"
        "  'https://api.example.com/x?api_key='\"$API_KEY\"'&a=1&s='\"$S\" \\\n"
        "  -H 'Authorization: Bearer '\"$TOKEN\" \\\n"
        "  -H 'X-Api-Key: '\"$X_API_KEY\" \\\n"
        "  -H 'Cookie: '\"$COOKIE\" \\\n"
        "  -H 'X-Note: it'\"'\"'s '\"$X_NOTE\" \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        '  --data-raw \'{"name": "O\'"\'"\'Neil", "password": "\'"$SECRET"\'", "n": 1}\''
    )


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_curl_sends_the_same_request(site, tmp_path):
    redactor = Redactor(["hunter22"])
    requests = [
        Request(
            "GET",
            f"{site.url}/a%20b?x=$HOME&y=`id`&z='q'&api_key=hunter22",
            Headers({"Authorization": "Basic hunter22", "X-A": "a $(id) \"q\" 'r' \\ !"}),
        ),
        Request(
            "POST",
            f"{site.url}/p",
            Headers({"Content-Type": "application/json"}),
            '{"é": "a\\nb $X"}'.encode(),
        ),
        Request(
            "POST",
            f"{site.url}/f",
            Headers({"Content-Type": "application/x-www-form-urlencoded"}),
            b"a=1&client_secret=hunter22&b=%20",
        ),
        Request("DELETE", f"{site.url}/d"),
        Request("HEAD", f"{site.url}/h"),
        Request("PUT", f"{site.url}/t", Headers({"Content-Type": "text/plain"}), b"line\r\nit's \x01 hunter22"),
    ]
    variables = {
        "API_KEY": "hunter22",
        "BASIC_CREDENTIALS": "hunter22",
        "CLIENT_SECRET": "hunter22",
        "SECRET": "hunter22",
    }
    with Live(redactor, trust=HERE) as live:
        for request in requests:
            live.send(Request(request.method, request.url, request.headers, request.body, hosts=site.hosts))
            command = format_curl(request, redactor)
            assert "hunter22" not in command
            run_curl(f"{command} -s -o /dev/null", tmp_path, **variables)
            ours, theirs = site.arrived[-2:]
            assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
            for name, value in request.headers.pairs:
                assert theirs.headers[name.lower()] == value
    assert all("hunter22" in repr(site.arrived[n]) for n in (1, 5, 11))


def test_curl_of_odd_bodies():
    binary = Request("POST", ASK.url, body=b"\xff\xfe")
    assert "--data-binary @body.bin" in format_curl(binary, Redactor())
    file = Request("POST", ASK.url, body=b"@/etc/passwd")
    assert "--data-raw '@/etc/passwd'" in format_curl(file, Redactor())


SHELLS = [name for name in ("sh", "dash", "bash") if shutil.which(name)]
STUB = """#!/bin/sh
for word do printf '%s\\0' "$word"; done > words
case "$*" in *--data-binary*@-*) cat > body ;; *) : > body ;; esac
"""
ODD = [
    "plain",
    'it\'s "quoted" $HOME `id` $(id) \\ ! %s %% \\n *',
    "line\nline\r\n\n",
    "\x1b[2J\x1b]0;t\x07\x9b31m",
    "::error::x\n::set-output name=a::b\n##[group]y ##vso[task.x]",
    "\u202eright \u2066to\u2069 left \u2028 \ufeff",
    "-n -e --x",
    "-- \n",
    "日本 é 😀 \u200b",
    "0\n01\n\\061",
]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_curl_line_is_the_same_request_in_any_shell(shell, tmp_path):
    stub = tmp_path / "curl"
    stub.write_text(STUB)
    stub.chmod(0o755)
    redactor = Redactor(["hunter22"])
    for text in ODD:
        for body in (f"{text} hunter22 {text}", text):
            line = " ".join(f"hunter22 {text}".split("\n"))
            headers = Headers({"Content-Type": "text/plain", "X-Note": line})
            request = Request("POST", f"https://api.example.com/x?a={text}", headers, body.encode())
            command = format_curl(request, redactor)
            assert "hunter22" not in command
            assert neutralize(command) == command, "what is shown is what is copied"
            variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "X_NOTE": "hunter22", "SECRET": "hunter22", "LC_ALL": "C"}
            launching.run([shell, "-c", command], check=True, env=variables, cwd=tmp_path, timeout=60)
            words = (tmp_path / "words").read_bytes().decode().split("\0")
            assert words[0] == encode_url(request.url)
            assert f"X-Note: {line}" in words
            sent = (
                words[words.index("--data-raw") + 1]
                if "--data-raw" in words
                else (tmp_path / "body").read_bytes().decode()
            )
            assert sent == body


def test_a_trace_is_one_line_whatever_is_in_a_url():
    told: list[str] = []
    link = "https://api.example.com/x?a=hunter22\n::error::b\r\u202e\x1b[2J&c=é#\x9b"
    TracedTransport(Faults([json_answer({})]), told.append, Redactor(["hunter22"])).send(Request("GET", link))
    assert [line.split("   ")[0] for line in told] == [
        "> GET https://api.example.com/x?a=[redacted]%0A::error::b%0D%E2%80%AE%1B[2J&c=%C3%A9#%C2%9B",
        "< 200",
    ]
