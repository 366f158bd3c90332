"""What lint knows of credentials, authorization, signatures, `connect` and `verify`: which strings are expressions, and
over which names."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.lint.linter import lint_paths
from conn_engine.lint.sites import find_sites

REQUEST = {"url": "https://a.example.com/x"}


def found(data: dict[str, Any]) -> dict[str, tuple[str, bool, bool]]:
    """By dotted path: the kind, whether any name may stand there, whether secrets are in scope."""
    return {".".join(map(str, site.path)): (site.kind, site.names is None, site.secret) for site in find_sites(data)}


def test_expressions_of_a_token_are_over_its_answer() -> None:
    credentials = {
        "format": "oauth2",
        "token_url": "https://{{context.host}}.example.com/token",
        "response": "response.data",
        "expires": "response.until",
        "capture": {"path": "response.path", "by": "callback.realmId"},
        "refresh": {**REQUEST, "response": "response.t", "body": {"response": "code", "path": "{{context.p}}"}},
        "introspect": {**REQUEST, "active": "status = 200", "expires": "response.exp"},
        "revoke": [{**REQUEST, "done": "status = 204", "headers": {"by": "me"}}],
        "code_exchange": {**REQUEST, "before": [{"name": "a", **REQUEST, "response": "response.a"}]},
    }
    seen = found({"credentials": credentials})
    expressions = {path for path, (kind, _, _) in seen.items() if kind == "expression"}
    assert expressions == {
        f"credentials.{path}"
        for path in (
            "response", "expires", "capture.path", "capture.by", "refresh.response", "introspect.active",
            "introspect.expires", "revoke.0.done", "code_exchange.before.0.response",
        )
    }  # fmt: skip
    assert all(seen[path][1:] == (False, True) for path in expressions)
    assert seen["credentials.token_url"] == ("template", True, True)
    assert seen["credentials.refresh.body.path"] == ("template", True, True)
    assert "credentials.refresh.body.response" not in seen  # a field that the vendor calls so


def test_expressions_of_authorization_and_signature_see_secrets() -> None:
    seen = found(
        {
            "authorization": {"format": "several", "all": [{"format": "bearer", "path": "oauth.token.access_token"},
                                                           {"format": "expression", "expression": "{'headers': {}}"}]},
            "signature": {"format": "rsa", "content": "request.body", "headers": {"content": "{{signature}}"}},
            "credentials": {"format": "choice", "by": "context.way", "options": {}},
        }
    )  # fmt: skip
    assert seen == {
        "authorization.all.0.path": ("expression", True, True),
        "authorization.all.1.expression": ("expression", True, True),
        "signature.content": ("expression", True, True),
        "signature.headers.content": ("template", True, True),
        "credentials.by": ("expression", False, True),
    }


BASE: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "credentials": {"format": "oauth2", "config": {"token_url": "https://api.example.com/t", "client_id": "a"}},
    "authorization": {"format": "bearer"},
    "resources": {"me": {"get": {"method": "get", "path": "/me"}}},
}


def linted(folder: Path, **changes: Any) -> list[tuple[str, str]]:
    """Codes and configuration paths of the findings of a connector."""
    file = folder / "connectors/shop/connector.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    (folder / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    file.write_text(json.dumps(BASE | changes, indent=1), encoding="utf-8")
    return [(finding.code, finding.path) for finding in lint_paths(folder, []).findings]


def oauth2(**config: Any) -> dict[str, Any]:
    return {"format": "oauth2", "config": {**BASE["credentials"]["config"], **config}}


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({}, None),
        ({"credentials": oauth2(response="response.(")}, ("EXP101", "credentials.config.response")),
        ({"credentials": oauth2(response="$nothing(response)")}, ("EXP102", "credentials.config.response")),
        ({"credentials": oauth2(expires="respons.exp")}, ("EXP103", "credentials.config.expires")),
        ({"credentials": oauth2(capture={"a": "env.SECRET"})}, ("EXP104", "credentials.config.capture.a")),
        ({"credentials": oauth2(revoke=[{**REQUEST, "done": "stats = 1"}])},
         ("EXP103", "credentials.config.revoke[0].done")),
        ({"authorization": {"format": "bearer", "config": {"path": "oauth.("}}},
         ("EXP101", "authorization.config.path")),
        ({"connect": [{"name": "a", "transform": "contex.b"}]}, ("EXP103", "connect[0].transform")),
        ({"connect": [{"name": "a", "request": {"path": "/{{oauth.token}}"}}]},
         ("EXP104", "connect[0].request.path")),
        ({"connect": [{"name": "a", "request": {"resource": "me", "method": "gte"}}]},
         ("REF102", "connect[0].request.method")),
        ({"verify": {"operation": "me.get", "expect": "bod.ok"}}, ("EXP103", "verify.expect")),
        ({"verify": {"operation": "me.got"}}, ("REF102", "verify.operation")),
        ({"verify": {"operation": "me.get", "expect": "body.ok", "message": "'a' & body.reason"}}, None),
    ],
    ids=str,
)  # fmt: skip
def test_findings(tmp_path: Path, changes: dict[str, Any], finding: tuple[str, str] | None) -> None:
    assert linted(tmp_path, **changes) == ([finding] if finding else [])
