"""Failures of the network in one line of plain words, for `live`. Raises nothing itself."""

import socket
import ssl

from conn_engine.errors import TransportError
from conn_engine.transport.redirects import Hop
from conn_engine.wire import Request

__all__ = ["outage"]


def outage(error: Exception, hop: Hop, request: Request, connect_seconds: float) -> TransportError:
    """Any failure of an exchange in one line. Never the text of a library's error that may quote a header."""
    import httpcore

    where = hop.target.authority
    cause = _root(error)
    retryable = False
    hint = ""
    if isinstance(error, httpcore.ConnectTimeout):
        what = f"no connection to {where} within {connect_seconds:g} seconds"
    elif isinstance(cause, socket.gaierror):
        what = f"the host {hop.target.host} is unknown"
        hint = "check base_url, and the network"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        what = f"the certificate of {where} is not trusted: {cause.verify_message}"
        hint = "behind a proxy that inspects traffic, SSL_CERT_FILE names its certificate"
    elif isinstance(error, httpcore.ProxyError):
        what = f"the proxy refuses to connect to {where}"
    elif isinstance(error, httpcore.UnsupportedProtocol):
        what = f"the proxy for {where} speaks a protocol that is not supported"
    elif isinstance(error, httpcore.ConnectError):
        what = f"cannot connect to {where}: {_reason(cause)}"
        if isinstance(cause, ConnectionRefusedError):
            hint = "nothing listens there: check host and port of base_url, and that the server runs"
        elif isinstance(cause, ssl.SSLError):
            hint = "check base_url: a server without TLS is reached by http://"
    elif isinstance(error, (httpcore.TimeoutException, TimeoutError)):
        what = f"{where} did not answer in full within {request.timeout_seconds:g} seconds"
    elif isinstance(error, httpcore.LocalProtocolError):
        what = "the request has a method or header that HTTP does not allow"
    elif isinstance(error, httpcore.RemoteProtocolError):
        what = f"{where} broke off or did not speak HTTP"
        retryable = True
    elif isinstance(error, (httpcore.NetworkError, OSError)):
        what = f"the connection to {where} broke: {_reason(cause)}"
        retryable = True
    else:
        what = f"the exchange with {where} failed ({type(error).__name__})"
    return TransportError(f"{request.label or request.method}: {what}", request=request, retryable=retryable, hint=hint)


def _root(error: BaseException) -> BaseException:
    seen: BaseException = error
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    return seen


def _reason(cause: BaseException) -> str:
    if isinstance(cause, ConnectionRefusedError):
        return "it refuses the connection"
    if isinstance(cause, ConnectionResetError):
        return "reset by the other side"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed ({cause.reason or 'no reason given'})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__
