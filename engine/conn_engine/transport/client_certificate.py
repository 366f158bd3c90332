"""Check a client's certificate and private key for TLS, so that errors are reported before a server rejects them. No
message quotes a key."""

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

_AGAIN = "log the account in again with both as the vendor provides them, including their first and last lines"
_LONGEST = 256 * 1024


def check_certificate(certificate: ClientCertificate, now: float | None = None) -> None:
    """Raise CredentialError unless both can be read, belong together, and are valid at `now` (if it is given)."""
    chain, _ = _parse_certificate(certificate)
    if now is not None:
        _check_dates(chain[0], now)


def load_certificate(certificate: ClientCertificate, into: "ssl.SSLContext", now: float) -> None:
    """Add the certificate to connections of the context. Raises CredentialError like `check_certificate`.

    The TLS library only reads files, so the key is written to a temporary file, encrypted with a random passphrase.
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
    text += b"".join(chain_certificate.public_bytes(serialization.Encoding.PEM) for chain_certificate in chain)
    handle, name = tempfile.mkstemp(prefix="conn-", suffix=".pem")  # only for this user
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        into.load_cert_chain(name, password=word)
    except OSError as error:  # SSLError is one
        raise CredentialError(
            "the account's client certificate cannot be used",
            hint="log the account in again with the certificate and its private key",
        ) from error
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
            "the account's private key does not belong to its client certificate",
            hint="put the client's certificate before the others; " + _AGAIN,
        )
    return chain, key


def _check_dates(certificate: "Certificate", now: float) -> None:
    moment = datetime.fromtimestamp(now, UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if moment >= ends:
        raise CredentialError(
            f"the account's client certificate expired at {ends:%Y-%m-%d %H:%M} UTC",
            hint="get a new one from the vendor and log the account in again, or correct this machine's clock",
        )
    if moment < begins:
        raise CredentialError(
            f"the account's client certificate is not valid before {begins:%Y-%m-%d %H:%M} UTC",
            hint="check this machine's clock",
        )


def _parse_chain(text: str) -> "list[Certificate]":
    from cryptography import x509

    if len(text) > _LONGEST or "-----BEGIN CERTIFICATE-----" not in text:
        raise CredentialError("the account's client certificate is not in PEM form", hint=_AGAIN)
    try:
        return x509.load_pem_x509_certificates(text.replace("\\n", "\n").encode("utf-8", "replace"))
    except ValueError:
        raise CredentialError("the account's client certificate cannot be read", hint=_AGAIN) from None


def _parse_key(certificate: ClientCertificate) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = certificate.key.replace("\\n", "\n")
    if len(text) > _LONGEST or "-----BEGIN" not in text:
        raise CredentialError("the account's private key is not in PEM form", hint=_AGAIN)
    word = certificate.passphrase.encode() if certificate.passphrase else None
    try:
        return load_pem_private_key(text.encode("utf-8", "replace"), word)
    except TypeError:  # `cryptography` raises it for a missing or an unneeded passphrase
        if word is not None:
            return _parse_key(ClientCertificate(certificate.chain, certificate.key))  # it needs no passphrase
        raise CredentialError(
            "the account's private key is encrypted, and no passphrase is stored",
            hint="log the account in with the passphrase",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        problem = "cannot be read: the passphrase is wrong, or it" if word else "cannot be read: it"
        raise CredentialError(f"the account's private key {problem} is malformed", hint=_AGAIN) from None
