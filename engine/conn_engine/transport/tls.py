"""Build TLS contexts: trusted authorities, and the client's certificate."""

import ssl
from pathlib import Path

from conn_engine.errors import ConfigurationError
from conn_engine.wire import ClientCertificate

__all__ = ["build_context"]


def build_context(trusted: Path | None, certificate: ClientCertificate | None, now: float) -> ssl.SSLContext:
    """Build a client's context. `trusted` is a file with certificates of additional authorities. `now` (Unix seconds)
    checks whether the client's certificate is valid.

    Raises ConfigurationError for unusable files and CredentialError for an unusable certificate.
    """
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
    if certificate is not None:
        from conn_engine.transport.client_certificate import load_certificate

        load_certificate(certificate, tls_context, now)
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
