"""What credentials that a person types have in common: they do not end and cannot be renewed."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.lifecycle import RevokeSetting, revoke_token
from conn_engine.auth.names import Asked, CredentialField, document_of
from conn_engine.auth.omission import absent_parts
from conn_engine.errors import CredentialError
from conn_engine.settings import Scope, Settings
from conn_engine.wire import ClientCertificate, Clock, Flow

__all__ = ["StaticCredentials"]


class StaticCredentials(Settings, frozen=True, kw_only=True):
    """A credential that is kept as it was typed."""

    ask: Annotated[
        tuple[Asked, ...], Meta(description="What the account supplies besides: a second key, a tenant's name.")
    ] = ()
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
        """A made-up document of the right shape, another for each number; it holds no secret."""
        return document_of(self.fields(), {asked.name: asked.sample or f"sample-{number}" for asked in self.fields()})

    def is_expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Never: the vendor decides."""
        return False

    def due(self, document: Mapping[str, Any], now: float) -> bool:
        """Never: there is nothing to ask for."""
        return False

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """None: it is not a client's certificate."""
        return None

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Make the vendor forget the credential. Errors as in `revoked`."""
        yield from revoke_token(self.revoke, scope, hosts, clock, absent_parts(self.fields(), scope))

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Never: only a person has a new one."""
        return False

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """Raises CredentialError when run: there is nothing to exchange."""

        def run(stored: Mapping[str, Any]) -> Flow[dict[str, Any]]:
            raise CredentialError(
                "this kind of credential cannot be renewed",
                hint="log the account in again: `conn auth login ACCOUNT`",
            )
            yield  # a generator, as its siblings are

        return run
