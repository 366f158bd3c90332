"""OAuth 2 with a person's consent: an access token and usually a refresh token."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from conn_engine.auth.consent import Consent, build_challenge, build_consent_url, check_callback
from conn_engine.auth.credential_document import CAPTURED, CredentialField, read_token
from conn_engine.auth.credentials.exchanged import merge_grant
from conn_engine.auth.credentials.oauth_client import OAuthClient
from conn_engine.auth.token_request import TokenRequest, request_token
from conn_engine.conditions import conditions_of
from conn_engine.errors import CredentialError
from conn_engine.roles import CONSENT, PLAIN, TEMPLATE
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["OAuth2"]


class OAuth2(OAuthClient, frozen=True, kw_only=True, tag_field="format", tag="oauth2"):
    """The authorization code grant of OAuth 2, with refresh. The refresh token may rotate: a new one is stored before
    it is used."""

    authorization_url: Annotated[
        str | None, Meta(description="URL of the page where a person consents.", extra=CONSENT)
    ] = None
    authorization_params: Annotated[
        dict[str, Any],
        Meta(
            description="Additional parameters of the authorization URL. null removes a standard "
            'parameter. To rename one: `{client_id: null, app_id: "{{client.client_id}}"}`. '
            "`consent` has redirect_uri, state, scope and code_challenge.",
            extra=TEMPLATE,
        ),
    ] = field(default_factory=dict)
    pkce: Annotated[bool, Meta(description="Whether to use PKCE (S256).")] = True
    redirect_uri: Annotated[
        str | None,
        Meta(
            description="The redirect URL registered with the vendor. `conn auth login` listens on a "
            "URL of this machine (`http://127.0.0.1:PORT/PATH`, `http://localhost:PORT/PATH`); for any "
            "other, the person pastes the URL from the browser. Default: "
            "http://127.0.0.1:PORT/callback.",
            extra=TEMPLATE,
        ),
    ] = None
    redirect_port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="Port of the default redirect_uri. Default: any free one."),
    ] = None
    code_param: Annotated[
        str, Meta(description="Name of the parameter with the code in the redirect.", extra=PLAIN)
    ] = "code"
    state_param: Annotated[
        str, Meta(description="Name of the parameter with the state in the redirect.", extra=PLAIN)
    ] = "state"
    code_params: Annotated[
        dict[str, Any],
        Meta(
            description="Additional fields of the request that exchanges the code for a token. null "
            "removes a standard field. `callback` has the parameters of the redirect (the code as "
            "`callback.code`), `consent` has redirect_uri and code_verifier.",
            extra=TEMPLATE,
        ),
    ] = field(default_factory=dict)
    code_exchange: Annotated[
        TokenRequest | None,
        Meta(
            description="The complete request that exchanges the code (with `before`: several), for a vendor that "
            "does not use the standard one; templates see `callback`, `consent` and `client`. "
            "Default: the standard request at token_url."
        ),
    ] = None
    refresh: Annotated[
        TokenRequest | None,
        Meta(
            description="The complete refresh request, for a vendor that does not use the standard one; "
            "templates see `oauth.token.access_token`, `oauth.token.refresh_token`, "
            "`client.client_id`, `client.client_secret` and `client.basic`. Default: the standard "
            "refresh grant."
        ),
    ] = None

    def usual_fields(self) -> list[CredentialField]:
        """Return the fields of an existing token (access token, refresh token), and of the client if the account
        supplies it."""
        return [
            *self.client_fields(),
            CredentialField("oauth.token.access_token", "Access token"),
            CredentialField("oauth.token.refresh_token", "Refresh token", required=False),
        ]

    def consent_fields(self) -> list[CredentialField]:
        """Return the fields that a login asks for before the consent."""
        return [*self.client_fields(), *(value.field() for value in self.ask)]

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Return whether there is something to refresh with."""
        token = read_token(document)
        if self.refresh is not None:
            return bool(token)
        if self.introspect is not None and token:
            return True
        return self.token_url is not None and bool(token.get("refresh_token"))

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """Return the refresh request. Raises CredentialError when there is nothing to refresh with."""
        if self.refresh is None and not read_token(stored).get("refresh_token"):
            raise CredentialError(
                "the token has expired, and the vendor issued no refresh token",
                hint="log the account in again: `conn auth login ACCOUNT`",
            )
        return super().attempts(stored, names)

    def grant(self) -> dict[str, Any]:
        """Return the fields of the refresh grant."""
        return {"grant_type": "refresh_token", "refresh_token": "{{oauth.token.refresh_token}}"}

    def custom_request(self) -> TokenRequest | None:
        """Return the refresh request if the connector declares one."""
        return self.refresh

    def consent(self, scope: Scope, *, redirect_uri: str, state: str, verifier: str) -> Consent:
        """Build the consent to ask a person for. `scope` has the values of `consent_fields`, `env` and `context`.

        Raises ConfigurationError when the authorization URL is missing or not https, and CredentialError when a
        template uses an unknown name.
        """
        names = self.build_template_scope(scope)
        values: dict[str, Any] = {"redirect_uri": redirect_uri, "state": state, "scope": self.scope_text() or ""}
        standard: dict[str, Any] = {
            "response_type": "code",
            "client_id": "{{client.client_id}}",
            "redirect_uri": "{{consent.redirect_uri}}",
            "scope": "{{consent.scope}}" if self.scopes else None,
            "state": "{{consent.state}}",
        }
        if self.pkce:
            values["code_challenge"] = build_challenge(verifier)
            standard |= {"code_challenge": "{{consent.code_challenge}}", "code_challenge_method": "S256"}
        names = names | {"consent": values}
        url = build_consent_url(self.authorization_url or "", {**standard, **self.authorization_params}, names)
        return Consent(url, redirect_uri, state, verifier if self.pkce else None, self.state_param, self.code_param)

    def build_consent(  # noqa: PLR0917
        self, scope: Scope, redirect_uri: str, state: str, verifier: str, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Consent]:
        """Return `consent` as a flow, as other kinds need one. Nothing is sent."""
        return self.consent(scope, redirect_uri=redirect_uri, state=state, verifier=verifier)
        yield  # makes this a generator, as in the other kinds

    def redeem_consent(  # noqa: PLR0917
        self,
        consent: Consent,
        callback: Mapping[str, str],
        stored: Mapping[str, Any],
        scope: Scope,
        hosts: tuple[str, ...],
        clock: Clock,
    ) -> Flow[dict[str, Any]]:
        """Trade the code from the vendor's redirect for a token; return the document to store.

        Everything in `stored` is kept except an earlier token and the values captured with it. Raises CredentialError
        when the redirect belongs to another login or consent was denied, and otherwise as `request_token` does.
        """
        answer = check_callback(consent, callback)
        stored_fields = {name: value for name, value in stored.items() if name not in ("oauth", CAPTURED)}
        values = {"redirect_uri": consent.redirect_uri, "state": consent.state}
        fields: dict[str, Any] = {
            "grant_type": "authorization_code",
            "code": "{{callback.code}}",
            "redirect_uri": "{{consent.redirect_uri}}",
        }
        if consent.verifier is not None:
            values["code_verifier"] = consent.verifier
            fields["code_verifier"] = "{{consent.code_verifier}}"
        names = Scope(stored_fields, conditions_of(scope))
        names |= {name: scope[name] for name in ("env", "context") if name in scope}
        names = self.build_template_scope(names) | {"callback": answer, "consent": values}
        if self.code_exchange is not None:
            request = self.add_reading_settings(self.code_exchange)
        else:
            request = self.build_standard_request({**fields, **self.code_params}, names)
        grant = yield from request_token(request, names, hosts, clock, self.absent(stored_fields))
        return merge_grant(stored_fields, grant, self.place)
