"""For which hosts a credential is stored: as exactly as the account's own context says it."""

import pytest

from conn_engine.conditions import USUAL
from conn_engine.config.issued_hosts import issued_hosts

ZENDESK = {"base_url": "https://{{context.subdomain}}.zendesk.example/api"}


@pytest.mark.parametrize(
    ("data", "hosts", "context", "expected"),
    [
        ({"base_url": "https://api.example.com/v1"}, ["api.example.com"], {}, ["api.example.com"]),
        (ZENDESK, ["*.zendesk.example"], {"subdomain": "acme"}, ["acme.zendesk.example"]),
        (ZENDESK, ["*.zendesk.example"], {}, ["*.zendesk.example"]),
        (ZENDESK, ["*.zendesk.example", "*.zdassets.example"], {"subdomain": "acme"},
         ["acme.zendesk.example", "*.zdassets.example"]),
        # a region as part of a label
        ({"base_url": "https://api{{context.region = 'eu' ? '-eu1' : ''}}.hub.example"}, ["*.hub.example"],
         {"region": "eu"}, ["api-eu1.hub.example"]),
        # the whole address is a value of the account: of its own document, else the vendor's to say
        ({"base_url": "{{context.instance_url}}/v1"}, ["*.my.force.example"],
         {"instance_url": "https://acme.my.force.example"}, ["acme.my.force.example"]),
        ({"base_url": "{{context.instance_url}}/v1"}, ["*.my.force.example"], {}, ["*.my.force.example"]),
        # the token's host is another
        ({**ZENDESK, "credentials": {"format": "oauth2", "config": {"token_url": "https://login.example/token"}}},
         ["*.zendesk.example", "login.example"], {"subdomain": "acme"}, ["acme.zendesk.example", "login.example"]),
        ({**ZENDESK, "credentials": {"config": {"token_url": "https://{{context.subdomain}}.login.example/t"}}},
         ["*.zendesk.example", "*.login.example"], {"subdomain": "acme"},
         ["acme.zendesk.example", "acme.login.example"]),
        # a host that only a call can tell leaves the pattern open
        ({**ZENDESK, "resources": {"a": {"get": {"base_url": "https://{{params.shard}}.zendesk.example"}}}},
         ["*.zendesk.example"], {"subdomain": "acme"}, ["*.zendesk.example"]),
        ({**ZENDESK, "resources": {"a": {"get": {"base_url": "{{params.link}}"}}}},
         ["*.zendesk.example"], {"subdomain": "acme"}, ["*.zendesk.example"]),
        # ports, and hosts of this machine
        ({"base_url": "http://127.0.0.1:{{context.port}}/v1"}, ["127.0.0.1:*"], {"port": 81}, ["127.0.0.1:*"]),
        # a value that is not a host fills nothing
        (ZENDESK, ["*.zendesk.example"], {"subdomain": "evil.example/"}, ["*.zendesk.example"]),
        (ZENDESK, ["*.zendesk.example"], {"subdomain": "a@evil"}, ["*.zendesk.example"]),
        # requests that a delivery leads to
        ({"base_url": "https://api.example.com", "webhooks": {
            "verify": {"format": "jwt", "config": {"key_request": {"url": "https://keys.example/jwks"}}},
            "challenge": [{"when": "true", "hosts": ["confirm.*.example"], "request": {"url": "{{body.url}}"}}]}},
         ["api.example.com"], {}, ["api.example.com", "keys.example", "confirm.*.example"]),
    ],
)  # fmt: skip
def test_what_a_credential_is_bound_to(data, hosts, context, expected):
    assert list(issued_hosts(data, hosts, context, USUAL)) == expected
