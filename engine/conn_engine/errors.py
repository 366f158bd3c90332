"""Exceptions, by who must act.

ConnError
├── UsageError             the caller: a wrong argument                      exit 2
├── ConfigurationError     the author: a document cannot be used             exit 3
│   ├── DisabledError      the author: `enabled: false` for an operation     exit 3
│   └── ExpressionError    the author: an expression fails                   exit 3
│       └── ParameterError     the caller: a name that a template needs      exit 2
├── CredentialError        the account: no or a refused credential           exit 5
├── VendorError            the vendor: an error response                     exit 4
│   └── TransportError     the network: no usable response                   exit 4
├── MissingRecording       the author: nothing recorded for this request     exit 6
├── IncompleteError        the author or vendor: a listing lacks records     exit 1
└── InternalError          us                                                exit 70
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from conn_engine.diagnostics import Diagnostic

if TYPE_CHECKING:
    from conn_engine.wire import Completeness, Request, Response

__all__ = [
    "Category",
    "ConfigurationError",
    "ConnError",
    "CredentialError",
    "DisabledError",
    "ErrorKind",
    "ExpressionError",
    "FaultKind",
    "IncompleteError",
    "InternalError",
    "MissingRecording",
    "ParameterError",
    "TransportError",
    "UsageError",
    "VendorError",
]

ErrorKind = Literal[
    "invalid_request",
    "unauthorized",
    "forbidden",
    "not_found",
    "conflict",
    "rate_limited",
    "vendor_unavailable",
    "bad_response",
]

FaultKind = Literal["dns", "connect", "refused", "tls", "reset", "truncated", "timeout", "proxy", "protocol", "other"]
"""Why there is no response: the host name is unknown; no connection in time; the connection is refused; TLS failed; the
connection broke; the response ended early; it did not arrive in time; the proxy; not HTTP; anything else."""


Category = Literal["unknown", "input", "missing", "refused", "answer", "store", "host", "budget"]
"""What a program needs to know beyond the class of an error: the named thing does not exist; a value of the caller made
an expression fail; the account has no (complete) credential; the vendor refused the credential; the vendor's answer to
a token request cannot be used; the place with the credentials cannot be used now; the host may not be reached; a budget
of our own is used up."""


class ConnError(Exception):
    """Base of all errors raised on purpose: `message` is one line, `hint` is the fix, `findings` are the places.

    `category` distinguishes errors of one class for programs that must react differently.
    """

    exit_code = 70

    def __init__(
        self, message: str, *, hint: str = "", findings: Sequence[Diagnostic] = (), category: Category | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.findings = tuple(findings)
        self.category = category

    def __reduce__(self) -> tuple[Any, ...]:
        """Let errors be pickled and copied whatever the arguments of their class are. The request and the response are
        left out: they contain credentials."""
        values = {name: None if name in ("request", "response") else value for name, value in vars(self).items()}
        return _restore_error, (type(self), self.args, values)


def _restore_error(kind: type[ConnError], arguments: tuple[Any, ...], values: Mapping[str, Any]) -> ConnError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(values)
    return error


class UsageError(ConnError):
    """The call is wrong: an unknown operation, account or option value."""

    exit_code = 2


class ConfigurationError(ConnError):
    """A document cannot be read, is invalid, or lacks what an operation needs."""

    exit_code = 3


class DisabledError(ConfigurationError):
    """The called operation is disabled, or calls one that is. `disabled` is the operation with `enabled: false`."""

    def __init__(self, message: str, *, disabled: str, hint: str = "", findings: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message, hint=hint, findings=findings)
        self.disabled = disabled


class ExpressionError(ConfigurationError):
    """An expression does not parse or fails on its input.

    `code` is the evaluator's (JSONata) code, `text` the source of the expression, `offset` a 0-based character offset
    in it or -1, `token` the culprit, and `at` the dotted configuration path of the string that contains it (empty until
    a caller that knows it fills it in). For a template, `text` is the complete string and `offset` counts in it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        text: str = "",
        offset: int = -1,
        token: str = "",
        at: str = "",
        hint: str = "",
        findings: Sequence[Diagnostic] = (),
    ) -> None:
        super().__init__(message, hint=hint, findings=findings)
        self.code = code
        self.text = text
        self.offset = offset
        self.token = token
        self.at = at


class ParameterError(ExpressionError):
    """A value that a template needs from the caller (`{{id}}`, `{{params.title}}`) is missing or not allowed there."""

    exit_code = 2

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.token.removeprefix("params.")


class CredentialError(ConnError):
    """An account has no credential, or the vendor refuses the one it has."""

    exit_code = 5


class VendorError(ConnError):
    """The vendor responded with an error. `kind` is canonical, `retry_after` is in seconds, and `vendor_message`
    is the vendor's own text.

    `limits` has the quotas that a rate-limited response reports, in the form of a `Page`'s headers.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        request: "Request | None" = None,
        response: "Response | None" = None,
        retry_after: float | None = None,
        details: Any = None,
        vendor_message: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.vendor_message = vendor_message or message
        self.kind: ErrorKind = kind
        self.request = request
        self.response = response
        self.retry_after = retry_after
        self.details = details
        self.partition: Mapping[str, Any] = {}  # of a fanned-out operation: the item that failed
        self.limits: Mapping[str, str] = {}
        self.halvings = 0  # how often the window may be halved, because too much was requested

    @property
    def status(self) -> int | None:
        """HTTP status of the response, if there was one."""
        return self.response.status if self.response is not None else None


class TransportError(VendorError):
    """No usable response: DNS, connection, timeout, truncated body, refused redirect. Transient faults are `retryable`.
    `fault` is the name that error rules use."""

    def __init__(
        self,
        message: str,
        *,
        request: "Request | None" = None,
        retryable: bool = True,
        fault: FaultKind = "other",
        hint: str = "",
    ) -> None:
        super().__init__(message, kind="vendor_unavailable", request=request, hint=hint)
        self.retryable = retryable
        self.fault: FaultKind = fault


class MissingRecording(ConnError):
    """No recorded exchange matches this request."""

    exit_code = 6


class IncompleteError(ConnError):
    """A listing ended with records missing. `verdict` is that of its last page, and `count` is the number of records
    that arrived."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        verdict: "Completeness",
        count: int,
        hint: str = "",
        findings: Sequence[Diagnostic] = (),
    ) -> None:
        super().__init__(message, hint=hint, findings=findings)
        self.verdict = verdict
        self.count = count


class InternalError(ConnError):
    """A bug in the engine."""

    exit_code = 70
