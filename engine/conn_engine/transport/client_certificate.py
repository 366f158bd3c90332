"""A client's certificate and private key for TLS, checked so that whatever is wrong is said before a server says it in
its own way. No message quotes a key."""

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from conn_engine.errors import CredentialError
from conn_engine.wire import ClientCertificate

if TYPE_CHECKING:
    import ssl

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

__all__ = ["check_certificate", "load_certificate"]

_AGAIN = "log the account in again with both as the vendor gave them, their first and last lines too"
_LONGEST = 256 * 1024


def check_certificate(certificate: ClientCertificate, now: float | None = None) -> None:
    """Raise CredentialError unless the two can be read and belong together, and are good at `now` if it is given."""
    chain, _ = _parse_certificate(certificate)
    if now is not None:
        _check_dates(chain[0], now)


def load_certificate(certificate: ClientCertificate, into: "ssl.SSLContext", now: float) -> None:
    """Show the certificate in connections of the context. Raises CredentialError as `check` does.

    The library reads files alone: the key is written to one for that moment, encrypted with a passphrase that nobody
    keeps.
    """
    import tempfile

    from cryptography.hazmat.primitives import serialization

    chain, key = _parse_certificate(certificate)
    _check_dates(chain[0], now)
    word = secrets.token_hex(32)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(word.encode()),
    )
    text += b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    handle, name = tempfile.mkstemp(prefix="conn-", suffix=".pem")  # for this user alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        into.load_cert_chain(name, password=word)
    except OSError as error:  # SSLError is one
        raise CredentialError("the account's client certificate cannot be used here") from error
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _parse_certificate(certificate: ClientCertificate) -> "tuple[list[Certificate], PrivateKeyTypes]":
    from cryptography.hazmat.primitives import serialization

    chain = _parse_chain(certificate.chain)
    key = _parse_key(certificate)
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if chain[0].public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise CredentialError(
            "the account's private key is not that of its client certificate",
            hint="of several certificates the client's own comes first; " + _AGAIN,
        )
    return chain, key


def _check_dates(certificate: "Certificate", now: float) -> None:
    moment = datetime.fromtimestamp(now, UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if moment >= ends:
        raise CredentialError(
            f"the account's client certificate ended at {ends:%Y-%m-%d %H:%M} UTC",
            hint="get a new one from the vendor and log the account in again; or this machine's clock is wrong",
        )
    if moment < begins:
        raise CredentialError(
            f"the account's client certificate is good from {begins:%Y-%m-%d %H:%M} UTC on only",
            hint="check this machine's clock",
        )


def _parse_chain(text: str) -> "list[Certificate]":
    from cryptography import x509

    if len(text) > _LONGEST or "-----BEGIN CERTIFICATE-----" not in text:
        raise CredentialError("the account's client certificate is no certificate in PEM form", hint=_AGAIN)
    try:
        return x509.load_pem_x509_certificates(text.replace("\\n", "\n").encode("utf-8", "replace"))
    except ValueError:
        raise CredentialError("the account's client certificate cannot be read", hint=_AGAIN) from None


def _parse_key(certificate: ClientCertificate) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = certificate.key.replace("\\n", "\n")
    if len(text) > _LONGEST or "-----BEGIN" not in text:
        raise CredentialError("the account's private key is no key in PEM form", hint=_AGAIN)
    word = certificate.passphrase.encode() if certificate.passphrase else None
    try:
        return load_pem_private_key(text.encode("utf-8", "replace"), word)
    except TypeError:  # what `cryptography` raises for a passphrase too many or too few
        if word is not None:
            return _parse_key(ClientCertificate(certificate.chain, certificate.key))  # it needs none
        raise CredentialError(
            "the account's private key is encrypted, and there is no passphrase", hint="log the account in with it"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        what = "cannot be read: the passphrase is wrong, or it" if word else "cannot be read: it"
        raise CredentialError(f"the account's private key {what} is malformed", hint=_AGAIN) from None
