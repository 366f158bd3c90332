"""`conn lint`: find mistakes in documents without running anything."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option, refuse_together


def lint(
    context: typer.Context,
    *,
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
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply each fix that is certain, and report what is left.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--diff", help="With --fix: show the changes, and write nothing.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again what changed files reach, until Ctrl-C, and show what changed.")
    ] = False,
) -> None:
    """Find mistakes in documents without running anything.

    Checks syntax, schema, expressions, references, secrets and overrides. Exits with 1 if there is an error.

    --fix applies the fixes that only one edit can be, such as an unknown key that is nearly a known one. A fix is left
    out if its finding would remain or an error would appear. Comments and all other lines stay.
    """
    if watch:
        refuse_together("--watch", {"--fix": fix or dry_run, "--format": formats, "--update-baseline": update_baseline})
        from conn_cli.lint_watch import LintWatch

        raise typer.Exit(LintWatch(context.obj, paths or [], baseline).run())
    if fix or dry_run:
        if baseline is not None or update_baseline:
            raise _refuse_baseline()
        _fix(context.obj, paths or [], formats or [], dry_run=dry_run)
    from conn_cli.effective_selection import learn_found_literals
    from conn_cli.report import Sources, draw_findings, write_report
    from conn_engine.diagnostics import Severity, pluralize
    from conn_engine.errors import UsageError
    from conn_engine.lint import lint_paths
    from conn_engine.lint.baseline import apply_baseline
    from conn_engine.lint.report import LintReport
    from conn_engine.updates.verifying import verify_copies_below

    app: App = context.obj
    if update_baseline and baseline is None:
        raise UsageError("--update-baseline needs a file", hint="name it: --baseline conn-baseline.json")
    result = lint_paths(app.folder, paths or [], app.clock)
    findings = result.findings if paths else [*result.findings, *verify_copies_below(result.root)]
    learn_found_literals(app, findings, Sources(result.root))
    if baseline is not None:
        accepted = len(findings)
        findings = apply_baseline(app.folder / baseline, findings, update=update_baseline)
        if update_baseline:
            app.err(f"wrote the baseline {baseline} with {pluralize(accepted, 'finding')}")
    draw = draw_findings(findings, Sources(result.root), color=app.color)
    write_report(lambda: LintReport.from_findings(findings), formats or [], draw, app, folder=app.folder)
    app.err(f"{pluralize(result.files, 'file')} checked")
    if fixable := sum(finding.fix is not None and finding.fix.is_certain for finding in findings):
        app.err(f"next: conn lint --fix ({fixable} of {pluralize(len(findings), 'finding')} can be fixed)")
    raise typer.Exit(Exit.FINDINGS if any(f.severity is Severity.ERROR for f in findings) else Exit.OK)


def _refuse_baseline() -> Exception:
    from conn_engine.errors import UsageError

    return UsageError("--fix has no baseline", hint="run conn lint --fix, then conn lint --baseline FILE")


def _fix(app: App, paths: list[Path], formats: list[str], *, dry_run: bool) -> NoReturn:
    """Apply the certain fixes, or show them, and report the findings that are left."""
    from conn_cli.effective_selection import learn_found_literals
    from conn_cli.formatting import join_lines
    from conn_cli.report import Sources, draw_findings, write_report
    from conn_engine.diagnostics import Severity, pluralize
    from conn_engine.lint import lint_paths
    from conn_engine.lint.fixing import fix_paths, write_fixed_texts
    from conn_engine.lint.report import LintReport

    fixed = fix_paths(app.folder, paths, app.clock)
    skipped = {finding.message: finding.hint for finding in fixed.skipped} if dry_run else {}
    sources = Sources(fixed.root)
    learn_found_literals(app, fixed.found, sources)
    diff, left = (fixed.format_diff(), fixed.left) if dry_run else ("", [])
    if not dry_run:
        write_fixed_texts(fixed)
    if not dry_run or not fixed.changed_files:  # also refuses paths without a document
        left = [*fixed.skipped, *lint_paths(app.folder, paths, app.clock).findings]
        learn_found_literals(app, left, sources)
    verb = "would fix" if dry_run else "fixed"
    places = ((f"{one.file}:{one.line} {one.code}".strip(), one) for one in fixed.applied)
    lines = [f"{verb} {place}: {one.message} ({one.fix})" for place, one in places]
    draw = draw_findings(left, sources, color=app.color)
    summary = f"{pluralize(len(left), 'finding')} would be left\n" if dry_run else ""
    text = draw["text"]
    draw["text"] = lambda: f"{join_lines(lines)}{diff}{summary if dry_run else text()}"
    write_report(lambda: LintReport.from_findings(left, fixed.applied, diff), formats, draw, app, folder=app.folder)
    count, files = pluralize(len(fixed.applied), "edit"), pluralize(len(fixed.changed_files), "file")
    app.err(f"{'would apply' if dry_run else 'applied'} {count} in {files}")
    for message, hint in skipped.items():
        app.err(f"{message}\n  fix: {hint}")
    has_errors = any(finding.severity is Severity.ERROR for finding in left)
    raise typer.Exit(Exit.FINDINGS if has_errors or skipped or (dry_run and fixed.changed_files) else Exit.OK)
