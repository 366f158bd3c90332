"""A sample of another platform's provider entries: each becomes a connector that lints clean, says what the entry says,
and sends what the entry's templates say, to a stand-in on loopback that plays token endpoint and API.

What the entries mean is read here by code of its own (`providers/`), not by the importer's.
"""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from providers import consents, expected
from providers.connection import ACCOUNT, Made, make
from providers.corpus import FILE, MISSING, entries, mode
from providers.facts import facts
from reading import read_connector
from vendor import Arrived, Reply, Vendor, start_vendor

import conn_engine
from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.main import execute
from conn_engine.auth import OAuth2
from conn_engine.conditions import USUAL, Scope
from conn_engine.runtime.drive import finish
from conn_engine.secrets import Redactor
from conn_engine.transport.live import Live
from conn_engine.wire import SystemClock
from conn_import import ImportedConnector, Options, fold_losses, import_source, propose_name, read_source

ENTRIES = entries()
CARRYING = [key for key, entry in ENTRIES.items() if mode(entry) not in ("alias", "NONE", "MCP_OAUTH2_GENERIC")]
CONSENTED = [key for key in CARRYING if mode(ENTRIES[key]) in ("OAUTH2", "MCP_OAUTH2")]
SIGNED = [key for key in CARRYING if mode(ENTRIES[key]) == "OAUTH1"]
CHECKED = [key for key in CARRYING if (ENTRIES[key].get("proxy") or {}).get("verification")]
COMPLETE, WITHOUT_NOTES = 53, 66
"""At least N entries of the sample are carried over with nothing left out and nothing guessed; with guesses."""


def test_the_entries_are_there() -> None:
    assert len(ENTRIES) >= 100, MISSING


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a connector of every entry."""
    assert ENTRIES, MISSING
    folder = tmp_path_factory.mktemp("entries")
    assert conn(folder, "init", ".")[0] == Exit.OK
    code, said = conn(folder, "import", FILE, "--all")
    assert code == Exit.OK, said
    (folder / "said.txt").write_text(said, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def imported() -> dict[str, ImportedConnector]:
    """What is made of each entry, by its key."""
    source = read_source(FILE)
    return {key: import_source(source, Options(propose_name(source, key), entry=key)) for key in ENTRIES}


@pytest.fixture
def stand_in() -> Iterator[Vendor]:
    """A vendor on loopback: it answers token requests as an entry expects, everything else with `{}`. A path begins
    with the host that the connector meant: `/api.example.com/v1/things`."""
    with start_vendor() as running:

        def answer(arrived: Arrived) -> Reply:
            found = running.routes.get(arrived.path, {})
            return (200, {"Content-Type": "text/plain"}, found) if isinstance(found, str) else found

        running.answer = answer
        yield running


def conn(folder: Path, *arguments: object) -> tuple[int, str]:
    stream = io.StringIO()
    app = App(folder=folder, environ={"CONN_NO_KEYRING": "1"}, stdin=io.StringIO(), stdout=stream, stderr=stream)
    return execute([str(argument) for argument in arguments], app), stream.getvalue()


def test_every_entry_becomes_a_connector_that_lints_clean(workspace: Path) -> None:
    assert len(list((workspace / "connectors").iterdir())) == len(ENTRIES)
    code, said = conn(workspace, "lint")
    assert code == Exit.OK and said.count(" SEC131 ") == 1 and "\n1 warning in 1 file\n" in said, said


def test_what_is_left_out_is_told_and_written_down(workspace: Path, imported: dict[str, ImportedConnector]) -> None:
    said = " ".join((workspace / "said.txt").read_text(encoding="utf-8").split())
    for key, made in imported.items():
        text = (workspace / "connectors" / made.name / "connector.yaml").read_text(encoding="utf-8")
        head = " ".join(text.replace("#", " ").split())
        for line in fold_losses(made.losses):
            assert line[:100] in said, key
            assert line in head, key
        whole = (workspace / "connectors" / made.name / "README.md").read_text(encoding="utf-8")
        listed = whole.partition("## Not imported")[2].replace("\\|", "|")
        for what, places in made.losses:
            assert what.replace("`", "'") in listed, key
            assert all(place.replace("`", "'") in listed for place in places), key


def test_how_many_are_carried_over_whole(
    imported: dict[str, ImportedConnector], capsys: pytest.CaptureFixture[str]
) -> None:
    whole, noted, guessed = Counter[str](), Counter[str](), Counter[str]()
    for key, made in imported.items():
        kind = mode(ENTRIES[key])
        (noted if made.losses else guessed if made.guesses else whole)[kind] += 1
    with capsys.disabled():
        print("\nauth_mode             whole  with a guess  with notes")
        for kind in sorted({mode(entry) for entry in ENTRIES.values()}):
            print(f"{kind:<20} {whole[kind]:>6} {guessed[kind]:>13} {noted[kind]:>11}")
        print(f"{'together':<20} {whole.total():>6} {guessed.total():>13} {noted.total():>11}")
    assert whole.total() >= COMPLETE and whole.total() + guessed.total() >= WITHOUT_NOTES


@pytest.mark.slow
@pytest.mark.parametrize("key", list(ENTRIES))
def test_the_connector_says_what_the_entry_says(key: str, imported: dict[str, ImportedConnector]) -> None:
    data = read_connector(imported[key].files["connector.yaml"])
    for what, want, found in facts(ENTRIES[key], data):
        assert found == want, what


@pytest.mark.slow
@pytest.mark.parametrize("key", CARRYING)
def test_requests_carry_the_credential_as_the_entry_says(key: str, stand_in: Vendor, tmp_path: Path) -> None:
    made = make(read_source(FILE), key, ENTRIES[key], stand_in, tmp_path)
    expected.prepare(made)
    if key in CONSENTED:
        logged_in(made)
    seen = asked(made, "probe.get")
    token_requests = expected.token_requests(made)
    assert len(seen) == 1 + (0 if key in CONSENTED else len(token_requests))
    for arrived, want in zip(seen, token_requests, strict=False) if key not in CONSENTED else []:
        want.compare(arrived)
    expected.api_request(made, "get", "/probe/thing").compare(seen[-1])


@pytest.mark.slow
@pytest.mark.parametrize("key", CONSENTED)
def test_a_person_consents_and_the_token_is_renewed(key: str, stand_in: Vendor, tmp_path: Path) -> None:
    made = make(read_source(FILE), key, ENTRIES[key], stand_in, tmp_path)
    expected.prepare(made)
    url, exchange = logged_in(made)
    consents.consent_page(made).compare(Arrived("GET", url.removeprefix(stand_in.url), {}, b""))
    consents.code_exchange(made).compare(exchange)
    document = made.vault.load(ACCOUNT) or {}
    document["oauth"]["token"] |= {"expires_at": 1, "refresh_token": "refresh-1"}
    made.vault.save(ACCOUNT, document)
    renewal, _ = asked(made, "probe.get")
    consents.renewal(made).compare(renewal)


@pytest.mark.slow
@pytest.mark.parametrize("key", SIGNED)
def test_three_legs_of_oauth_1(key: str, stand_in: Vendor, tmp_path: Path) -> None:
    made = make(read_source(FILE), key, ENTRIES[key], stand_in, tmp_path)
    expected.prepare(made)
    effective = made.workspace.effective(account=ACCOUNT)
    credentials: Any = effective.connector.credentials
    scope = Scope({"env": made.environ, "context": effective.context}, USUAL)
    clock, redactor = SystemClock(), Redactor()
    live = Live(redactor, trust=made.workspace.trust)
    asking = credentials.build_consent(
        scope, "http://127.0.0.1:8765/callback", "s" * 43, "v" * 43, effective.hosts, clock
    )
    consent = finish(asking, live, made.vault, clock, redactor)
    consents.request_token(made).compare(stand_in.arrived[-1])
    consents.oauth1_page(made).compare(Arrived("GET", consent.url.removeprefix(stand_in.url), {}, b""))
    answer = {"oauth_token": "request-1", "oauth_verifier": "verifier-1"}
    flow = credentials.redeem_consent(consent, answer, {}, scope, effective.hosts, clock)
    made.vault.save(ACCOUNT, finish(flow, live, made.vault, clock, redactor))
    consents.access_token(made).compare(stand_in.arrived[-1])
    assert asked(made, "probe.get")[-1].headers["authorization"].count('oauth_token="access-1"') == 1


@pytest.mark.slow
@pytest.mark.parametrize("key", CHECKED)
def test_the_verification_call_is_the_entrys(key: str, stand_in: Vendor, tmp_path: Path) -> None:
    made = make(read_source(FILE), key, ENTRIES[key], stand_in, tmp_path)
    expected.prepare(made)
    with conn_engine.connect(made.workspace, ACCOUNT, environ=made.environ, vault=made.vault) as connection:
        assert connection.verify()
    expected.verification(made).compare(stand_in.arrived[-1])


@pytest.mark.parametrize("login", ["app", "person"])
def test_one_of_two_log_ins_of_an_app(login: str, stand_in: Vendor, tmp_path: Path) -> None:
    key = next(key for key in ENTRIES if mode(ENTRIES[key]) == "CUSTOM")
    made = make(read_source(FILE), key, ENTRIES[key], stand_in, tmp_path, login=login)
    expected.prepare(made)
    if login == "person":
        logged_in(made)
    assert asked(made, "probe.get")[-1].headers["authorization"] == f"Bearer {expected.TOKEN}"


def asked(made: Made, operation: str) -> list[Arrived]:
    """Run an operation; what arrived."""
    before = len(made.vendor.arrived)
    with conn_engine.connect(made.workspace, ACCOUNT, environ=made.environ, vault=made.vault) as connection:
        list(connection.pages(operation, raw=True))
    return made.vendor.arrived[before:]


def logged_in(made: Made) -> tuple[str, Arrived]:
    """Log in as `conn auth login` does. The page a person would open, and the request that traded the code."""
    effective = made.workspace.effective(account=ACCOUNT)
    credentials: Any = effective.connector.credentials
    assert isinstance(credentials, OAuth2)
    stored = made.vault.load(ACCOUNT) or {}
    stored.pop("oauth", None)
    scope = Scope({**stored, "env": made.environ, "context": effective.context}, USUAL)
    where = "http://127.0.0.1:8765/callback"
    consent = credentials.consent(scope, redirect_uri=where, state="state-1", verifier=consents.VERIFIER)
    answer = {"state": "state-1", "code": "code-1"}
    clock, redactor = SystemClock(), Redactor()
    flow = credentials.redeem_consent(consent, answer, stored, scope, effective.hosts, clock)
    before = len(made.vendor.arrived)
    document = finish(flow, Live(redactor, trust=made.workspace.trust), made.vault, clock, redactor)
    made.vault.save(ACCOUNT, document)
    assert len(made.vendor.arrived) == before + 1
    return consent.url, made.vendor.arrived[-1]
