"""The transport of a dry run, which sends nothing, and the format of a request as a curl command."""

import json
import re
import shlex
from contextlib import suppress
from typing import Protocol
from urllib.parse import unquote_plus

from conn_engine.secrets import REDACTED, Redactor, is_secret_name
from conn_engine.transport import gateway
from conn_engine.wire import Request, Response

__all__ = ["DryRunEnd", "PlanTransport", "ReadOnlySender", "format_curl"]

_UNSEEN = frozenset({"accept-encoding", "content-length", "host", "connection"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,20}) +(\S.*)")
_UNFIT = re.compile(
    r"[^ -\u00ff]|[\x7f-\xa0\xad]|##"
)  # candidates, checked in detail: most letters of the world are safe


class _InnerSender(Protocol):
    def send(self, request: Request) -> Response: ...


class DryRunEnd(Exception):
    """Ends an operation at its first `request`. It is not a ConnError, so that no flow catches it.

    It passes through the driver to the caller of the dry run, because later requests depend on the response.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(f"would send {request.method}")
        self.request = request


class PlanTransport:
    """A transport, sync and async, that collects `requests` and sends none, including reads and steps."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        """Collect the request and raise DryRunEnd."""
        self.requests.append(request)
        raise DryRunEnd(request)

    async def asend(self, request: Request) -> Response:
        """Collect the request and raise DryRunEnd, like `send`."""
        return self.send(request)


class ReadOnlySender:
    """Sends reads through another transport, and raises DryRunEnd at the first request that writes.

    `reads` are the requests of operations and steps that it sent.
    """

    def __init__(self, inner: _InnerSender) -> None:
        self._inner = inner
        self.reads: list[Request] = []

    def send(self, request: Request) -> Response:
        """Send a read, or raise DryRunEnd for a write."""
        if request.writes:
            raise DryRunEnd(request)
        if request.purpose in ("operation", "step"):
            self.reads.append(request)
        return self._inner.send(request)

    def close(self) -> None:
        """Close the inner transport."""
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


def format_curl(request: Request, redactor: Redactor) -> str:
    """Format the request as a command for any POSIX shell. Secrets are variables for the reader to set: `"$TOKEN"`.

    Control and invisible characters are written by `printf`, and a body with such characters is piped in. A body that
    is not text is named as `@body.bin`.
    """
    request = request.visible
    words = [_format_method(request)]
    words.append(_quote_url(gateway.encode_url(redactor.url(request.url))))
    for name, value in request.headers.pairs:
        if name.lower() not in _UNSEEN:
            words.append(f"-H {_format_header(name, value, redactor)}")
    piped = ""
    if request.body or request.payload is not None:
        if "content-type" not in request.headers:
            words.append("-H 'Content-Type:'")  # curl would send it as a form
        piped, data = _format_body(request, redactor)
        words.append(data)
    return piped + " \\\n  ".join(words)


def _format_method(request: Request) -> str:
    method = request.method.upper()
    if method == "HEAD":
        return "curl --head"
    implied = "POST" if request.body or request.payload is not None else "GET"
    return "curl" if method == implied else f"curl -X {shlex.quote(method)}"


def _format_header(name: str, value: str, redactor: Redactor) -> str:
    if not is_secret_name(name):
        return _quote(f"{name}: {redactor.text(value)}", _to_variable(name))
    scheme = _SCHEME.fullmatch(value)
    if scheme and name.lower().endswith("authorization"):
        variable = "TOKEN" if scheme[1].lower() == "bearer" else f"{scheme[1].upper()}_CREDENTIALS"
        return _quote(f"{name}: {scheme[1]} {REDACTED}", _to_variable(variable))
    return _quote(f"{name}: {REDACTED}", _to_variable(name))


def _quote_url(url: str) -> str:
    """Replace redacted parameters by variables with their name."""
    parts = re.split(r"([?&][^=&#?]*=[^&#]*)", url)
    words = []
    for part in parts:
        name = part.lstrip("?&").partition("=")[0]
        words.append(_quote(part, _to_variable(unquote_plus(name)) if REDACTED in part else "SECRET") if part else "")
    return re.sub(r"''", "", "".join(words)) or "''"


def _format_body(request: Request, redactor: Redactor) -> tuple[str, str]:
    """Return what precedes the command, and the option for the body."""
    kind = request.headers.get("content-type", "")
    raw = request.body or b""
    text = None
    if request.payload is None:
        with suppress(UnicodeDecodeError):
            text = raw.decode()
    if text is None:
        return "", "--data-binary @body.bin"
    if "x-www-form-urlencoded" in kind:
        clean = redactor.url(f"?{text}")[1:]
    elif text[:1] in ("{", "["):
        clean = _redact_json(text, redactor)
    else:
        clean = redactor.text(text)
    if _is_unfit(clean):
        return f"{_format_printf(clean, 'SECRET')} |\n", "--data-binary @-"
    return "", f"--data-raw {_quote(clean, 'SECRET')}"  # raw: a body that begins with @ is not a file name


def _redact_json(text: str, redactor: Redactor) -> str:
    try:
        data = json.loads(text)
        clean = redactor.data(data)
    except (ValueError, RecursionError):
        return redactor.text(text)
    return text if clean == data else json.dumps(clean, ensure_ascii=False)


def _to_variable(name: str) -> str:
    word = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    return word if word and not word[0].isdigit() else f"SECRET_{word}".rstrip("_")


def _quote(text: str, variable: str) -> str:
    """Quote a string for the shell. Each redaction becomes a variable outside the single quotes, so that it expands."""
    if _is_unfit(text):
        return f'"$({_format_printf(text, variable)})"'
    pieces = [_quote_word(piece) if piece else "" for piece in text.split(REDACTED)]
    return f'"${variable}"'.join(pieces) or "''"


def _quote_word(text: str) -> str:
    return f"'{text}'" if "'" not in text else shlex.quote(text)


def _is_unfit(text: str) -> bool:
    """Return whether a string cannot be in a command unchanged: a terminal or a CI system would interpret it."""
    return any(match[0] == "##" or not match[0].isprintable() for match in _UNFIT.finditer(text))


def _format_printf(text: str, variable: str) -> str:
    """Return a command for any POSIX shell that prints the text, with unsafe characters as octal numbers."""
    pieces = text.split(REDACTED)
    written = "%s".join(_to_octal(piece) for piece in pieces)
    written = f"\\055{written[1:]}" if written[0] == "-" else written  # or it would be an option
    return " ".join([f"printf {_quote_word(written)}", *[f'"${variable}"'] * (len(pieces) - 1)])


def _to_octal(text: str) -> str:
    def escape_match(match: re.Match[str]) -> str:
        if match[0].isprintable():
            return "\\043#" if match[0] == "##" else match[0]
        return "".join(f"\\{byte:03o}" for byte in match[0].encode("utf-8", "surrogateescape"))

    return _UNFIT.sub(escape_match, text.replace("\\", "\\\\").replace("%", "%%"))
