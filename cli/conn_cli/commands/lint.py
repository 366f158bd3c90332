"""`conn lint`: find mistakes in documents without running anything."""

from pathlib import Path
from typing import Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option


def lint(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files or folders to check. Default: the workspace."),
    ] = None,
    formats: Annotated[Formats, format_option("sarif", "junit", "github")] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="Ignore the findings listed in this file."),
    ] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write the current findings to the --baseline file.")
    ] = False,
) -> None:
    """Find mistakes in documents without running anything.

    Checks syntax, schema, expressions, references, secrets and overrides. Exits with 1 if there is an error.
    """
    from conn_cli.effective_selection import learn_found_literals
    from conn_cli.report import Sources, draw_findings, write_report
    from conn_engine.diagnostics import Severity, pluralize
    from conn_engine.errors import UsageError
    from conn_engine.lint import lint_paths
    from conn_engine.lint.baseline import apply_baseline
    from conn_engine.lint.report import LintReport

    app: App = context.obj
    if update_baseline and baseline is None:
        raise UsageError("--update-baseline needs a file", hint="name it: --baseline conn-baseline.json")
    result = lint_paths(app.folder, paths or [], app.clock)
    findings = result.findings
    learn_found_literals(app, findings, Sources(result.root))
    if baseline is not None:
        accepted = len(findings)
        findings = apply_baseline(app.folder / baseline, findings, update=update_baseline)
        if update_baseline:
            app.err(f"wrote the baseline {baseline} with {pluralize(accepted, 'finding')}")
    draw = draw_findings(findings, Sources(result.root), color=app.color)
    write_report(lambda: LintReport.from_findings(findings), formats or [], draw, app, folder=app.folder)
    app.err(f"{pluralize(result.files, 'file')} checked")
    raise typer.Exit(Exit.FINDINGS if any(f.severity is Severity.ERROR for f in findings) else Exit.OK)
