"""`conn explain`: explain the codes of findings, the settings and the words of expressions."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.command_reports import ExplainedWord
    from conn_engine.diagnostics.codes import Code
    from conn_engine.expressions.language import LanguageEntry, Topic
    from conn_engine.reports import Report

Explained = tuple[Callable[[], "list[ExplainedWord]"], str]
"""A function that returns the entries of the report, and the text."""
_TOPICS: "Mapping[str, Topic]" = {"functions": "function", "operators": "operator", "names": "variable"}


def explain(
    context: typer.Context,
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="WORD",
            help="A code (MAP201), a group of settings (pagination.cursor), a key (has_more), a function ('$pick'), an "
            "operator ('??') or a name of expressions ('$base'). codes, settings, functions, operators and names list "
            "them.",
        ),
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Explain a code, a setting, a function or an operator.

    \b
    Examples:
      conn explain MAP201
      conn explain pagination.cursor
      conn explain '$pick'
      conn explain '^('
    """
    from conn_cli.report import write_report

    app: App = context.obj
    if word is None or word == "settings":
        words, text = _list_settings(is_complete=word is not None)
        if word is None and app.width is not None:
            text = _name_settings()
    elif word == "codes":
        words, text = _list_codes()
    elif word in _TOPICS:
        words, text = _list_language(_TOPICS[word])
    else:
        words, text = _explain_code(word) or _explain_entries(word) or _explain_settings(word)
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
    text = f"{row.id} · {row.severity} · {row.title}\n\n{_describe_codes([row])[0].text}\n"
    return partial(_describe_codes, [row]), text


def _describe_codes(rows: "list[Code]") -> "list[ExplainedWord]":
    from conn_engine.command_reports import ExplainedWord
    from conn_engine.schemas.examples import find_code_example

    texts = ("\n\n".join(filter(None, (row.explanation.strip(), find_code_example(row.id)))) for row in rows)
    return [
        ExplainedWord(topic="code", name=row.id, title=row.title, text=text)
        for row, text in zip(rows, texts, strict=True)
    ]


def _list_settings(*, is_complete: bool) -> Explained:
    """List the kinds of settings, with a reference to the other lists if no list was named."""
    from conn_cli.formatting import join_lines
    from conn_engine.schemas.reference import list_kinds

    others = [] if is_complete else ["", "see also: conn explain codes, functions, operators, names"]
    return partial(_describe_settings, [line.split()[0] for line in list_kinds()]), join_lines([*list_kinds(), *others])


def _name_settings() -> str:
    """Name the kinds of settings on a screen; those with formats have a page for each of them."""
    from conn_cli.formatting import join_lines
    from conn_engine.schemas.reference import list_kinds

    names = [line.split()[0] for line in list_kinds()]
    return join_lines(
        [
            f"settings   {', '.join(name for name in names if '.' not in name)}",
            "codes      such as MAP201: conn explain codes",
            "language   conn explain functions, operators, names",
            "next: explain one: conn explain pagination, or conn explain settings with a line for each",
        ]
    )


def _explain_settings(word: str) -> Explained:
    """Explain the kinds of settings or keys with this name. Raises UsageError for an unknown word."""
    from conn_engine.config.foreign_words import suggest_key
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.diagnostics.codes import CODES
    from conn_engine.errors import UsageError
    from conn_engine.expressions.language import suggest_entry
    from conn_engine.roles import RULE
    from conn_engine.schemas.reference import find_references, has_computed_texts, list_words

    references = find_references(word)
    if not references and word.startswith("$"):
        _refuse_function(word)
    if not references and (function := _explain_entries(f"${word}")) is not None:
        return function  # an unquoted $ disappears in a shell
    if not references:
        hint = did_you_mean(word.upper(), CODES) if word[-1:].isdigit() else suggest_key(word, list_words())
        hint = hint or suggest_entry(word)
        raise UsageError(
            f'there is no code, kind of settings or key "{word}"', hint=hint or "use a word that conn explain lists"
        )
    rule = [RULE.replace(". ", ".\n", 1)] if any(map(has_computed_texts, references)) else []
    texts = [word.text for word in _describe_settings(references)]
    return partial(_describe_settings, references), "\n\n".join([*rule, *texts]) + "\n"


def _describe_settings(names: list[str]) -> "list[ExplainedWord]":
    from conn_engine.command_reports import ExplainedWord
    from conn_engine.schemas.examples import find_setting_example
    from conn_engine.schemas.reference import format_reference

    texts = {name: "\n\n".join(filter(None, (format_reference(name), find_setting_example(name)))) for name in names}
    return [
        ExplainedWord(topic="settings", name=name, title=text.partition("\n")[0].partition(" · ")[2], text=text)
        for name, text in texts.items()
    ]


def _list_language(topic: "Topic") -> Explained:
    """List the functions, operators or names of expressions, each with its example."""
    from conn_cli.formatting import join_lines
    from conn_engine.expressions.language import format_example, list_entries

    entries = [entry for entry in list_entries() if entry.topic == topic]
    lines = [f"{entry.signature}\n  {entry.doc}\n  {format_example(entry)}\n" for entry in entries]
    return partial(_describe_entries, entries), join_lines(lines)


def _explain_entries(word: str) -> "Explained | None":
    """Explain what a word means in expressions, and the keys of settings with this name."""
    from conn_engine.expressions.language import find_entry, format_entry
    from conn_engine.schemas.reference import find_references

    entry = find_entry(word)
    if entry is None:
        return None
    if not find_references(word):
        return partial(_describe_entries, [entry]), f"{format_entry(entry)}\n"
    words, text = _explain_settings(word)
    return lambda: [*_describe_entries([entry]), *words()], f"{format_entry(entry)}\n\n{text}"


def _refuse_function(name: str) -> NoReturn:
    """Raise UsageError for a function or variable that does not exist."""
    from conn_engine.errors import UsageError
    from conn_engine.expressions.language import suggest_entry

    raise UsageError(
        f"unknown function {name}", hint=suggest_entry(name) or "list the functions: conn explain functions"
    )


def _describe_entries(entries: "list[LanguageEntry]") -> "list[ExplainedWord]":
    from conn_engine.command_reports import ExplainedWord
    from conn_engine.expressions.language import format_entry

    return [
        ExplainedWord(topic=entry.topic, name=entry.name, title=entry.doc, text=format_entry(entry))
        for entry in entries
    ]
