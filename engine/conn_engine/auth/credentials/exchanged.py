"""What credentials with a requested token share: when the token expires, how a new one is requested, and how it is
merged into the stored document.

Each kind declares the requests.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta, structs

from conn_engine.auth.absent_parts import absent_parts
from conn_engine.auth.authorization import Bearer
from conn_engine.auth.credential_document import (
    CAPTURED,
    TOKEN_PATH,
    CredentialField,
    SuppliedValue,
    build_document,
    read_token,
)
from conn_engine.auth.lifecycle import Introspection, RevokeSetting, TokenStatus, introspect_token, revoke_token
from conn_engine.auth.token_request import Grant, TokenReading, TokenRequest, request_token
from conn_engine.conditions import conditions_of
from conn_engine.errors import CredentialError
from conn_engine.roles import mark_advanced
from conn_engine.settings import Scope
from conn_engine.wire import ClientCertificate, Clock, Flow

__all__ = ["ExchangedCredentials", "merge_grant"]

_CHECKED = "checked_at"  # when the token was last introspected, in Unix seconds
_PER_TOKEN = frozenset({"expires_at", "obtained_at", "expires_in", _CHECKED})
_READING = ("response", "expires", "lifetime_seconds", "capture")


class ExchangedCredentials(TokenReading, frozen=True, kw_only=True):
    """A token that is requested. `place` is its path in the stored document."""

    place: ClassVar[tuple[str, ...]] = TOKEN_PATH

    ask: Annotated[tuple[SuppliedValue, ...], Meta(description="Additional values that the account supplies.")] = ()
    introspect: Annotated[
        Introspection | None,
        Meta(
            description="A request that returns whether a token is still active. It is sent before a token "
            "without a known expiry is used. Templates see the names of the token request. Default: "
            "a token is used until the vendor refuses it.",
            extra=mark_advanced(),
        ),
    ] = None
    revoke: RevokeSetting = ()

    def usual_fields(self) -> list[CredentialField]:
        """Return the fields that every login asks for."""
        return []

    def fields(self) -> list[CredentialField]:
        """Return the fields that a login asks for."""
        return [*self.usual_fields(), *(value.field() for value in self.ask)]

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return the document to store for the values of `fields`, by name. Raises UsageError for a missing value."""
        return build_document(self.fields(), values)

    def sample(self, number: int = 1) -> dict[str, Any]:
        """Return a made-up document with the same structure, different for each number. It has no secret and does not
        expire."""
        document = build_document(
            self.fields(), {field.name: field.sample or f"sample-{number}" for field in self.fields()}
        )
        token = {"access_token": f"sample-{number}", **read_token(document, self.place)}
        return _set_at_place(document, self.place, token)

    def is_expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Return whether the token is missing or expires within the buffer (at most half of its lifetime)."""
        token = read_token(document, self.place)
        if not token.get("access_token"):
            return True
        expires_at, obtained_at = _number(token.get("expires_at")), _number(token.get("obtained_at"))
        if expires_at is None:
            return False
        buffer = (
            self.buffer_seconds
            if obtained_at is None
            else min(self.buffer_seconds, max(0.0, expires_at - obtained_at) / 2)
        )
        return now >= expires_at - buffer

    def due(self, document: Mapping[str, Any], now: float) -> bool:
        """Return whether to run `exchange` before the token is used: it has expired, or its state is unknown."""
        return self.is_expired(document, now) or self._is_unknown(document, now)

    def _is_unknown(self, document: Mapping[str, Any], now: float) -> bool:
        token = read_token(document, self.place)
        if self.introspect is None or not token.get("access_token") or _number(token.get("expires_at")) is not None:
            return False
        checked = _number(token.get(_CHECKED))
        return checked is None or not checked <= now < checked + self.introspect.every_seconds

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Return whether a new token can be requested without a person."""
        return True

    def imply_authorization(self) -> Bearer | None:
        """Return that the token is sent in the Authorization header."""
        return Bearer()

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """Return None: there is no client certificate."""
        return None

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Revoke the credential at the vendor. Raises as `revoke_token` does."""
        names = self.build_template_scope(scope) if self.revoke else scope
        yield from revoke_token(self.revoke, names, hosts, clock, self.absent(scope))

    def absent(self, document: Mapping[str, Any]) -> frozenset[str]:
        """Return the optional parts that the account has left out. Requests leave out the entries that use them."""
        return absent_parts(self.fields(), document)

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """Return the token requests to try, in order: the next one is tried when the vendor refuses the one before."""
        raise NotImplementedError

    def build_template_scope(self, names: Scope) -> Scope:
        """Return the names for the templates of token requests: the document's keys, `env`, `context` and more."""
        return names

    def obtain_token(
        self, stored: Mapping[str, Any], names: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Grant]:
        """Try each grant in order until one returns a token. If all fail, raise the error of the last one."""
        absent = self.absent(stored)
        *better, last = self.attempts(stored, names)
        for request in better:
            try:
                return (yield from request_token(request, names, hosts, clock, absent))
            except CredentialError:
                continue
        return (yield from request_token(last, names, hosts, clock, absent))

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """Return the token exchange: a function from the stored document to a flow that returns the renewed document.

        The rest of the document is kept, and so are the fields of the token that the vendor does not return, such as a
        refresh token. If it is unknown whether the token has expired, `introspect` is sent first, and an active token
        is kept. `scope` provides `env` and `context`. Raises as `request_token` does.
        """

        def run(stored: Mapping[str, Any]) -> Flow[dict[str, Any]]:
            names = Scope(stored, conditions_of(scope))
            names.update({name: scope[name] for name in ("env", "context") if name in scope})
            if self.introspect is not None and self._is_unknown(stored, clock.now()):
                absent = self.absent(stored)
                status = yield from introspect_token(
                    self.introspect, self.build_template_scope(names), hosts, clock, absent
                )
                if status.active:
                    return _add_status(stored, status, clock.now(), self.place)
            grant = yield from self.obtain_token(stored, self.build_template_scope(names), hosts, clock)
            return merge_grant(stored, grant, self.place)

        return run

    def get_reading_settings(self) -> dict[str, Any]:
        """Return the settings of a token request that control how its response is read."""
        return {name: getattr(self, name) for name in (*_READING, "expires_unit", "buffer_seconds")}

    def add_reading_settings(self, request: TokenRequest) -> TokenRequest:
        """Return the connector's own request, with this credential's settings for everything it does not set itself."""
        plain = TokenReading()
        inherited = {name: getattr(self, name) for name in _READING if getattr(request, name) == getattr(plain, name)}
        if "expires" in inherited and request.expires_unit == plain.expires_unit:
            inherited["expires_unit"] = self.expires_unit
        return structs.replace(request, **inherited)


def merge_grant(stored: Mapping[str, Any], grant: Grant, place: tuple[str, ...]) -> dict[str, Any]:
    """Return the stored document with a new token merged over the old one, and the captured values."""
    old = read_token(stored, place)
    lasting = {name: value for name, value in old.items() if name not in _PER_TOKEN}
    new = {**lasting, **grant.token}
    if not new.get("refresh_token") and old.get("refresh_token"):
        new["refresh_token"] = old["refresh_token"]  # null and "" mean that it was not returned
    document = _set_at_place(copy.deepcopy(dict(stored)), place, new)
    if grant.captured:
        captured = document.get(CAPTURED)
        document[CAPTURED] = {**(captured if isinstance(captured, dict) else {}), **grant.captured}
    return document


def _add_status(stored: Mapping[str, Any], status: TokenStatus, now: float, place: tuple[str, ...]) -> dict[str, Any]:
    """Return the stored document with the result of the introspection added to its token."""
    token = {**read_token(stored, place), _CHECKED: now}
    if status.expires_at is not None:
        token.update(expires_at=status.expires_at, obtained_at=now)
    return _set_at_place(copy.deepcopy(dict(stored)), place, token)


def _set_at_place(document: dict[str, Any], place: tuple[str, ...], token: dict[str, Any]) -> dict[str, Any]:
    *parents, name = place
    node = document
    for parent in parents:
        below = node.get(parent)
        node[parent] = node = below if isinstance(below, dict) else {}
    node[name] = token
    return document


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
