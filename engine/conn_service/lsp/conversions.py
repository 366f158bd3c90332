"""Convert results of the analysis to the protocol's types."""

from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path

from conn_service.lsp.messages import (
    EditorAction,
    FileProblems,
    HoverText,
    Problem,
    Suggestion,
    TargetPlace,
    TextRange,
)

__all__ = [
    "to_action",
    "to_diagnostics",
    "to_hover",
    "to_item",
    "to_location",
]

_KINDS = {
    "key": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "field": types.CompletionItemKind.Field,
    "function": types.CompletionItemKind.Function,
    "variable": types.CompletionItemKind.Variable,
    "name": types.CompletionItemKind.Module,
}


def to_diagnostics(found: FileProblems, uri: str) -> types.PublishDiagnosticsParams:
    """Return the findings of the document that the editor calls `uri`."""
    return types.PublishDiagnosticsParams(uri, [_to_diagnostic(problem) for problem in found.problems])


def _to_diagnostic(problem: Problem) -> types.Diagnostic:
    related = [
        types.DiagnosticRelatedInformation(types.Location(_to_uri(place.path), _to_range(place.range)), place.message)
        for place in problem.related
    ]
    return types.Diagnostic(
        _to_range(problem.range),
        problem.message,
        types.DiagnosticSeverity(problem.severity),
        problem.code,
        source="conn",
        related_information=related or None,
    )


def to_item(suggestion: Suggestion, index: int) -> types.CompletionItem:
    """Return a suggestion; `index` is its place in the list."""
    documentation = types.MarkupContent(types.MarkupKind.Markdown, suggestion.documentation)
    return types.CompletionItem(
        suggestion.label,
        kind=_KINDS[suggestion.kind],
        detail=suggestion.detail or None,
        documentation=documentation if suggestion.documentation else None,
        sort_text=f"{index:04}",
        filter_text=suggestion.text,
        text_edit=types.TextEdit(_to_range(suggestion.range), suggestion.text),
    )


def to_hover(hover: HoverText) -> types.Hover:
    """Return a text about a word."""
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, hover.text), _to_range(hover.range))


def to_location(target: TargetPlace) -> types.Location:
    """Return a place to go to."""
    return types.Location(_to_uri(target.path), _to_range(target.range))


def to_action(action: EditorAction, uri: str, problems: Sequence[types.Diagnostic]) -> types.CodeAction:
    """Return a fix of a document, with the findings that it corrects."""
    edit = types.TextEdit(_to_range(action.range), action.text)
    return types.CodeAction(
        action.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[problem for problem in problems if problem.code == action.code],
        is_preferred=action.is_certain,
        edit=types.WorkspaceEdit(changes={uri: [edit]}),
    )


def _to_range(range_: TextRange) -> types.Range:
    return types.Range(
        types.Position(range_.line, range_.character), types.Position(range_.end_line, range_.end_character)
    )


def _to_uri(path: str) -> str:
    return from_fs_path(path) or Path(path).as_uri()
