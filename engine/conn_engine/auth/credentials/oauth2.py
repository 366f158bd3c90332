"""OAuth 2 with a person's consent: an access token and, usually, a refresh token."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from conn_engine.auth.consent import Consent, challenge, check_callback, consent_url
from conn_engine.auth.credentials.client import OAuthClient
from conn_engine.auth.credentials.exchanged import laid_over
from conn_engine.auth.names import CAPTURED, CredentialField, token_of
from conn_engine.auth.token_request import TokenRequest, request_token
from conn_engine.conditions import conditions_of
from conn_engine.errors import CredentialError
from conn_engine.roles import CONSENT, PLAIN, TEMPLATE
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["OAuth2"]


class OAuth2(OAuthClient, frozen=True, kw_only=True, tag_field="format", tag="oauth2"):
    """Authorization code with refresh. The refresh token may rotate: the new one is stored before it is
    used."""

    authorization_url: Annotated[
        str | None, Meta(description="Where a person consents; a template.", extra=CONSENT)
    ] = None
    authorization_params: Annotated[
        dict[str, Any],
        Meta(
            description="Further parameters of the authorization URL; templates, null removes a usual one. To rename "
            'one: `{client_id: null, app_id: "{{client.client_id}}"}`. `consent` has redirect_uri, state, scope and '
            "code_challenge.",
            extra=TEMPLATE,
        ),
    ] = field(default_factory=dict)
    pkce: Annotated[bool, Meta(description="Whether the consent is protected by PKCE (S256).")] = True
    redirect_uri: Annotated[
        str | None,
        Meta(
            description="Where the vendor sends the person back to, as it is registered there; a template. On this "
            "machine (http://127.0.0.1:PORT/PATH, http://localhost:PORT/PATH) `conn auth login` listens there; of any "
            "other the person pastes the address. Default: http://127.0.0.1:PORT/callback.",
            extra=TEMPLATE,
        ),
    ] = None
    redirect_port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="Port of the default redirect_uri. Default: any free one."),
    ] = None
    code_param: Annotated[
        str, Meta(description="What the vendor calls the code when it sends the person back.", extra=PLAIN)
    ] = "code"
    state_param: Annotated[str, Meta(description="What it calls the state then.", extra=PLAIN)] = "state"
    code_params: Annotated[
        dict[str, Any],
        Meta(
            description="Further fields of the request that trades the code for a token; templates, null removes a "
            "usual one. `callback` has what the vendor sent the person back with (the code as `callback.code`), "
            "`consent` has redirect_uri and code_verifier.",
            extra=TEMPLATE,
        ),
    ] = field(default_factory=dict)
    code_exchange: Annotated[
        TokenRequest | None,
        Meta(
            description="That whole request (with `before`: several), for a vendor with one of its own; templates see "
            "`callback`, `consent` and `client`. Default: the standard one at token_url."
        ),
    ] = None
    refresh: Annotated[
        TokenRequest | None,
        Meta(
            description="The whole refresh request, for a vendor with one of its own; templates see "
            "`oauth.token.access_token`, `oauth.token.refresh_token`, `client.client_id`, "
            "`client.client_secret` and `client.basic`. Default: the standard refresh grant."
        ),
    ] = None

    def usual_fields(self) -> list[CredentialField]:
        """A token made elsewhere: access token, refresh token, and the client when the account supplies
        it."""
        return [
            *self.client_fields(),
            CredentialField("oauth.token.access_token", "Access token"),
            CredentialField("oauth.token.refresh_token", "Refresh token", required=False),
        ]

    def consent_fields(self) -> list[CredentialField]:
        """What a log-in asks for before a person consents."""
        return [*self.client_fields(), *(asked.field() for asked in self.ask)]

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Whether there is something to refresh with."""
        token = token_of(document)
        if self.refresh is not None:
            return bool(token)
        if self.introspect is not None and token:
            return True
        return self.token_url is not None and bool(token.get("refresh_token"))

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """The refresh. Raises CredentialError when there is nothing to refresh with."""
        if self.refresh is None and not token_of(stored).get("refresh_token"):
            raise CredentialError(
                "the token has ended, and the vendor gave no refresh token with it",
                hint="log the account in again: `conn auth login ACCOUNT`",
            )
        return super().attempts(stored, names)

    def grant(self) -> dict[str, Any]:
        """The refresh grant."""
        return {"grant_type": "refresh_token", "refresh_token": "{{oauth.token.refresh_token}}"}

    def own_request(self) -> TokenRequest | None:
        """The connector's own refresh request."""
        return self.refresh

    def consent(self, scope: Scope, *, redirect_uri: str, state: str, verifier: str) -> Consent:
        """What a person is asked to consent to. `scope` has what `consent_fields` brought, `env` and `context`.

        Raises ConfigurationError without an authorization URL or with one that is no https, CredentialError when a
        template names what there is not.
        """
        names = self.build_template_scope(scope)
        asked: dict[str, Any] = {"redirect_uri": redirect_uri, "state": state, "scope": self.scope_text() or ""}
        usual: dict[str, Any] = {
            "response_type": "code",
            "client_id": "{{client.client_id}}",
            "redirect_uri": "{{consent.redirect_uri}}",
            "scope": "{{consent.scope}}" if self.scopes else None,
            "state": "{{consent.state}}",
        }
        if self.pkce:
            asked["code_challenge"] = challenge(verifier)
            usual |= {"code_challenge": "{{consent.code_challenge}}", "code_challenge_method": "S256"}
        names = names | {"consent": asked}
        url = consent_url(self.authorization_url or "", {**usual, **self.authorization_params}, names)
        return Consent(url, redirect_uri, state, verifier if self.pkce else None, self.state_param, self.code_param)

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        """`consent`, as the flow that other kinds need for it. Nothing is sent."""
        return self.consent(scope, redirect_uri=redirect_uri, state=state, verifier=verifier)
        yield  # a generator, as its siblings are

    def has_consent(self, document: Mapping[str, Any]) -> bool:
        """Whether the document has what a consent brings."""
        return bool(token_of(document).get("access_token"))

    def redeem_consent(  # noqa: PLR0917
        self,
        consent: Consent,
        callback: Mapping[str, str],
        stored: Mapping[str, Any],
        scope: Scope,
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[dict[str, Any]]:
        """Trade the code that a person came back with for a token; returns the document to store.

        Of `stored` all is kept but an earlier token and what was captured with it. Raises CredentialError when the
        answer is not one to this consent or is no consent; else as `request_token`.
        """
        answer = check_callback(consent, callback)
        kept = {name: value for name, value in stored.items() if name not in ("oauth", CAPTURED)}
        asked = {"redirect_uri": consent.redirect_uri, "state": consent.state}
        fields: dict[str, Any] = {
            "grant_type": "authorization_code",
            "code": "{{callback.code}}",
            "redirect_uri": "{{consent.redirect_uri}}",
        }
        if consent.verifier is not None:
            asked["code_verifier"] = consent.verifier
            fields["code_verifier"] = "{{consent.code_verifier}}"
        names = Scope(kept, conditions_of(scope))
        names |= {name: scope[name] for name in ("env", "context") if name in scope}
        names = self.build_template_scope(names) | {"callback": answer, "consent": asked}
        if self.code_exchange is not None:
            told = self.add_reading_settings(self.code_exchange)
        else:
            told = self.usual({**fields, **self.code_params}, names)
        grant = yield from request_token(told, names, hosts, clock, self.absent(kept))
        return laid_over(kept, grant, self.place)
