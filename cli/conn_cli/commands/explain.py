"""`conn explain`: what a diagnostic code means and how to mend it, and what the functions of expressions do."""

from typing import Annotated

import typer

from conn_cli.console import App


def explain(
    context: typer.Context,
    code: Annotated[
        str | None,
        typer.Argument(metavar="[CODE]", help="Such as MAP201; `functions`, or one as '$pick'. Without it: all codes."),
    ] = None,
) -> None:
    """Explain a diagnostic code (what it means, how to mend it), or the functions of expressions."""
    from conn_engine.codes import CODES
    from conn_engine.codes import explain as find
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    app: App = context.obj
    if code is None:
        for row in CODES.values():
            app.out(f"{row.id:<8} {row.severity:<8} {row.title}")
        return
    if code == "functions" or code.startswith("$"):
        _explain_functions(app, code)
        return
    found = find(code)
    if found is None:
        raise UsageError(
            f'there is no code "{code}"', hint=did_you_mean(code.upper(), CODES) or "conn explain lists them"
        )
    app.out(f"{found.id} · {found.severity} · {found.title}\n")
    app.out(found.explanation.strip())


def _explain_functions(app: App, name: str) -> None:
    """Every function with its example, or the one that is named `$…`."""
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError
    from conn_engine.expressions import known_functions
    from conn_engine.functions import FUNCTIONS, THEMES
    from conn_engine.functions.reference import entry, example

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
