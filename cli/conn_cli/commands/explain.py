"""`conn explain`: explain the codes of findings, the settings and the functions of expressions."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.command_reports import ExplainedWord
    from conn_engine.diagnostics.codes import Code
    from conn_engine.reports import Report

Explained = tuple[Callable[[], "list[ExplainedWord]"], str]
"""A function that returns the entries of the report, and the text."""
_BUILT_IN = "is a function of JSONata itself: https://docs.jsonata.org/"


def explain(
    context: typer.Context,
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="WORD",
            help="A code (MAP201), a group of settings (pagination.cursor), a key (has_more) or a function ('$pick'). "
            "codes, settings and functions list them.",
        ),
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Explain a finding's code, a setting or an expression function.

    \b
    Examples:
      conn explain MAP201
      conn explain pagination.cursor
      conn explain '$pick'
    """
    from conn_cli.report import write_report

    app: App = context.obj
    if word is None or word == "settings":
        words, text = _list_settings(is_complete=word is not None)
    elif word == "codes":
        words, text = _list_codes()
    elif word == "functions":
        words, text = _list_functions()
    elif word.startswith("$"):
        words, text = _explain_function(word)
    else:
        words, text = _explain_code(word) or _explain_settings(word)
    write_report(lambda: _report(words()), formats or [], {"text": lambda: text}, app, folder=app.folder)


def _report(words: "list[ExplainedWord]") -> "Report":
    from conn_engine.command_reports import ExplainReport

    return ExplainReport(words=words)


def _list_codes() -> Explained:
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics.codes import CODES

    rows = list(CODES.values())
    return partial(_describe_codes, rows), join_lines(f"{row.id:<8} {row.severity:<8} {row.title}" for row in rows)


def _explain_code(word: str) -> "Explained | None":
    from conn_engine.diagnostics.codes import find_code

    row = find_code(word)
    if row is None:
        return None
    text = f"{row.id} · {row.severity} · {row.title}\n\n{row.explanation.strip()}\n"
    return partial(_describe_codes, [row]), text


def _describe_codes(rows: "list[Code]") -> "list[ExplainedWord]":
    from conn_engine.command_reports import ExplainedWord

    return [ExplainedWord(topic="code", name=row.id, title=row.title, text=row.explanation.strip()) for row in rows]


def _list_settings(*, is_complete: bool) -> Explained:
    """List the kinds of settings, with a reference to the other lists if no list was named."""
    from conn_cli.formatting import join_lines
    from conn_engine.schemas.reference import list_kinds

    others = [] if is_complete else ["", "see also: conn explain codes, conn explain functions"]
    return partial(_describe_settings, [line.split()[0] for line in list_kinds()]), join_lines([*list_kinds(), *others])


def _explain_settings(word: str) -> Explained:
    """Explain the kinds of settings or keys with this name. Raises UsageError for an unknown word."""
    from conn_engine.config.foreign_words import suggest_key
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.diagnostics.codes import CODES
    from conn_engine.errors import UsageError
    from conn_engine.roles import RULE
    from conn_engine.schemas.reference import find_references, format_reference, has_computed_texts, list_words

    references = find_references(word)
    if not references:
        hint = did_you_mean(word.upper(), CODES) if word[-1:].isdigit() else suggest_key(word, list_words())
        raise UsageError(
            f'there is no code, kind of settings or key "{word}"', hint=hint or "use a word that conn explain lists"
        )
    rule = [RULE.replace(". ", ".\n", 1)] if any(map(has_computed_texts, references)) else []
    return partial(_describe_settings, references), "\n\n".join([*rule, *map(format_reference, references)]) + "\n"


def _describe_settings(names: list[str]) -> "list[ExplainedWord]":
    from conn_engine.command_reports import ExplainedWord
    from conn_engine.schemas.reference import format_reference

    texts = {name: format_reference(name) for name in names}
    return [
        ExplainedWord(topic="settings", name=name, title=text.partition("\n")[0].partition(" · ")[2], text=text)
        for name, text in texts.items()
    ]


def _list_functions() -> Explained:
    """List the functions with their examples."""
    from conn_cli.formatting import join_lines
    from conn_engine.expressions.functions import FUNCTIONS, THEMES
    from conn_engine.expressions.functions.reference import example

    lines = []
    for title, rows in THEMES.items():
        lines.append(f"{title}\n")
        lines += [f"  ${row.name}{row.signature}\n    {row.doc}\n    {example(row)}\n" for row in rows]
    return partial(_describe_functions, list(FUNCTIONS)), join_lines(lines)


def _explain_function(name: str) -> Explained:
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError
    from conn_engine.expressions import known_functions
    from conn_engine.expressions.functions import FUNCTIONS
    from conn_engine.expressions.functions.reference import entry

    bare_name = name.removeprefix("$")
    if bare_name in FUNCTIONS:
        return partial(_describe_functions, [bare_name]), f"{entry(FUNCTIONS[bare_name])}\n"
    if bare_name in known_functions():
        return partial(_describe_functions, [bare_name]), f"${bare_name} {_BUILT_IN}\n"
    hint = did_you_mean(name, [f"${function}" for function in known_functions()])
    raise UsageError(f"unknown function {name}", hint=hint or "list the functions: conn explain functions")


def _describe_functions(names: list[str]) -> "list[ExplainedWord]":
    from conn_engine.command_reports import ExplainedWord
    from conn_engine.expressions.functions import FUNCTIONS
    from conn_engine.expressions.functions.reference import entry

    words = []
    for name in names:
        row = FUNCTIONS.get(name)
        title, text = (row.doc, entry(row)) if row is not None else ("", f"${name} {_BUILT_IN}")
        words.append(ExplainedWord(topic="function", name=f"${name}", title=title, text=text))
    return words
