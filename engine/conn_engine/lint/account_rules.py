"""Rules for the values of an account: those that its connector requires, and their form."""

from collections.abc import Iterator

from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import format_path
from conn_engine.errors import ExpressionError
from conn_engine.expressions import groups_of
from conn_engine.lint.target import LintTarget

__all__ = ["check_required_values"]


def check_required_values(target: LintTarget) -> Iterator[Diagnostic]:
    """REF103: the account lacks a value that its connector needs."""
    effective = target.effective
    if effective.account is None:
        return
    document = target.workspace.document("account", effective.account)
    for needed in effective.connector.fields:
        if needed.secret or not needed.required:
            continue
        value = effective.context.get(needed.name)
        if value is None:
            text = f'account "{effective.account}" lacks {needed.name}, which its connector requires'
            span = document.span(("context",))
            yield diagnostic(
                "REF103",
                text,
                span,
                path=f"context.{needed.name}",
                hint=f"add {needed.name} under context{f' ({needed.description})' if needed.description else ''}",
            )
            continue
        path = ("context", needed.name)
        if needed.options and str(value) not in needed.options:
            text = f"{needed.name} is {value!r}, which is not one of its options"
            hint = f"use one of: {', '.join(needed.options)}"
            yield diagnostic("REF103", text, document.span(path), path=format_path(path), hint=hint)
        elif needed.pattern and not _matches_pattern(needed.pattern, str(value)):
            text = f"{needed.name} does not match the pattern {needed.pattern}"
            hint = f"correct it{f' ({needed.description})' if needed.description else ''}"
            yield diagnostic("REF103", text, document.span(path), path=format_path(path), hint=hint)


def _matches_pattern(pattern: str, text: str) -> bool:
    try:
        return groups_of(pattern, text, whole=True) is not None
    except ExpressionError:  # a pattern that takes too long matches nothing
        return False
