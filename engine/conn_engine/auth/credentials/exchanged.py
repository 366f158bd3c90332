"""What credentials with a token that is asked for have in common: when it ends, how a new one is got and laid
over the stored document.

Which requests bring a token is each kind's.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta, structs

from conn_engine.auth.lifecycle import Introspection, RevokeSetting, Standing, introspect_token, revoke_token
from conn_engine.auth.names import CAPTURED, TOKEN_PATH, Asked, CredentialField, document_of, token_of
from conn_engine.auth.omission import absent_parts
from conn_engine.auth.token_request import Grant, TokenReading, TokenRequest, request_token
from conn_engine.conditions import conditions_of
from conn_engine.errors import CredentialError
from conn_engine.settings import Scope
from conn_engine.wire import ClientCertificate, Clock, Flow

__all__ = ["ExchangedCredentials", "laid_over"]

_CHECKED = "checked_at"  # when a token was last introspected, in Unix seconds
_OF_ONE_TOKEN = frozenset({"expires_at", "obtained_at", "expires_in", _CHECKED})
_READING = ("response", "expires", "lifetime_seconds", "capture")


class ExchangedCredentials(TokenReading, frozen=True, kw_only=True):
    """A token that a request brings. `place` is where the stored document has it."""

    place: ClassVar[tuple[str, ...]] = TOKEN_PATH

    ask: Annotated[tuple[Asked, ...], Meta(description="What the account supplies besides.")] = ()
    introspect: Annotated[
        Introspection | None,
        Meta(
            description="A request that says whether a token is still good, sent before one is used whose end is not "
            "known. Templates see what those of the token request do. Default: the vendor's refusal says it."
        ),
    ] = None
    revoke: RevokeSetting = ()

    def usual_fields(self) -> list[CredentialField]:
        """What a log-in asks for in any case."""
        return []

    def fields(self) -> list[CredentialField]:
        """What a log-in asks for."""
        return [*self.usual_fields(), *(asked.field() for asked in self.ask)]

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The stored document for the values of `fields`, by their names. Raises UsageError for a missing
        one."""
        return document_of(self.fields(), values)

    def sample(self, number: int = 1) -> dict[str, Any]:
        """A made-up document of the right shape, another for each number; it holds no secret and does not
        end."""
        document = document_of(
            self.fields(), {asked.name: asked.sample or f"sample-{number}" for asked in self.fields()}
        )
        token = {"access_token": f"sample-{number}", **token_of(document, self.place)}
        return _set_at_place(document, self.place, token)

    def is_expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Whether the token is missing or ends within the buffer (at most half of its life)."""
        token = token_of(document, self.place)
        if not token.get("access_token"):
            return True
        ends, began = _number(token.get("expires_at")), _number(token.get("obtained_at"))
        if ends is None:
            return False
        buffer = self.buffer_seconds if began is None else min(self.buffer_seconds, max(0.0, ends - began) / 2)
        return now >= ends - buffer

    def due(self, document: Mapping[str, Any], now: float) -> bool:
        """Whether `exchange` is to be run before the token is used: it has ended, or it is not known whether it has."""
        return self.is_expired(document, now) or self._unknown(document, now)

    def _unknown(self, document: Mapping[str, Any], now: float) -> bool:
        token = token_of(document, self.place)
        if self.introspect is None or not token.get("access_token") or _number(token.get("expires_at")) is not None:
            return False
        checked = _number(token.get(_CHECKED))
        return checked is None or not checked <= now < checked + self.introspect.every_seconds

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Whether a new token can be asked for without a person."""
        return True

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """None: it is not a client's certificate."""
        return None

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Make the vendor forget the credential. Errors as in `revoked`."""
        names = self.build_template_scope(scope) if self.revoke else scope
        yield from revoke_token(self.revoke, names, hosts, clock, self.absent(scope))

    def absent(self, document: Mapping[str, Any]) -> frozenset[str]:
        """The parts that the account may leave out and has left out: requests go without what would carry them."""
        return absent_parts(self.fields(), document)

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """The ways to a new token, best first: the next is tried when the vendor refuses one."""
        raise NotImplementedError

    def build_template_scope(self, names: Scope) -> Scope:
        """The names for the templates of the token requests: the document's keys, `env`, `context` and more."""
        return names

    def obtain_token(
        self, stored: Mapping[str, Any], names: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Grant]:
        """Go the ways to a new token until one leads there. Errors as in `request_token`, of the last way."""
        absent = self.absent(stored)
        *better, last = self.attempts(stored, names)
        for told in better:
            try:
                return (yield from request_token(told, names, hosts, clock, absent))
            except CredentialError:
                continue
        return (yield from request_token(last, names, hosts, clock, absent))

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """What asks for a new token: given the stored document, a generator that returns the renewed one.

        Everything else in the document is kept, and of the token what the vendor does not say again: a
        refresh token that is not returned stays, one that is returned replaces it. Where it is not known whether
        the token has ended, `introspect` is asked first, and a good one stays. `scope` gives `env` and `context`.
        Errors as in `request_token`.
        """

        def run(stored: Mapping[str, Any]) -> Flow[dict[str, Any]]:
            names = Scope(stored, conditions_of(scope))
            names.update({name: scope[name] for name in ("env", "context") if name in scope})
            if self.introspect is not None and self._unknown(stored, clock.now()):
                absent = self.absent(stored)
                standing = yield from introspect_token(
                    self.introspect, self.build_template_scope(names), hosts, clock, absent
                )
                if standing.active:
                    return _add_standing(stored, standing, clock.now(), self.place)
            grant = yield from self.obtain_token(stored, self.build_template_scope(names), hosts, clock)
            return laid_over(stored, grant, self.place)

        return run

    def get_reading_settings(self) -> dict[str, Any]:
        """The settings of a token request that say how its answer is read."""
        return {name: getattr(self, name) for name in (*_READING, "expires_unit", "buffer_seconds")}

    def add_reading_settings(self, own: TokenRequest) -> TokenRequest:
        """The connector's own request; what it does not say of reading the answer, the credential's settings say."""
        plain = TokenReading()
        said = {name: getattr(self, name) for name in _READING if getattr(own, name) == getattr(plain, name)}
        if "expires" in said and own.expires_unit == plain.expires_unit:
            said["expires_unit"] = self.expires_unit
        return structs.replace(own, **said)


def laid_over(stored: Mapping[str, Any], grant: Grant, place: tuple[str, ...]) -> dict[str, Any]:
    """The stored document with a new token laid over the old one, and what was captured."""
    old = token_of(stored, place)
    kept = {name: value for name, value in old.items() if name not in _OF_ONE_TOKEN}
    new = {**kept, **grant.token}
    if not new.get("refresh_token") and old.get("refresh_token"):
        new["refresh_token"] = old["refresh_token"]  # null and "" mean "not returned"
    document = _set_at_place(copy.deepcopy(dict(stored)), place, new)
    if grant.captured:
        before = document.get(CAPTURED)
        document[CAPTURED] = {**(before if isinstance(before, dict) else {}), **grant.captured}
    return document


def _add_standing(stored: Mapping[str, Any], standing: Standing, now: float, place: tuple[str, ...]) -> dict[str, Any]:
    """The stored document with what was found out of its token."""
    token = {**token_of(stored, place), _CHECKED: now}
    if standing.expires_at is not None:
        token.update(expires_at=standing.expires_at, obtained_at=now)
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
