"""What TLS connections are made with: which authorities vouch for servers, and what a client shows of itself."""

import ssl
from pathlib import Path

from conn_engine.errors import ConfigurationError
from conn_engine.wire import ClientCertificate

__all__ = ["build_context"]


def build_context(trusted: Path | None, certificate: ClientCertificate | None, now: float) -> ssl.SSLContext:
    """A client's context. `trusted` is a file with certificates of further authorities; `now` (Unix seconds) judges
    whether the client's own is valid.

    Raises ConfigurationError for files that cannot be used, CredentialError for a certificate that does not serve.
    """
    import httpx

    try:
        made = httpx.create_ssl_context()
    except OSError as error:
        raise ConfigurationError("the certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read") from error
    if trusted is not None:
        _add_trusted(made, trusted)
    if certificate is not None:
        from conn_engine.transport.client_certificate import load_certificate

        load_certificate(certificate, made, now)
    return made


def _add_trusted(made: ssl.SSLContext, path: Path) -> None:
    try:
        made.load_verify_locations(cafile=path)
    except OSError as error:  # also what TLS says of a file that it cannot read
        what = "is not there" if isinstance(error, FileNotFoundError) else "holds no certificates in PEM form"
        raise ConfigurationError(
            f'trusted_certificates: the file "{path.name}" {what}', hint="conn.yaml names it, relative to itself"
        ) from None
