"""Which names belong to secrets: of headers, parameters and fields, and of the parts of a credential document."""

import re

__all__ = ["is_common_word", "is_open_part", "is_public_part", "is_signature_name", "secret_name"]

# fmt: off
_SECRET_NAMES = frozenset({
    "accesskey", "accesskeyid", "accesstoken", "apikey", "apisecret", "apitoken", "appsecret",
    "assertion", "auth", "authorization", "authtoken", "bearer", "bearertoken", "clientassertion",
    "clientsecret", "codeverifier", "cookie", "cookies", "credential", "credentials", "csrftoken",
    "idtoken", "jwt", "passphrase", "passwd", "password", "personalaccesstoken", "privatekey",
    "proxyauthorization", "pwd", "refreshtoken", "secret", "secretkey", "secrets", "securitytoken",
    "sessiontoken", "setcookie", "sharedsecret", "signingsecret", "token", "webhooksecret", "xsrftoken",
})
_SECRET_ENDINGS = (
    "accesstoken", "apikey", "apitoken", "authorization", "authtoken", "clientsecret", "csrftoken",
    "idtoken", "password", "privatekey", "refreshtoken", "secret", "secretkey", "securitytoken",
    "sessiontoken", "setcookie",
)
_PUBLIC_PARTS = frozenset({
    "tokentype", "scope", "scopes", "expiresat", "expiresin", "expires", "issuedat", "createdat",
    "instanceurl", "apidomain", "baseurl", "captured", "webhookusername",
})
_OPEN_ENDINGS = (
    "account", "domain", "email", "environment", "host", "id", "locale", "login", "name", "realm", "region", "server",
    "shop", "site", "tenant", "type", "uri", "url", "user", "version", "zone",
)
# fmt: on
_SIGNED_URLS = frozenset({"sig", "signature", "xamzsignature", "xgoogsignature"})
_COMMON_WORDS = frozenset({"true", "false", "null", "none"})


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def secret_name(name: str) -> bool:
    """Whether a field, header or parameter of this name is a secret (`api_key`, `Set-Cookie` …).

    Names of paging tokens (`next_page_token`, `sync_token` …) are not secrets.
    """
    key = _squeezed(name)
    return key in _SECRET_NAMES or key.endswith(_SECRET_ENDINGS)


def is_signature_name(name: str) -> bool:
    """Whether a parameter signs its URL: who has the URL may fetch what it names. In a document it may be anything."""
    return _squeezed(name) in _SIGNED_URLS


def is_public_part(name: str) -> bool:
    """Whether a part of a credential document is no secret (`scope`, `expires_at` …)."""
    return _squeezed(name) in _PUBLIC_PARTS


def is_open_part(name: str) -> bool:
    """Whether a part of a credential document names somebody and proves nothing (`username`, `shop`): answers are full
    of it."""
    return _squeezed(name).endswith(_OPEN_ENDINGS)


def is_common_word(text: str) -> bool:
    """Whether a value of a credential document is a word of every document."""
    return text.lower() in _COMMON_WORDS
