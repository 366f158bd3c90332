"""What signatures of a string share: which text is signed, how the signature is encoded, and where it is sent."""

import base64
import re
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import quote

from msgspec import Meta, field

from conn_engine.auth.signatures.request_scope import SigningContext, fill_template, request_names
from conn_engine.errors import ConfigurationError
from conn_engine.roles import EXPRESSION, TEMPLATE
from conn_engine.settings import Scope, Settings, ask
from conn_engine.wire import Request

__all__ = ["ContentSignature", "add_to_request"]


_BODY = re.compile(r"\brequest\s*\.\s*body\b")


class ContentSignature(Settings, frozen=True, kw_only=True):
    """A signature of an expression's text, in headers or in the query."""

    content: Annotated[
        str,
        Meta(
            description="Expression for the text to sign, such as `request.method & request.path & "
            "request.body`. It sees `request` (method, url, host, path, query and target as sent, "
            "headers, body, body_sha256 in hex), `timestamp` (seconds), `timestamp_ms`, `date` (RFC "
            "3339), `nonce`, the stored credential's keys, `env` and `context`.",
            extra=EXPRESSION,
        ),
    ]
    encoding: Annotated[Literal["hex", "base64", "base64url"], Meta(description="Encoding of the signature.")] = (
        "base64"
    )
    headers: Annotated[
        dict[str, str],
        Meta(
            description="Headers to set: templates over the same names and `signature`, such as "
            '`{X-Signature: "{{signature}}", X-Timestamp: "{{timestamp}}"}`.',
            extra=TEMPLATE,
        ),
    ] = field(default_factory=dict)
    query: Annotated[
        dict[str, str], Meta(description="Query parameters to add; templates as for headers.", extra=TEMPLATE)
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.headers and not self.query:
            raise ValueError("a signature needs `headers` or `query`")

    def signature(self, content: bytes, names: Scope) -> bytes:
        """Return the signature. Raises CredentialError when the account lacks the key."""
        raise NotImplementedError

    def sign(self, request: Request, scope: Scope, moment: SigningContext) -> Request:
        """Return the signed request. Raises CredentialError when the account lacks the key, and ConfigurationError when
        the expression returns no text."""
        names: Scope = scope | moment.names() | {"request": request_names(request)}
        if _BODY.search(self.content) and self.content.strip() != "request.body" and not _is_text(request.body):
            raise ConfigurationError(
                "the body is not text, but the signature's `content` computes with it",
                hint="sign only `request.body`, or the digest of its bytes: `request.body_sha256`",
            )
        content = ask(self.content, names)
        if not isinstance(content, str):
            raise ConfigurationError(
                "`content` of the signature returns no text", hint=f"return text from `content`; it is {self.content}"
            )
        signature = self.signature(content.encode("utf-8", "surrogateescape"), names)
        return add_to_request(
            request, names | {"signature": _encode_signature(signature, self.encoding)}, self.headers, self.query
        )


def add_to_request(request: Request, names: Scope, headers: dict[str, str], query: dict[str, str]) -> Request:
    """Return the request with these headers and query parameters, which are templates over `names`."""
    new_headers = request.headers
    for name, template in headers.items():
        new_headers = new_headers.replace_header(name, fill_template(template, names, purpose=f'the header "{name}"'))
    url = request.url
    for name, template in query.items():
        value = fill_template(template, names, purpose=f'the parameter "{name}"')
        url += f"{'&' if '?' in url else '?'}{quote(name, safe='-._~')}={quote(value, safe='-._~')}"
    return replace(request, headers=new_headers, url=url, authorized=True)


def _is_text(body: bytes | None) -> bool:
    try:
        (body or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _encode_signature(signature: bytes, encoding: str) -> str:
    if encoding == "hex":
        return signature.hex()
    if encoding == "base64":
        return base64.b64encode(signature).decode("ascii")
    return base64.urlsafe_b64encode(signature).decode("ascii").rstrip("=")
