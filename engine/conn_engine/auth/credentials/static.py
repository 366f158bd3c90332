"""What credentials that a person types share: they do not expire and cannot be renewed."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.absent_parts import absent_parts
from conn_engine.auth.authorization import BasicAuthorization, Bearer
from conn_engine.auth.credential_document import CredentialField, SuppliedValue, build_document
from conn_engine.auth.lifecycle import RevokeSetting, revoke_token
from conn_engine.errors import CredentialError
from conn_engine.settings import Scope, Settings
from conn_engine.wire import ClientCertificate, Clock, Flow

__all__ = ["StaticCredentials"]


class StaticCredentials(Settings, frozen=True, kw_only=True):
    """A credential that is stored as it was typed."""

    ask: Annotated[
        tuple[SuppliedValue, ...],
        Meta(description="Additional values that the account supplies, such as a second key or a tenant's name."),
    ] = ()
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
        """Return a made-up document with the same structure, different for each number. It has no secret."""
        return build_document(
            self.fields(), {field.name: field.sample or f"sample-{number}" for field in self.fields()}
        )

    def is_expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Return False: only the vendor knows."""
        return False

    def due(self, document: Mapping[str, Any], now: float) -> bool:
        """Return False: there is nothing to request."""
        return False

    def imply_authorization(self) -> Bearer | BasicAuthorization | None:
        """Return None: the vendor may expect a key anywhere, so the connector sets it."""
        return None

    def certificate(self, scope: Scope) -> ClientCertificate | None:
        """Return None: there is no client certificate."""
        return None

    def revocation(self, scope: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[None]:
        """Revoke the credential at the vendor. Raises as `revoke_token` does."""
        yield from revoke_token(self.revoke, scope, hosts, clock, absent_parts(self.fields(), scope))

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Return False: only a person can get a new one."""
        return False

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """Return a function that raises CredentialError: there is nothing to exchange."""

        def run(stored: Mapping[str, Any]) -> Flow[dict[str, Any]]:
            raise CredentialError(
                "this kind of credential cannot be renewed",
                hint="log the account in again: `conn auth login ACCOUNT`",
            )
            yield  # makes this a generator, as in the other kinds

        return run
