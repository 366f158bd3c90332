"""Describe network failures in one line, for `live`. It raises nothing itself."""

import socket
import ssl

from conn_engine.errors import ConnError, FaultKind, TransportError
from conn_engine.transport.egress import AddressRefusal
from conn_engine.transport.proxies import build_proxy_failure, show_proxy
from conn_engine.transport.redirects import Hop, build_host_error
from conn_engine.wire import Request

__all__ = ["build_outage_error"]


def build_outage_error(
    error: Exception, hop: Hop, request: Request, connect_seconds: float, proxy: str = ""
) -> ConnError:
    """Describe any failure of an exchange in one line, without strings of library errors that may quote a header.

    Returns a TransportError, unless nothing was sent because of the address: see `egress`. `proxy` is the URL of the
    proxy in use, whose failures are not attributed to the vendor.
    """
    import httpcore

    if isinstance(error, AddressRefusal):
        return build_host_error(hop, request, error.reason)
    if (
        proxy
        and (failure := build_proxy_failure(error, _find_root(error), proxy, hop.target, connect_seconds)) is not None
    ):
        message = f"{request.label or request.method}: {failure.message}"
        return TransportError(message, request=request, retryable=failure.retryable, fault="proxy", hint=failure.hint)
    where = hop.target.authority
    setting = "token_url" if request.purpose == "token" else "base_url"
    cause = _find_root(error)
    retryable = False
    fault: FaultKind = "other"
    hint = ""
    if isinstance(error, httpcore.ConnectTimeout):
        problem, fault, retryable = f"no connection to {where} within {connect_seconds:g} seconds", "connect", True
    elif isinstance(cause, socket.gaierror):
        problem, fault = f"the host {hop.target.host} is unknown", "dns"
        hint = f"check {setting}, and the network"
        # An unknown name will still be unknown in a second; a failed look-up may succeed.
        retryable = cause.errno not in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
    elif isinstance(cause, ssl.SSLCertVerificationError):
        problem = f"the certificate of {where} is not trusted: {cause.verify_message}"
        fault = "tls"
        hint = _suggest_fix(cause)
    elif isinstance(cause, ssl.SSLError) and (refusal := _describe_certificate_alert(cause, request)):
        problem, fault = f"{where} {refusal}", "tls"
        hint = "use a client certificate (`mtls`) that the vendor knows as the account's credential"
    elif isinstance(error, httpcore.ConnectError):
        problem, fault = f"cannot connect to {where}: {_describe_reason(cause)}", "connect"
        retryable = isinstance(cause, ConnectionResetError)
        if isinstance(cause, ConnectionRefusedError):
            fault = "refused"
            hint = f"check the host and port of {setting}, and that the server is running"
        elif isinstance(cause, ssl.SSLError):
            fault = "tls"
            hint = f"check {setting}: for a server without TLS, write http://"
    elif isinstance(error, (httpcore.TimeoutException, TimeoutError)):
        problem, fault = (
            f"{where} did not send a complete response within {request.timeout_seconds:g} seconds",
            "timeout",
        )
    elif isinstance(error, httpcore.LocalProtocolError):
        problem = "the request has a method or header that HTTP does not allow"
    elif isinstance(error, httpcore.RemoteProtocolError):
        problem, fault = f"{where} closed the connection early or did not send HTTP", _find_fault_kind(error)
        retryable = True
    elif isinstance(error, (httpcore.NetworkError, OSError)):
        problem, fault = f"the connection to {where} broke: {_describe_reason(cause)}", "reset"
        retryable = True
    else:
        problem = f"the exchange with {where} failed ({type(error).__name__})"
    through = f" (through the proxy {show_proxy(proxy)})" if proxy else ""
    message = f"{request.label or request.method}: {problem}{through}"
    return TransportError(message, request=request, retryable=retryable, fault=fault, hint=hint)


_NOT_YET, _EXPIRED = 9, 10  # of X.509 verification


def _suggest_fix(cause: ssl.SSLCertVerificationError) -> str:
    if cause.verify_code in (_NOT_YET, _EXPIRED):
        return "check this machine's clock; if it is right, the vendor's certificate is invalid"
    return (
        "if a private authority issued it, add that authority's certificate to trusted_certificates in conn.yaml; "
        "behind a proxy that inspects traffic, set SSL_CERT_FILE to the proxy's"
    )


def _describe_certificate_alert(cause: ssl.SSLError, request: Request) -> str:
    """Return how a server rejects the client's certificate, by the alert that closes the connection, or ""."""
    reason = cause.reason or ""
    if "ALERT" not in reason or not ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason or "HANDSHAKE" in reason):
        return ""
    if request.certificate is None:
        return "" if "HANDSHAKE" in reason else "asks for a client certificate"
    return f"refuses the client certificate ({reason})"


def _find_fault_kind(error: Exception) -> FaultKind:
    """Classify the HTTP library's text: a short body, a connection closed early, or no HTTP."""
    text = str(error)
    if "without sending complete message body" in text or "incomplete chunked read" in text:
        return "truncated"
    return "reset" if "disconnected" in text else "protocol"


def _find_root(error: BaseException) -> BaseException:
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return cause


def _describe_reason(cause: BaseException) -> str:
    if isinstance(cause, ConnectionRefusedError):
        return "it refuses the connection"
    if isinstance(cause, ConnectionResetError):
        return "reset by the other side"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed ({cause.reason or 'no reason given'})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__
