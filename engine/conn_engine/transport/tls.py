"""Build TLS contexts: trusted authorities, and the client's certificate."""

import os
import ssl
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from conn_engine.errors import ConfigurationError
from conn_engine.wire import ClientCertificate

__all__ = ["build_context"]


def build_context(trusted: Path | None, certificate: ClientCertificate | None, now: float) -> ssl.SSLContext:
    """Build a client's context, or return the one that was built for the same authorities.

    `trusted` is a file with certificates of additional authorities. `now` (Unix seconds) checks whether the client's
    certificate is valid.

    Raises ConfigurationError for unusable files and CredentialError for an unusable certificate.
    """
    if certificate is None:
        return _build_shared(*_identify_authorities(trusted))
    from conn_engine.transport.client_certificate import load_certificate

    tls_context = _build(trusted)
    load_certificate(certificate, tls_context, now)
    return tls_context


def _identify_authorities(trusted: Path | None) -> tuple[Path | None, tuple[object, ...]]:
    """Return what decides which authorities a context trusts: files, as they are now."""
    names = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    stamps: list[object] = [*names]
    for name in (part for part in (trusted, *names) if part):
        with suppress(OSError):
            status = Path(name).stat()
            stamps.append((name, status.st_mtime_ns, status.st_size, status.st_ino))
    return trusted, tuple(stamps)


@lru_cache(maxsize=16)
def _build_shared(trusted: Path | None, _stamps: tuple[object, ...]) -> ssl.SSLContext:
    """Build a context without a client's certificate once for all transports: it takes 8 ms."""
    return _build(trusted)


def _build(trusted: Path | None) -> ssl.SSLContext:
    import httpx

    try:
        tls_context = httpx.create_ssl_context()
    except OSError as error:
        raise ConfigurationError(
            "the certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read",
            hint="correct these variables, or unset them",
        ) from error
    if trusted is not None:
        _add_trusted(tls_context, trusted)
    return tls_context


def _add_trusted(tls_context: ssl.SSLContext, path: Path) -> None:
    try:
        tls_context.load_verify_locations(cafile=path)
    except OSError as error:  # TLS also raises it for an unreadable file
        problem = "does not exist" if isinstance(error, FileNotFoundError) else "has no certificates in PEM form"
        raise ConfigurationError(
            f'trusted_certificates: the file "{path.name}" {problem}',
            hint="correct trusted_certificates in conn.yaml; paths are relative to conn.yaml",
        ) from None
