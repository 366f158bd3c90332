"""OAuth 1.0a (RFC 5849): a token for a consumer, by a person's consent in three legs or as the account has it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from msgspec import Meta, field

from conn_engine.auth.consent import Consent, check_callback, consent_url
from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.auth.names import CAPTURED, CredentialField, fill_templates
from conn_engine.auth.secret_request import SecretRequest, build_redactor, host_of, plain, read, send_secret_request
from conn_engine.auth.signing import oauth1
from conn_engine.auth.token_request import open_part
from conn_engine.conditions import conditions_of
from conn_engine.errors import CredentialError
from conn_engine.roles import ADDRESS, CONSENT, SECRET, TEMPLATE, expression_over
from conn_engine.settings import Answer, Scope
from conn_engine.wire import Clock, Flow, Request

__all__ = ["OAuth1Credentials"]

_TOKEN = ("token", "token_secret")
_PURPOSE = "the token request"


class OAuth1Credentials(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="oauth1"):
    """A consumer and its token, for requests with the signature `oauth1`. Stored as `{consumer_key, consumer_secret,
    token, token_secret}`, the consumer when the account supplies it. Without URLs the account supplies all (token-based
    authentication)."""

    request_token_url: Annotated[
        str | None, Meta(description="Where a request token is asked for: an absolute URL, a template.", extra=ADDRESS)
    ] = None
    authorization_url: Annotated[
        str | None, Meta(description="Where a person consents; a template.", extra=CONSENT)
    ] = None
    access_token_url: Annotated[
        str | None, Meta(description="Where the request token is traded: an absolute URL, a template.", extra=ADDRESS)
    ] = None
    consumer_key: Annotated[
        str | None,
        Meta(
            description="Template for the consumer's key (`{{env.X}}`), as in `signature`. Default: the account "
            "supplies `consumer_key`.",
            extra=TEMPLATE,
        ),
    ] = None
    consumer_secret: Annotated[
        str | None,
        Meta(
            description="Template for its secret (for the RSA methods its private key). Default: the account's own.",
            extra=SECRET,
        ),
    ] = None
    algorithm: Annotated[oauth1.Algorithm, Meta(description="Method of the signatures of the two requests.")] = (
        "HMAC-SHA1"
    )
    method: Annotated[Literal["post", "get"], Meta(description="HTTP method of the two requests.")] = "post"
    request_params: Annotated[
        dict[str, Any],
        Meta(description="Further fields of the request for a request token; templates.", extra=TEMPLATE),
    ] = field(default_factory=dict)
    authorization_params: Annotated[
        dict[str, Any],
        Meta(description="Further parameters of the page's address; templates. null removes one.", extra=TEMPLATE),
    ] = field(default_factory=dict)
    access_params: Annotated[
        dict[str, Any],
        Meta(description="Further fields of the request that trades the token; templates.", extra=TEMPLATE),
    ] = field(default_factory=dict)
    redirect_uri: Annotated[
        str | None,
        Meta(
            description="Where the vendor sends the person back to, as it is registered there; a template. As that of "
            "`oauth2`. Default: http://127.0.0.1:PORT/callback.",
            extra=TEMPLATE,
        ),
    ] = None
    redirect_port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="Port of the default redirect_uri. Default: any free one."),
    ] = None
    capture: Annotated[
        dict[str, str],
        Meta(
            description="Values to keep beside the token, by name: expressions over response (the fields of the last "
            "answer), headers, status and callback. They are no secrets: an account's `context` has them.",
            extra=expression_over("token_answer"),
        ),
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        urls = (self.request_token_url, self.authorization_url, self.access_token_url)
        if any(url is None for url in urls) and any(url is not None for url in urls):
            raise ValueError("`request_token_url`, `authorization_url` and `access_token_url` are said together")

    def consumer_fields(self) -> list[CredentialField]:
        """What the account supplies of the consumer, when the connector does not say it."""
        key = CredentialField("consumer_key", "Consumer key", secret=False)
        secret = CredentialField("consumer_secret", "Consumer secret", lines=self.algorithm.startswith("RSA"))
        return [*([key] if self.consumer_key is None else []), *([secret] if self.consumer_secret is None else [])]

    def usual_fields(self) -> list[CredentialField]:
        """The consumer, and a token made elsewhere."""
        return [
            *self.consumer_fields(),
            CredentialField("token", "Access token"),
            CredentialField("token_secret", "Token secret"),
        ]

    def consent_fields(self) -> list[CredentialField]:
        """What a log-in asks for before a person consents."""
        return [*self.consumer_fields(), *(one.field() for one in self.ask)]

    def has_consent(self, document: Mapping[str, Any]) -> bool:
        """Whether the document has what a consent brings."""
        return bool(document.get("token"))

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        """Ask for a request token; what a person is to consent to with it. `state` and `verifier` are OAuth 2's.

        Raises CredentialError when the vendor refuses, ConfigurationError for a page that is no https URL.
        """
        _, fields = yield from self._send_signed(
            self.request_token_url, self.request_params, scope, {"oauth_callback": redirect_uri}, hosts, clock
        )
        token, secret = fields["oauth_token"], fields.get("oauth_token_secret", "")
        names = scope | {"consent": {"redirect_uri": redirect_uri, "oauth_token": token}}
        params = {"oauth_token": "{{consent.oauth_token}}", **self.authorization_params}
        url = consent_url(self.authorization_url or "", params, names)
        return Consent(url, redirect_uri, token, secret, "oauth_token", "oauth_verifier", "denied")

    def redeem_consent(  # noqa: PLR0917
        self,
        consent: Consent,
        callback: Mapping[str, str],
        stored: Mapping[str, Any],
        scope: Scope,
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[dict[str, Any]]:
        """Trade the request token that a person consented to; returns the document to store. Errors as OAuth 2's."""
        answer = check_callback(consent, callback)
        kept = {name: value for name, value in stored.items() if name not in (*_TOKEN, CAPTURED)}
        names = Scope(kept, conditions_of(scope))
        names |= {"callback": answer, "token": consent.state, "token_secret": consent.verifier or ""}
        names |= {name: scope[name] for name in ("env", "context") if name in scope}
        said = {"oauth_verifier": answer["code"]}
        last, fields = yield from self._send_signed(
            self.access_token_url, self.access_params, names, said, hosts, clock
        )
        document: dict[str, Any] = {
            **kept,
            "token": fields["oauth_token"],
            "token_secret": fields.get("oauth_token_secret", ""),
        }
        captured = self._evaluate_captures(last, fields, answer)
        return {**document, CAPTURED: captured} if captured else document

    def _send_signed(  # noqa: PLR0917
        self,
        url: str | None,
        params: Mapping[str, Any],
        names: Scope,
        said: Mapping[str, str],
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[tuple[Answer, dict[str, str]]]:
        """One signed request; its answer and the fields of it, a token among them."""
        told = SecretRequest(
            method=self.method,
            url=url or "",
            query=dict(params) if self.method == "get" else {},
            body=dict(params) if self.method == "post" and params else None,
            response_format="text",
        )
        keys = oauth1.Keys(
            str(fill_templates(self.consumer_key or "{{consumer_key}}", names, purpose=_PURPOSE)),
            str(fill_templates(self.consumer_secret or "{{consumer_secret}}", names, purpose=_PURPOSE)),
            names.get("token", ""),
            names.get("token_secret", ""),
            said,
        )

        def sign_request(request: Request) -> Request:
            value = oauth1.header(request, keys, self.algorithm, clock.now(), conditions_of(names).chance.draw_hex(16))
            return replace(request, headers=request.headers.replace_header("authorization", value))

        answer = yield from send_secret_request(told, names, hosts, clock, build_redactor(names), finished=sign_request)
        fields = _fields(answer)
        if not fields.get("oauth_token"):
            raise CredentialError(
                f"the token endpoint {host_of(answer.request)} does not answer with an oauth_token",
                hint="check `request_token_url` and `access_token_url`",
            )
        return answer, fields

    def _evaluate_captures(self, answer: Answer, fields: dict[str, str], callback: Mapping[str, str]) -> dict[str, Any]:
        whole = replace(answer, body=fields, scope=answer.scope | {"callback": dict(callback)})
        seen = open_part(whole, [fields["oauth_token"], fields.get("oauth_token_secret", "")])
        found = {name: plain(read(seen, text)) for name, text in self.capture.items()}
        return {name: value for name, value in found.items() if value is not None}


def _fields(answer: Answer) -> dict[str, str]:
    """The fields of an answer, which is a form whatever its type says; some answer in JSON."""
    body = answer.body
    if isinstance(body, str):
        text = body.strip()[:100_000]
        if text.startswith("{"):
            import json

            try:
                body = json.loads(text)
            except (ValueError, RecursionError):
                body = {}
        else:
            body = dict(parse_qsl(text, keep_blank_values=True))
    return {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else {}
