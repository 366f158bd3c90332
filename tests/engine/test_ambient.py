"""Nothing ambient: what changes a result is passed on, so that two tenants in one process share nothing by accident.

Time is looked at in `test_clock`. Here: no context variables, no `global`, and one place where a run's random values
come from (`conditions.Chance`). What draws its own is listed with the reason why no seed may make it repeat itself.
"""

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest
from scanning import dotted_names, imports_of, scan, shown

OWN_RANDOMNESS = {
    "conn_service/studio/pages.py": "a nonce of the page's styles",
    "conn_service/studio/views/new_connector_page.py": "the key of the pseudonyms of one sample answer",
    "conn_service/studio/jobs.py": "the ID of a check, which nobody may guess",
    "conn_service/delivery/signatures.py": "a new secret of an endpoint",
    "conn_service/studio/guard.py": "the token and the cookie of a session",
    "conn_engine/conditions.py": "the one place: the machine's chance, or the session's seed",
    "conn_engine/expressions/functions/moment.py": "that of an evaluation, from the seed that it is passed",
    "conn_engine/expressions/native.py": "that of an evaluation, from the seed that it is passed",
    "conn_engine/auth/consent.py": "state and verifier of a login: who foresees them takes the account over",
    "conn_engine/runtime/webhooks/subscriptions.py": "the secret of a new subscription: it is stored",
    "conn_engine/secrets/vault/file.py": "salt of an encrypted file",
    "conn_engine/secrets/vault/keyring.py": "name of a stored value's pieces",
    "conn_engine/personal/key.py": "the key of pseudonyms",
    "conn_engine/transport/client_certificate.py": "the passphrase of a file that is there for a moment",
    "conn_engine/webhooks/recording_secrets.py": "secrets in place of those of a recorded delivery",
    "conn_engine/documents/files.py": "name of a temporary file",
    "conn_engine/releases/opening.py": "name of a temporary file",
    "conn_engine/updates/copies.py": "name of a temporary folder",
    "conn_service/http/observing.py": "the ID of a request, for its log",
    "conn_service/http/tokens.py": "the ID and the secret of a token",
    "conn_service/mcp/confirmations.py": "the key and the nonce of confirmations: who foresees them confirms",
    "conn_service/connect/browser.py": "the secret in a browser's cookie, and the nonce of a form",
    "conn_service/connect/links.py": "the text of a link, and the nonce of what a login remembers",
    "conn_service/portal/sessions.py": "the cookie of a session",
    "conn_service/connect/page_renderer.py": "the nonce of a page's stylesheet",
    "conn_service/store/slots.py": "the number of a worker, which no other one ever had",
    "conn_service/store/vault.py": "salt of the vault in a database, and the nonce of each document",
    "conn_cli/completion/names.py": "name of a temporary file",
    "conn_cli/scaffold.py": "the id of a new workspace",
}
WITHOUT_ISOLATION = {
    "conn_engine/conditions.py": "the one place where they are made",
    "conn_engine/runtime/call.py": "of a session that is made without conditions: see the test below",
    "conn_engine/expressions/worker.py": "the worker is the isolation",
    "conn_engine/lint/statuses.py": "lint, over data that it makes itself",
    "conn_service/delivery/endpoints.py": "the workspace's own templates, of an address and a secret",
}
OF_A_THREAD = {
    "conn_service/store/slots.py": "that a new token is stored, which a worker without its slot may do",
    "conn_engine/expressions/pure.py": "parsed texts, by content: the library is not made for threads",
    "conn_engine/transport/deadline.py": "the bound of the exchange that the thread is in",
}


class Found(NamedTuple):
    """What a module has of what is looked for here. `calls` have the names of their keywords."""

    imported: frozenset[str]
    used: frozenset[str]
    random: tuple[tuple[str, int], ...]
    changes_global: bool
    calls: tuple[tuple[str, frozenset[str | None]], ...]


@cache
def find_all() -> dict[str, Found]:
    return {shown(path): found for path, found in scan(look).items()}


def look(tree: ast.Module) -> Found:
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return Found(
        frozenset(imports_of(tree).values()),
        frozenset(used for used, _ in dotted_names(tree) if used in ("threading.local", "USUAL")),
        tuple(random_names(tree)),
        any(isinstance(node, ast.Global) for node in nodes),
        tuple(
            (call.func.id, frozenset(word.arg for word in call.keywords))
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id in ("Conditions", "Session")
        ),
    )


def random_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What asks the machine or a generator for random values."""
    imported = {of.partition(".")[0] for of in imports_of(tree).values()} & {"secrets", "random"}
    for name, line in dotted_names(tree):
        module, _, function = name.rpartition(".")
        if module in imported and function != "compare_digest":
            yield name, line
        if name in ("uuid.uuid1", "uuid.uuid4", "os.urandom", "os.getrandom", "random.Random", "random.SystemRandom"):
            yield name, line


def test_there_are_no_context_variables() -> None:
    modules = {name: {of.partition(".")[0] for of in found.imported} for name, found in find_all().items()}
    assert [name for name, imported in modules.items() if "contextvars" in imported] == []


def test_no_function_changes_a_global() -> None:
    assert [name for name, found in find_all().items() if found.changes_global] == []


def test_what_belongs_to_a_thread_changes_no_result() -> None:
    assert {name for name, found in find_all().items() if "threading.local" in found.used} == OF_A_THREAD.keys()


def test_random_values_come_from_the_session() -> None:
    drawn = {name: found.random for name, found in find_all().items() if found.random}
    unlisted = {name: uses for name, uses in drawn.items() if name not in OWN_RANDOMNESS}
    assert not unlisted, "draw it from conditions.chance, or list it with the reason"
    assert OWN_RANDOMNESS.keys() <= drawn.keys(), "what draws nothing is not listed"


def calls_of(name: str) -> Iterator[tuple[str, frozenset[str | None]]]:
    for module, found in find_all().items():
        yield from ((module, keywords) for called, keywords in found.calls if called == name)


def test_what_is_evaluated_without_isolation_is_listed() -> None:
    found = {name for name, one in find_all().items() if "USUAL" in one.used}
    found |= {name for name, one in find_all().items() if "conn_engine.conditions.USUAL" in one.imported}
    assert found == WITHOUT_ISOLATION.keys(), "pass the conditions of the session or of the configuration"


def test_conditions_are_made_at_few_places() -> None:
    """Making conditions decides about isolation: in a live run, only `make_conditions` does."""
    assert {module for module, _ in calls_of("Conditions")} == {
        "conn_engine/conditions.py",
        "conn_engine/config/effective.py",  # of a configuration that no run uses: tools
        "conn_engine/expressions/worker.py",
        "conn_engine/runtime/call.py",
        "conn_engine/runtime/wiring.py",
        "conn_engine/testing/cases.py",
        "conn_engine/testing/replays.py",
        "conn_engine/testing/trial.py",
        "conn_cli/commands/eval_.py",
    }


def test_each_session_says_its_conditions() -> None:
    sessions = list(calls_of("Session"))
    assert len(sessions) > 3
    assert [module for module, keywords in sessions if "conditions" not in keywords] == []


@pytest.mark.parametrize(
    "text",
    [
        "import secrets\nsecrets.token_hex(3)",
        "from secrets import token_bytes\ntoken_bytes(3)",
        "import random\nrandom.random()",
        "from random import Random as R\nR(3)",
        "import uuid as u\nu.uuid4()",
        "import os\nos.urandom(3)",
    ],
)
def test_the_scan_sees_each_way_to_draw(text: str) -> None:
    assert list(random_names(ast.parse(text)))


def test_the_scan_lets_pass_what_draws_nothing() -> None:
    text = "import secrets, uuid\nsecrets.compare_digest(a, b)\nuuid.uuid5(space, name)\nuuid.UUID(text)"
    assert not list(random_names(ast.parse(text)))
