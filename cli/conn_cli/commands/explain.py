"""`conn explain`: what a diagnostic code means and how to mend it."""

from typing import Annotated

import typer

from conn_cli.console import App


def explain(
    context: typer.Context,
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="Such as MAP201. Without it: every code.")
    ] = None,
) -> None:
    """Explain a diagnostic code: what it means, why it matters, how to mend it."""
    from conn_engine.codes import CODES
    from conn_engine.codes import explain as find
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    app: App = context.obj
    if code is None:
        for row in CODES.values():
            app.out(f"{row.id:<8} {row.severity:<8} {row.title}")
        return
    found = find(code)
    if found is None:
        raise UsageError(
            f'there is no code "{code}"', hint=did_you_mean(code.upper(), CODES) or "conn explain lists them"
        )
    app.out(f"{found.id} · {found.severity} · {found.title}\n")
    app.out(found.explanation.strip())
