"""A connector with every kind of place for a secret, and what is found of an override of it."""

from typing import Any

import pytest

from conn_engine.errors import ConfigurationError

OAUTH = """\
base_url: https://api.example.com/v1
hosts: ["*.example.com"]
env: [UNUSED]
credentials:
  format: oauth2
  config:
    client_id: "{{env.APP_ID}}"
    client_secret: "{{env.APP_SECRET}}"
    token_url: https://api.example.com/oauth/token
    authorization_url: https://www.example.com/authorize
    client_authentication: body
    scopes: [read]
    token_params: { audience: app }
    revoke: [{ url: https://api.example.com/oauth/revoke, body: { token: "{{oauth.token.refresh_token}}" } }]
authorization: { format: bearer, config: { path: oauth.token.access_token } }
signature:
  format: hmac
  config: { content: request.path, key: "{{env.APP_SECRET}}", headers: { X-Sign: "{{signature}}" } }
resources:
  things:
    list: { method: get, path: /things }
    make: { method: post, path: /things }
    admin:
      method: post
      path: /admin
      authorization: { format: header, config: { name: X-Admin, value: "{{env.APP_SECRET}}" } }
    open: { method: get, path: /open, authorization: { format: none } }
  admins:
    path: /admins
    authorization: { format: header, config: { name: X-Admin, value: "{{env.APP_SECRET}}" } }
    list: {}
    open: { method: get, path: /open, authorization: { format: none } }
webhooks:
  verify: { format: any, config: { of: [ { format: token, config: { token: query.t } }, { format: basic } ] } }
  challenge: [{ when: query.c, verified: false, reply: { body: "{{query.c}}" } }]
  subscription:
    create: [{ name: hook, request: { path: /hooks, method: post, body: { secret: "{{new_secret}}" } } }]
    capture: { webhook_secret: new_secret }
"""


def judged(make: Any, override: str, conn: str = "version: 1\n", level: str = "account", base: str = OAUTH) -> Any:
    """The connector under an override, one line of YAML, of an account or of its environment."""
    account = "connector: x\nenvironment: sandbox\n" + (f"override: {override}\n" if level == "account" else "")
    sandbox = f"connectors: {{ x: {override} }}\n" if level == "environment" else "connectors: {}\n"
    files = {"connectors/x/connector.yaml": base, "accounts/me.yaml": account, "environments/sandbox.yaml": sandbox}
    return make({**files, "conn.yaml": conn}).effective(account="me")


def refusals(effective: Any) -> list[tuple[str, str]]:
    """Code and path of each finding that is an error, which running is refused for."""
    found = [
        (one.code, one.path) for one in (*effective.find_widening(), *effective.stale_token_urls()) if one.severity > 1
    ]
    if found:
        with pytest.raises(ConfigurationError) as refused:
            effective.check_authority()
        assert [(one.code, one.path) for one in refused.value.findings] == found
        for one in effective.find_widening():
            assert one.span is not None and one.span.line == (3 if one.span.file == "accounts/me.yaml" else 1)
            assert one.hint
    else:
        effective.check_authority()
    return found
