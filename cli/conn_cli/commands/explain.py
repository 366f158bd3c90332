"""`conn explain`: what a diagnostic code means and how to mend it, which keys the kinds of settings have, and what the
functions of expressions do."""

from typing import Annotated

import typer

from conn_cli.console import App


def explain(
    context: typer.Context,
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="[WORD]",
            help="A code (MAP201), a kind of settings or a key (pagination.cursor, has_more), a function ('$pick'); or "
            "`codes`, `settings`, `functions`. Without it: what there is.",
        ),
    ] = None,
) -> None:
    """Explain a diagnostic code, a key of the language with its default, or a function of expressions."""
    app: App = context.obj
    if word is None or word == "settings":
        _list_settings(app)
        if word is None:
            app.out("\nbesides: conn explain codes, conn explain functions")
    elif word == "codes":
        _list_codes(app)
    elif word == "functions" or word.startswith("$"):
        _explain_functions(app, word)
    elif not _explain_code(app, word):
        _explain_settings(app, word)


def _list_codes(app: App) -> None:
    from conn_engine.diagnostics.codes import CODES

    for row in CODES.values():
        app.out(f"{row.id:<8} {row.severity:<8} {row.title}")


def _explain_code(app: App, word: str) -> bool:
    from conn_engine.diagnostics.codes import explain as find

    found = find(word)
    if found is None:
        return False
    app.out(f"{found.id} · {found.severity} · {found.title}\n")
    app.out(found.explanation.strip())
    return True


def _list_settings(app: App) -> None:
    from conn_engine.schemas.reference import overview

    for line in overview():
        app.out(line)


def _explain_settings(app: App, word: str) -> None:
    """The kinds that are called so, or the keys. Raises UsageError, with what it is like, for an unknown word."""
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.diagnostics.codes import CODES
    from conn_engine.errors import UsageError
    from conn_engine.schemas.reference import find, plain, words

    found = find(word)
    if not found:
        hint = did_you_mean(word.upper(), CODES) if word[-1:].isdigit() else did_you_mean(word, words())
        raise UsageError(f'there is no code, kind of settings or key "{word}"', hint=hint or "conn explain lists them")
    app.out("\n\n".join(plain(one) for one in found))


def _explain_functions(app: App, name: str) -> None:
    """Every function with its example, or the one that is named `$…`."""
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError
    from conn_engine.expressions import known_functions
    from conn_engine.expressions.functions import FUNCTIONS, THEMES
    from conn_engine.expressions.functions.reference import entry, example

    if name == "functions":
        for title, rows in THEMES.items():
            app.out(f"{title}\n")
            for row in rows:
                app.out(f"  ${row.name}{row.signature}\n    {row.doc}\n    {example(row)}\n")
        return
    wanted = name.removeprefix("$")
    if wanted in FUNCTIONS:
        app.out(entry(FUNCTIONS[wanted]))
    elif wanted in known_functions():
        app.out(f"${wanted} is a function of JSONata itself: https://docs.jsonata.org/")
    else:
        hint = did_you_mean(name, [f"${known}" for known in known_functions()])
        raise UsageError(f"there is no function {name}", hint=hint or "conn explain functions lists them")
