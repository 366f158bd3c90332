"""`conn eval`: try a JSONata expression on a file."""

from typing import Annotated

import typer

from conn_cli.console import App


def evaluate(
    context: typer.Context,
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="A JSONata expression.")],
    file: Annotated[
        str, typer.Option("--input", "-i", metavar="FILE|-", help="JSON input. Default: standard input.")
    ] = "-",
    under: Annotated[
        str | None, typer.Option("--evaluator", help="jlens or jsonata-python. Default: the workspace's.")
    ] = None,
    reads: Annotated[bool, typer.Option("--reads", help="Show what the expression reads instead.")] = False,
) -> None:
    """Evaluate a JSONata expression on JSON input and print the result. Undefined prints nothing and says so."""
    from contextlib import nullcontext

    from conn_cli.calls import read_input
    from conn_engine.expressions import UNDEFINED, use
    from conn_engine.expressions import expression as compiled

    app: App = context.obj
    with use(under) if under else nullcontext():
        made = compiled(expression)
        if reads:
            for path in sorted(made.reads(), key=str):
                app.out(".".join(map(str, path)))
            return
        value = made.evaluate(read_input(app, file if file == "-" else f"@{file}"))
    if value is UNDEFINED:
        app.err("undefined: the expression found nothing in this input")
        return
    app.out_json(value)
