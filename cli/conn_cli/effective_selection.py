"""Choose the effective configuration for the options of an account, a connector or an operation."""

from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conn_cli.report import Sources
    from conn_engine.config import Effective, Layer, OperationName
    from conn_engine.diagnostics import Diagnostic

__all__ = ["choose_effective", "learn_found_literals", "learn_literals"]


def choose_effective(
    app: App,
    account: str | None,
    connector: str | None,
    operation: str | None = None,
    environment: str | None = None,
) -> "Effective":
    """Return the account's configuration or, without an account, the connector's: the named one, that of an operation
    such as `hubspot:contacts.list`, or the only one with the operation.

    Secrets that its documents contain are redacted from then on. Raises UsageError with the possible connectors.
    """
    effective = _load_effective(app, account, connector, operation, environment)
    learn_literals(app, effective)
    return effective


def learn_literals(
    app: App, *effectives: "Effective", known: "Mapping[int, Layer] | None" = None
) -> "dict[int, Layer]":
    """Add the secrets that their documents contain to the redactor, so that nothing printed or stored shows them.

    Levels that configurations share are searched once, and those in `known` are not searched again. Returns the levels
    by identity, to be passed as `known`.
    """
    from conn_engine.config.literals import literal_secrets

    layers = {id(layer): layer for effective in effectives for layer in effective.layers}
    for key, layer in layers.items():  # overridden values are shown too
        if known is None or known.get(key) is not layer:
            for path, value in literal_secrets(layer.data):
                app.redactor.add(value, f"the literal {path[-1]}")
    return layers


def learn_found_literals(app: App, findings: "Sequence[Diagnostic]", sources: "Sources") -> None:
    """Add the secrets that lint found in documents to the redactor, so that source lines do not show them."""
    for finding in findings:
        span = finding.span
        if finding.code == "SEC101" and span is not None:
            line = sources.line(span.file, span.line)
            end = span.end_column - 1 if span.end_line == span.line else len(line)
            app.redactor.add(line[span.column - 1 : end].strip("\"' "), "a literal secret")


def _load_effective(
    app: App, account: str | None, connector: str | None, operation: str | None, environment: str | None
) -> "Effective":
    workspace = app.workspace
    if account is not None:
        return workspace.effective(account=account, connector=connector, environment=environment)
    if connector is None and operation is not None and ":" in operation:
        connector = operation.partition(":")[0]
    if connector is None:
        connector = _only_connector(app, operation)
    return workspace.effective(account=None, connector=connector, environment=environment)


def _only_connector(app: App, operation: str | None) -> str:
    names = app.workspace.connectors()
    if operation is not None:
        matching = []
        for name in names:
            try:
                app.workspace.effective(account=None, connector=name).resolve(operation)
                matching.append(name)
            except UsageError:
                continue
        names = matching
    if len(names) == 1:
        return names[0]
    if not names:
        if operation is None:
            raise UsageError("the workspace has no connector", hint="add one: conn new NAME")
        operations = [name.text for connector in app.workspace.connectors() for name in _operations(app, connector)]
        near = did_you_mean(operation, [*operations, *(text.partition(".")[2] for text in operations)])
        raise UsageError(f'no connector has the operation "{operation}"', hint=near or "conn show lists the operations")
    raise UsageError(
        f"several connectors are possible: {', '.join(names)}", hint="add --account ACCOUNT or --connector NAME"
    )


def _operations(app: App, connector: str) -> "list[OperationName]":
    return app.workspace.effective(account=None, connector=connector).operations()
