"""An account's client certificate, and flows whose requests use it. The transport presents it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from conn_engine.auth.credential_document import CredentialField
from conn_engine.errors import ConnError, CredentialError
from conn_engine.wire import ClientCertificate, Flow, Request

__all__ = ["CERTIFICATE_FIELDS", "CERTIFICATE_NAMES", "add_certificate", "read_certificate"]

T = TypeVar("T")

CERTIFICATE_FIELDS = [
    CredentialField("certificate", "Client certificate (PEM)", secret=False, lines=True),
    CredentialField("private_key", "Private key of the certificate (PEM)", lines=True),
    CredentialField("passphrase", "Passphrase of the private key", required=False),
]
CERTIFICATE_NAMES = frozenset(asked.name for asked in CERTIFICATE_FIELDS)


def read_certificate(document: Mapping[str, Any]) -> ClientCertificate:
    """Return the certificate of a document (or of a scope with its keys). Raises CredentialError when there is none."""
    chain, key, passphrase = (document.get(field.name) for field in CERTIFICATE_FIELDS)
    if not chain or not key:
        raise CredentialError(
            "the account has no client certificate with a private key",
            hint="log the account in: `conn auth login ACCOUNT`",
        )
    return ClientCertificate(str(chain), str(key), str(passphrase) if passphrase else None)


def add_certificate(flow: Flow[T], certificate: ClientCertificate) -> Flow[T]:
    """Return the flow with the certificate added to each of its requests."""
    response: Any = None
    pending_error: ConnError | None = None
    while True:
        try:
            effect = flow.throw(pending_error) if pending_error is not None else flow.send(response)
        except StopIteration as stop:
            result: T = stop.value
            return result
        response, pending_error = None, None
        try:
            response = yield replace(effect, certificate=certificate) if isinstance(effect, Request) else effect
        except ConnError as error:
            pending_error = error
