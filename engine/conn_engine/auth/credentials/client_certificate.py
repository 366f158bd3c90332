"""A client certificate in an account's document, and flows whose requests show it. Using it is the transport's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from conn_engine.auth.names import CredentialField
from conn_engine.errors import ConnError, CredentialError
from conn_engine.wire import ClientCertificate, Flow, Request

__all__ = ["CERTIFICATE_FIELDS", "CERTIFICATE_NAMES", "certificate_of", "show_certificate"]

T = TypeVar("T")

CERTIFICATE_FIELDS = [
    CredentialField("certificate", "Client certificate (PEM)", secret=False, lines=True),
    CredentialField("private_key", "Private key of the certificate (PEM)", lines=True),
    CredentialField("passphrase", "Passphrase of the private key", required=False),
]
CERTIFICATE_NAMES = frozenset(asked.name for asked in CERTIFICATE_FIELDS)


def certificate_of(document: Mapping[str, Any]) -> ClientCertificate:
    """The certificate of a document (or of a scope that has its keys). Raises CredentialError when there is none."""
    chain, key, passphrase = (document.get(asked.name) for asked in CERTIFICATE_FIELDS)
    if not chain or not key:
        raise CredentialError(
            "the account has no client certificate with its private key",
            hint="log the account in: `conn auth login ACCOUNT`",
        )
    return ClientCertificate(str(chain), str(key), str(passphrase) if passphrase else None)


def show_certificate(flow: Flow[T], certificate: ClientCertificate) -> Flow[T]:
    """The flow, whose requests show the certificate."""
    answer: Any = None
    fault: ConnError | None = None
    while True:
        try:
            effect = flow.throw(fault) if fault is not None else flow.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found
        answer, fault = None, None
        try:
            answer = yield replace(effect, certificate=certificate) if isinstance(effect, Request) else effect
        except ConnError as error:
            fault = error
