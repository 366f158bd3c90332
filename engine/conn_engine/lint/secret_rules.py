"""Rules for secrets that are written where everything can read them."""

from collections.abc import Iterator

from conn_engine.config import format_place
from conn_engine.config.literals import literal_secrets
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.target import LintTarget

__all__ = ["find_literal_secrets", "find_secrets_in_context"]


def find_literal_secrets(view: LayerView) -> Iterator[Diagnostic]:
    """SEC101: a document contains a secret."""
    for path, _ in literal_secrets(view.layer.data):
        yield diagnostic(
            "SEC101",
            f"{path[-1]} contains a secret",
            view.layer.span(path),
            path=format_place(path),
            hint="revoke it; store the new one (conn auth login ACCOUNT), or read it as {{env.NAME}}",
        )


def find_secrets_in_context(target: LintTarget) -> Iterator[Diagnostic]:
    """SEC101: an account's context, which every expression can read, contains a secret."""
    effective = target.effective
    if effective.account is None:
        return
    document = target.workspace.document("account", effective.account)
    declared = {field.name for field in effective.connector.fields if field.secret}
    paths = {path for path, _ in literal_secrets({"context": effective.context})}
    paths |= {("context", name) for name in declared if isinstance(effective.context.get(name), str)}
    for path in sorted(paths, key=format_place):
        yield diagnostic(
            "SEC101",
            f"{path[-1]} contains a secret",
            document.span(path),
            path=format_place(path),
            hint=f"revoke it, and store the new one with the credential: conn auth login {effective.account}",
        )
