"""`conn eval`: evaluate a JSONata expression on a file."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.reports import Report


def evaluate(
    context: typer.Context,
    *,
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="JSONata expression to evaluate.")],
    file: Annotated[
        str,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            show_default=False,
            help="File with the JSON input. Default: standard input.",
        ),
    ] = "-",
    under: Annotated[
        str | None, typer.Option("--evaluator", help="Evaluator: jlens or jsonata-python. Default: the workspace's.")
    ] = None,
    reads: Annotated[
        bool, typer.Option("--reads", help="List the paths that the expression reads, without evaluating it.")
    ] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Evaluate a JSONata expression on JSON input.

    \b
    Example:
      conn eval 'properties.email' --input contact.json
    """
    from conn_cli.call_options import read_input
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_engine.conditions import Conditions
    from conn_engine.documents.locate import find_workspace
    from conn_engine.expressions import UNDEFINED, find_evaluator, remove_braces
    from conn_engine.expressions import expression as parse_expression

    app: App = context.obj
    in_workspace = find_workspace(app.folder) is not None
    evaluator = find_evaluator(under or (in_workspace and app.workspace.settings.evaluator) or "")
    compiled = parse_expression(remove_braces(expression))
    compiled.compile_with(evaluator)
    if reads:
        paths = [".".join(map(str, path)) for path in sorted(compiled.reads(), key=str)]
        text = {"text": lambda: join_lines(paths)}
        write_report(lambda: _report_reads(paths), formats or [], text, app, folder=app.folder)
        return
    conditions = Conditions(app.clock, evaluator=evaluator.name)
    value = compiled.evaluate(read_input(app, file if file == "-" else f"@{file}"), conditions)
    is_defined = value is not UNDEFINED
    if not is_defined:
        app.err("undefined: the expression has no value for this input")
        value = None
    text = {"text": lambda: app.to_json(value) if is_defined else ""}
    write_report(lambda: _report(value, defined=is_defined), formats or [], text, app, folder=app.folder)


def _report(value: Any, *, defined: bool) -> "Report":
    from conn_engine.command_reports import EvalReport

    return EvalReport(defined=defined, value=value)


def _report_reads(paths: list[str]) -> "Report":
    from conn_engine.command_reports import ReadsReport

    return ReadsReport(paths=paths)
