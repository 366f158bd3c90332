"""The engine: executes connectors that are data, with no integration-specific code. This is its public face.

    from conn_engine import Call, connect, load_workspace

    with connect(load_workspace("."), "acme", environ=os.environ) as acme:
        for page in acme.pages("contacts.list", Call(query={"limit": 100})):
            ...

Names are imported when they are first used, so that importing the face costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName, Workspace, load_workspace
    from conn_engine.diagnostics import Diagnostic, Severity, Span
    from conn_engine.diagnostics.codes import CODES
    from conn_engine.errors import (
        ConfigurationError,
        ConnError,
        CredentialError,
        DisabledError,
        ExpressionError,
        IncompleteError,
        InternalError,
        MissingRecording,
        TransportError,
        UsageError,
        VendorError,
    )
    from conn_engine.expressions.isolation import Isolation
    from conn_engine.lint import lint_paths
    from conn_engine.releases import ReleaseSource
    from conn_engine.responses.failures import Policy
    from conn_engine.runtime.call import Call, Session
    from conn_engine.runtime.connection import AsyncConnection, Connection, aconnect, connect
    from conn_engine.runtime.drive import adrive, drive
    from conn_engine.runtime.operation import perform
    from conn_engine.runtime.webhooks import Event, Receipt, Receiver
    from conn_engine.secrets import Redactor, Secret, Vault
    from conn_engine.secrets.vault import open_vault
    from conn_engine.testing.effects import override_report
    from conn_engine.testing.recorded_effects import compare_configurations
    from conn_engine.testing.suite import Selection, run_suite
    from conn_engine.webhooks import Delivery
    from conn_engine.wire import Completeness, FieldProblem, Flow, Headers, Page, Renew, Request, Response, Wait

_HOMES = {
    "conn_engine.diagnostics.codes": ("CODES",),
    "conn_engine.config": ("Effective", "OperationName", "Workspace", "load_workspace"),
    "conn_engine.diagnostics": ("Diagnostic", "Severity", "Span"),
    "conn_engine.errors": (
        "ConfigurationError",
        "ConnError",
        "CredentialError",
        "DisabledError",
        "ExpressionError",
        "IncompleteError",
        "InternalError",
        "MissingRecording",
        "TransportError",
        "UsageError",
        "VendorError",
    ),
    "conn_engine.expressions.isolation": ("Isolation",),
    "conn_engine.responses.failures": ("Policy",),
    "conn_engine.lint": ("lint_paths",),
    "conn_engine.releases": ("ReleaseSource",),
    "conn_engine.runtime.call": ("Call", "Session"),
    "conn_engine.runtime.connection": ("AsyncConnection", "Connection", "aconnect", "connect"),
    "conn_engine.runtime.drive": ("adrive", "drive"),
    "conn_engine.testing.effects": ("override_report",),
    "conn_engine.testing.recorded_effects": ("compare_configurations",),
    "conn_engine.runtime.operation": ("perform",),
    "conn_engine.testing.suite": ("Selection", "run_suite"),
    "conn_engine.runtime.webhooks": ("Event", "Receipt", "Receiver"),
    "conn_engine.secrets": ("Redactor", "Secret", "Vault"),
    "conn_engine.secrets.vault": ("open_vault",),
    "conn_engine.webhooks": ("Delivery",),
    "conn_engine.wire": (
        "Completeness",
        "FieldProblem",
        "Flow",
        "Headers",
        "Page",
        "Renew",
        "Request",
        "Response",
        "Wait",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CODES",
    "AsyncConnection",
    "Call",
    "Completeness",
    "ConfigurationError",
    "ConnError",
    "Connection",
    "CredentialError",
    "Delivery",
    "Diagnostic",
    "DisabledError",
    "Effective",
    "Event",
    "ExpressionError",
    "FieldProblem",
    "Flow",
    "Headers",
    "IncompleteError",
    "InternalError",
    "Isolation",
    "MissingRecording",
    "OperationName",
    "Page",
    "Policy",
    "Receipt",
    "Receiver",
    "Redactor",
    "ReleaseSource",
    "Renew",
    "Request",
    "Response",
    "Secret",
    "Selection",
    "Session",
    "Severity",
    "Span",
    "TransportError",
    "UsageError",
    "Vault",
    "VendorError",
    "Wait",
    "Workspace",
    "aconnect",
    "adrive",
    "compare_configurations",
    "connect",
    "drive",
    "lint_paths",
    "load_workspace",
    "open_vault",
    "override_report",
    "perform",
    "run_suite",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home when it is first asked for."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
