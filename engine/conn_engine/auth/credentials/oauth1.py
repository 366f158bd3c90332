"""OAuth 1.0a (RFC 5849): a token for a consumer, from a person's consent (three legs) or supplied by the account."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from msgspec import Meta, field

from conn_engine.auth.consent import Consent, build_consent_url, check_callback
from conn_engine.auth.credential_document import CAPTURED, CredentialField, fill_templates
from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.auth.secret_request import (
    SecretRequest,
    build_redactor,
    evaluate_on_response,
    host_of,
    null_if_undefined,
    send_secret_request,
)
from conn_engine.auth.signing import oauth1
from conn_engine.auth.token_request import remove_secrets
from conn_engine.conditions import conditions_of
from conn_engine.errors import CredentialError
from conn_engine.roles import ADDRESS, CONSENT, SECRET, TEMPLATE, expression_over
from conn_engine.settings import Answer, Scope
from conn_engine.wire import Clock, Flow, Request

__all__ = ["OAuth1Credentials"]

_TOKEN = ("token", "token_secret")
_PURPOSE = "the token request"


class OAuth1Credentials(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="oauth1"):
    """The consumer and the token of OAuth 1.0a, for requests that are signed with `oauth1`. Stored as `{consumer_key,
    consumer_secret, token, token_secret}`, with the consumer if the account supplies it. Without URLs, the account
    supplies everything (token-based authentication)."""

    request_token_url: Annotated[
        str | None, Meta(description="Absolute URL that returns a request token.", extra=ADDRESS)
    ] = None
    authorization_url: Annotated[
        str | None, Meta(description="URL of the page where a person consents.", extra=CONSENT)
    ] = None
    access_token_url: Annotated[
        str | None,
        Meta(description="Absolute URL that exchanges the request token for an access token.", extra=ADDRESS),
    ] = None
    consumer_key: Annotated[
        str | None,
        Meta(
            description="Template for the consumer key (`{{env.X}}`), as in `signature`. Default: the account "
            "supplies `consumer_key`.",
            extra=TEMPLATE,
        ),
    ] = None
    consumer_secret: Annotated[
        str | None,
        Meta(
            description="Template for the consumer secret (for the RSA methods: the private key). Default: the "
            "account supplies it.",
            extra=SECRET,
        ),
    ] = None
    algorithm: Annotated[oauth1.Algorithm, Meta(description="Signature method of the two requests.")] = "HMAC-SHA1"
    method: Annotated[Literal["post", "get"], Meta(description="HTTP method of the two requests.")] = "post"
    request_params: Annotated[
        dict[str, Any],
        Meta(description="Additional fields of the request for a request token.", extra=TEMPLATE),
    ] = field(default_factory=dict)
    authorization_params: Annotated[
        dict[str, Any],
        Meta(description="Additional parameters of the page's URL. null removes one.", extra=TEMPLATE),
    ] = field(default_factory=dict)
    access_params: Annotated[
        dict[str, Any],
        Meta(description="Additional fields of the request that exchanges the token.", extra=TEMPLATE),
    ] = field(default_factory=dict)
    redirect_uri: Annotated[
        str | None,
        Meta(
            description="The redirect URL registered with the vendor. Works as for `oauth2`. "
            "Default: http://127.0.0.1:PORT/callback.",
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
            description="Values to store with the token, by name: expressions over response (the fields of the "
            "last response), headers, status and callback. They are not secret: an account's "
            "`context` has them.",
            extra=expression_over("token_answer"),
        ),
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        urls = (self.request_token_url, self.authorization_url, self.access_token_url)
        if any(url is None for url in urls) and any(url is not None for url in urls):
            raise ValueError("`request_token_url`, `authorization_url` and `access_token_url` must be set together")

    def consumer_fields(self) -> list[CredentialField]:
        """Return what the account supplies of the consumer: what the connector does not set."""
        key = CredentialField("consumer_key", "Consumer key", secret=False)
        secret = CredentialField("consumer_secret", "Consumer secret", lines=self.algorithm.startswith("RSA"))
        return [*([key] if self.consumer_key is None else []), *([secret] if self.consumer_secret is None else [])]

    def usual_fields(self) -> list[CredentialField]:
        """Return the fields of the consumer and of an existing token."""
        return [
            *self.consumer_fields(),
            CredentialField("token", "Access token"),
            CredentialField("token_secret", "Token secret"),
        ]

    def consent_fields(self) -> list[CredentialField]:
        """Return the fields that a login asks for before the consent."""
        return [*self.consumer_fields(), *(value.field() for value in self.ask)]

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        """Request a request token, and return the consent for it. `state` and `verifier` are only used for OAuth 2.

        Raises CredentialError when the vendor refuses, and ConfigurationError when the page's URL is not https.
        """
        _, fields = yield from self._send_signed(
            self.request_token_url, self.request_params, scope, {"oauth_callback": redirect_uri}, hosts, clock
        )
        token, secret = fields["oauth_token"], fields.get("oauth_token_secret", "")
        names = scope | {"consent": {"redirect_uri": redirect_uri, "oauth_token": token}}
        params = {"oauth_token": "{{consent.oauth_token}}", **self.authorization_params}
        url = build_consent_url(self.authorization_url or "", params, names)
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
        """Trade the authorized request token for the document to store. Raises as for OAuth 2."""
        answer = check_callback(consent, callback)
        stored_fields = {name: value for name, value in stored.items() if name not in (*_TOKEN, CAPTURED)}
        names = Scope(stored_fields, conditions_of(scope))
        names |= {"callback": answer, "token": consent.state, "token_secret": consent.verifier or ""}
        names |= {name: scope[name] for name in ("env", "context") if name in scope}
        parameters = {"oauth_verifier": answer["code"]}
        last, fields = yield from self._send_signed(
            self.access_token_url, self.access_params, names, parameters, hosts, clock
        )
        document: dict[str, Any] = {
            **stored_fields,
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
        parameters: Mapping[str, str],
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[tuple[Answer, dict[str, str]]]:
        """Send one signed request; return its response and the response's fields, which include a token."""
        settings = SecretRequest(
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
            parameters,
        )

        def sign_request(request: Request) -> Request:
            value = oauth1.header(request, keys, self.algorithm, clock.now(), conditions_of(names).chance.draw_hex(16))
            return replace(request, headers=request.headers.replace_header("authorization", value))

        answer = yield from send_secret_request(
            settings, names, hosts, clock, build_redactor(names), finish=sign_request
        )
        fields = _decode_fields(answer)
        if not fields.get("oauth_token"):
            raise CredentialError(
                f"token endpoint {host_of(answer.request)} returned no oauth_token",
                hint="check `request_token_url` and `access_token_url`",
            )
        return answer, fields

    def _evaluate_captures(self, answer: Answer, fields: dict[str, str], callback: Mapping[str, str]) -> dict[str, Any]:
        response = replace(answer, body=fields, scope=answer.scope | {"callback": dict(callback)})
        visible = remove_secrets(response, [fields["oauth_token"], fields.get("oauth_token_secret", "")])
        captured = {name: null_if_undefined(evaluate_on_response(visible, text)) for name, text in self.capture.items()}
        return {name: value for name, value in captured.items() if value is not None}


def _decode_fields(answer: Answer) -> dict[str, str]:
    """Return the fields of a response. It is a form whatever its content type; some vendors respond in JSON."""
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
