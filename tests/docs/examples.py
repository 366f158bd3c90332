"""The examples of `docs/`: YAML blocks that make a small workspace, and transcripts that are played through the engine.

A YAML block is a part of `connectors/shop/connector.yaml`, or of the file that its first comment names. Blocks of
different files that follow each other are one workspace; a heading, or a block of a file that already exists, begins
the next one. A fence `http` runs an operation on the answers (`<`) that it has, and says all that happens meanwhile:

    $ conn run people.list -p board=3     the call
    stored: {"token": "t"}                the account's credential
    state: {"cursor": 5}                  before the requests: what the call goes on from; after them: what is stored
    file: cv.pdf = hello                  a file with this content
    > GET /people?page=1                  a request, below base_url, with such headers as are written and its body
    < 200 {"items": []}                   its answer, a body and headers as in HTTP; or `< fault reset`
    page: https://…                       the page of the vendor that a login opens
    callback: {"code": "c"}               what that page's answer has
    ~ 2 s                                 a pause
    = [{"id": 1}]                         the records
    ! rate_limited: too many              or the error

Those of deliveries (`conn webhook verify`) are described in `deliveries`.

`…` in what is expected stands for any text. `python tests/docs/examples.py --write` writes everything but the calls and
the answers again, for a person to read.
"""

import fnmatch
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from deliveries import delivery_of, subscribing, told

from conn_engine.auth import as_consent_credentials
from conn_engine.auth.consent import check_callback
from conn_engine.auth.signing.context import SigningContext
from conn_engine.bodies import Upload
from conn_engine.config import Workspace, load_workspace
from conn_engine.documents import parse
from conn_engine.errors import ConnError, VendorError
from conn_engine.lint.linter import lint_paths
from conn_engine.responses.failures import Policy
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive, finish
from conn_engine.runtime.lifecycle import connect_steps, revoke, verify
from conn_engine.runtime.operation import perform
from conn_engine.runtime.request import authorization_scope
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, broken_connection
from conn_engine.webhooks import Delivery
from conn_engine.wire import FrozenClock, Headers, Request, Response

DOCS = Path(__file__).resolve().parents[2] / "docs"
REFERENCE = DOCS / "reference"
NOW = 1_760_000_000.0  # 2025-10-09T08:53:20Z
ENVIRON = {
    "CLIENT_ID": "me",
    "CLIENT_SECRET": "shh",
    "SANDBOX_CLIENT_ID": "sandbox-app",
    "SANDBOX_CLIENT_SECRET": "hush",
}
UNSAID = frozenset({"REC101", "REC102", "SEC117", "SYN107", "SYN117"})
"""Nothing is recorded, the transcripts are; endpoints and what else conn.yaml allows are those of the reader."""
CONNECTOR = "connectors/shop/connector.yaml"
RESOURCES = {"people": {"list": {"method": "get", "path": "/people", "response_path": "items"}}}
_FENCE = re.compile(r"^```(?P<info>\S+)[^\n]*\n(?P<text>.*?)^```$|^(?P<heading>#{1,6} [^\n]+)$", re.S | re.M)
_FILE = re.compile(r"#\s+(\S+\.(?:yaml|yml|json))\s*(?:\n|$)")


@dataclass
class Example:
    """A workspace that a page makes, and the transcripts that are played on it (with their place in the page)."""

    page: str
    line: int
    files: dict[str, str] = field(default_factory=dict)
    runs: list[tuple[int, int, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def examples(path: Path) -> list[Example]:
    """The examples of one page."""
    found: list[Example] = []
    now: Example | None = None
    text = path.read_text(encoding="utf-8")
    for part in _FENCE.finditer(text):
        line = text.count("\n", 0, part.start()) + 1
        if part["heading"] is not None:
            now = None
        elif part["info"] == "yaml":
            named = _FILE.match(part["text"])
            file = named[1] if named else CONNECTOR
            if now is None or file in now.files or now.runs:
                now = Example(path.relative_to(DOCS).as_posix(), line)
                found.append(now)
            now.files[file] = part["text"]
        elif part["info"] == "http":
            if now is None:
                raise ValueError(f"{path}:{line}: a transcript without a connector before it")
            now.runs.append((part.start("text"), part.end("text"), part["text"]))
    return found


def build(example: Example, folder: Path) -> Workspace:
    """The example's files and what is missing to a workspace."""
    files = dict(example.files)
    files.setdefault("conn.yaml", "version: 1\n")
    data = parse(files.get(CONNECTOR, "{}"), CONNECTOR, language="yaml").data or {}
    missing = {"base_url": "https://api.example.com", "resources": RESOURCES}
    more = "".join(f"{key}: {json.dumps(value)}\n" for key, value in missing.items() if key not in data)
    files[CONNECTOR] = files.get(CONNECTOR, "") + more
    account = parse(files.get("accounts/acme.yaml", "{}"), "acme", language="yaml").data or {}
    if "connector" not in account:
        files["accounts/acme.yaml"] = files.get("accounts/acme.yaml", "") + "connector: shop\n"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_workspace(folder)


def findings(folder: Path) -> list[str]:
    """What `conn lint` says about the workspace."""
    found = lint_paths(folder, []).findings
    return [f"{one.code} {one.span and one.span.file}: {one.message}" for one in found if one.code not in UNSAID]


@dataclass
class Played:
    """A transcript taken apart: what goes in, and what is expected line by line."""

    call: list[str]
    stored: dict[str, Any] = field(default_factory=dict)
    state: Any = None
    callback: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    answers: list[tuple[str, list[str], str]] = field(default_factory=list)
    headers: list[list[str]] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    delivery: Delivery | None = None


def read(text: str) -> Played:
    """A transcript's inputs: the call, what is stored, the answers."""
    made, blocks = Played([]), _blocks(text)
    for mark, lines in blocks:
        first = lines[0]
        if mark == "$":
            made.call = shlex.split(first)
        elif mark == "stored:":
            made.stored = json.loads(first)
        elif mark == "state:" and not made.answers:
            made.state = json.loads(first)
            made.inputs.append(f"state: {first}")
        elif mark == "callback:":
            made.callback = json.loads(first)
        elif mark == "file:":
            name, _, content = first.partition(" = ")
            made.uploads[name.strip()] = content.encode()
        elif mark == ">":
            made.headers.append([line.partition(":")[0] for line in _head(lines)])
        elif mark == "<" and (delivery := delivery_of(first, _head(lines), _body(lines))) is not None:
            made.delivery = delivery
            made.inputs += [f"< {line}".rstrip() for line in lines]
        elif mark == "<":
            made.answers.append((first, _head(lines), _body(lines)))
        if mark in ("$", "stored:", "file:"):
            made.inputs.append(f"{mark} {first}")
    return made


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Lines of one mark that belong together: a request or an answer begins with its first line."""
    mark, lines = "", list[str]()
    for line in text.splitlines():
        found = re.match(r"(\$|>|<|~|=|!|stored:|state:|file:|page:|callback:|note:|captured:)(?: (.*))?$", line)
        new = found[1] if found else mark
        rest = (found[2] or "") if found else line
        begins = new != mark or new not in "<>=" or bool(re.match(r"[A-Z]+ /|[A-Z]+ https?:|\d{3}\b|fault ", rest))
        if begins and lines:
            yield mark, lines
            lines = []
        mark = new
        lines.append(rest)
    if lines:
        yield mark, lines


def _head(lines: list[str]) -> list[str]:
    head = lines[1 : lines.index("")] if "" in lines else lines[1:]
    return [line for line in head if re.match(r"[\w-]+: ", line)]


def _body(lines: list[str]) -> str:
    return "\n".join(lines[lines.index("") + 1 :]) + "\n" if "" in lines else ""


class _Log(FrozenClock):
    """A clock that writes down the pauses."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(NOW)
        self.lines = lines

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.lines.append(f"~ {seconds:g} s")


def play(workspace: Workspace, text: str) -> str:
    """The transcript of what really happens."""
    run = read(text)
    effective = workspace.effective(account="acme")
    base = effective.connector.base_url.rstrip("/")
    lines = list(run.inputs)
    clock = _Log(lines)
    asked = iter(range(1000))

    def answer(request: Request) -> Response:
        number = next(asked)
        wanted = run.headers[number] if number < len(run.headers) else []
        lines.extend(_request(request, base, wanted))
        if number >= len(run.answers):
            raise VendorError(f"no answer {number + 1} in the transcript", kind="bad_response")
        first, head, body = run.answers[number]
        if first.startswith("fault "):
            lines.append(f"< {first}")
            raise broken_connection(fault=first.removeprefix("fault "))  # type: ignore[arg-type]
        lines.append(f"< {first}")
        lines.extend(f"< {line}" for line in head)
        lines.extend(["<", *(f"< {line}" for line in body.splitlines())] if body else [])
        status, _, inline = first.partition(" ")
        content = (inline or body).encode()
        headers = {name: value for name, _, value in (line.partition(": ") for line in head)}
        json_ = {} if any(name.lower() == "content-type" for name in headers) else {"content-type": "application/json"}
        return Response(int(status), Headers({**json_, **headers}), content)

    stored = {key: _key(value) for key, value in run.stored.items()}
    effective.learn(stored.get("captured"))
    session = Session("acme", stored, clock=clock, policy=Policy(wait=True), environ=ENVIRON)
    transport, vault = Faults(answer for _ in range(1000)), MemoryVault({"acme": stored})
    send = partial(finish, transport=transport, vault=vault, clock=clock)
    with patch.object(SigningContext, "from_time", lambda now, chance: SigningContext(now, "0" * 32)):
        try:
            if run.call[1:3] == ["auth", "login"]:
                lines.append(f"= {json.dumps(_login(run, effective, session, send, lines))}")
            elif run.call[1] == "webhook" and run.delivery is None:
                lines.extend(send(subscribing(run.call, effective, session)))
            elif run.delivery is not None:
                seam = {"transport": transport, "clock": clock, "environ": ENVIRON}
                lines.extend(told(workspace, run.delivery, run.call, stored, **seam))
            elif run.call[1] == "auth":
                flow = {"verify": verify, "connect": connect_steps, "logout": revoke}[run.call[2]](
                    Run(effective, session)
                )
                lines.append(f"= {json.dumps(send(flow))}")
            else:
                lines.extend(_results(run, effective, session, transport, vault))
        except ConnError as error:
            lines.append(f"! {getattr(error, 'kind', type(error).__name__)}: {error.message}")
    return "\n".join(lines) + "\n"


def _results(run: Played, effective: Any, session: Session, transport: Faults, vault: MemoryVault) -> list[str]:
    """The records and the state of an operation."""
    call, operation = _call(run)
    records, state = list[Any](), None
    flow = perform(Run(effective, session), effective.resolve(operation), call)
    for page in drive(flow, transport, vault, clock=session.clock):
        records += page.records
        state = page.state
    return [*_records(records), *([f"state: {json.dumps(state)}"] if state is not None else [])]


def _login(
    run: Played, effective: Any, session: Session, send: Callable[[Any], Any], lines: list[str]
) -> dict[str, Any]:
    """The credential that a login by the vendor's page stores. `send` runs a flow to its end."""
    credentials, scope = (
        as_consent_credentials(effective.connector.credentials),
        authorization_scope(Run(effective, session)),
    )
    assert credentials is not None
    redirect_uri = credentials.redirect_uri or f"http://127.0.0.1:{credentials.redirect_port or 4321}/callback"
    flow = credentials.build_consent(scope, redirect_uri, "s" * 43, "v" * 43, effective.hosts, session.clock)
    consent = send(flow)
    lines.extend([f"page: {consent.url}", f"callback: {json.dumps(run.callback)}"])
    answer = check_callback(consent, {consent.state_param: consent.state, **run.callback})
    redeemed = credentials.redeem_consent(consent, answer, session.document, scope, effective.hosts, session.clock)
    return send(redeemed)


def _key(value: Any) -> Any:
    """A fresh private key for `<rsa key>` and `<ec key>`."""
    if value not in ("<rsa key>", "<ec key>"):
        return value
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = rsa.generate_private_key(65537, 2048) if value == "<rsa key>" else ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


def _call(run: Played) -> tuple[Call, str]:
    words = run.call
    if words[:2] != ["conn", "run"]:
        raise ValueError(f"not a call: {words}")
    operation, pairs, more, files = words[2], {}, dict[str, Any](), {}
    rest = iter(words[3:])
    for word in rest:
        if word == "-p":
            name, _, value = next(rest).partition("=")
            pairs[name] = json.loads(value) if value[:1] in "[{" else value
        elif word == "--body":
            more["body"] = json.loads(next(rest))
        elif word == "--file":
            name, _, path = next(rest).partition("=")
            files[name] = Upload(run.uploads[path], path, "application/pdf" if path.endswith(".pdf") else "text/plain")
        elif word not in ("--send", "--state", "--wait", "state.json", "--account", "acme"):
            raise ValueError(f"unknown word {word}")
    identifier = pairs.pop("id", None)
    query = {name: pairs.pop(name) for name in list(pairs) if name in ("limit", "email", "page_size", "status")}
    return Call(query=query, params=pairs, id=identifier, state=run.state, files=files, **more), operation


def _request(request: Request, base: str, wanted: list[str]) -> list[str]:
    target = request.url
    if target.startswith(base):
        target = target[len(base) :] or "/"
    head = [f"> {name}: {request.headers[name]}" for name in wanted if name in request.headers]
    body = request.body
    if body is None and request.payload is not None:
        with request.payload.open() as reader:
            body = reader.read()
    text = (body or b"").decode("utf-8", "replace").replace("\r\n", "\n")
    if text and "\n" not in text and not head:
        return [f"> {request.method} {target} {text}"]
    return [
        f"> {request.method} {target}",
        *head,
        *([">", *(f"> {line}".rstrip() for line in text.splitlines())] if text else []),
    ]


def _records(records: list[Any]) -> list[str]:
    whole = f"= {json.dumps(records, ensure_ascii=False)}"
    if len(whole) <= 110:
        return [whole]
    rows = [json.dumps(record, ensure_ascii=False) for record in records]
    return [f"= [{rows[0]},", *(f"   {row}," for row in rows[1:-1]), f"   {rows[-1]}]"] if len(rows) > 1 else [whole]


def same(expected: str, real: str) -> bool:
    """Whether a transcript is what really happened; `…` stands for any text within a line."""
    lines, others = expected.splitlines(), real.splitlines()
    return len(lines) == len(others) and all(map(_fits, lines, others))


def _fits(line: str, other: str) -> bool:
    if "…" not in line or line[:1] == "<":
        return line == other
    return fnmatch.fnmatchcase(other, "*".join(re.sub(r"([\[\]?*])", r"[\1]", part) for part in line.split("…")))


def write(path: Path) -> None:
    """Write the transcripts of a page again, from the answers that they have."""
    text = path.read_text(encoding="utf-8")
    changes: list[tuple[int, int, str]] = []
    for example in examples(path):
        with tempfile.TemporaryDirectory() as folder:
            try:
                workspace = build(example, Path(folder))
                for line in findings(Path(folder)):
                    sys.stdout.write(f"{example}: {line}\n")
                for begin, end, told in example.runs:
                    real = play(workspace, told)
                    if not same(told, real):
                        changes.append((begin, end, real))
            except (ConnError, ValueError) as error:
                sys.stdout.write(f"{example}: {error!r} {getattr(error, 'findings', '')}\n")
    for begin, end, real in reversed(changes):
        text = text[:begin] + real + text[end:]
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        for name in sys.argv[2:] or [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]:
            write(DOCS / name)
