"""The error that ends a command as a report in JSON, for programs and agents."""

from conn_cli.console import App
from conn_cli.error_details import describe_place, suggest_fix
from conn_cli.exits import Exit
from conn_engine.command_reports import ErrorReport
from conn_engine.documents import dump_json
from conn_engine.errors import ConnError, ExpressionError, TransportError, VendorError
from conn_engine.reports import describe_finding

__all__ = ["build_error_report", "write_error_report"]

_CODES = {
    Exit.FINDINGS: "incomplete",
    Exit.USAGE: "usage",
    Exit.CONFIGURATION: "configuration",
    Exit.CREDENTIALS: "credential",
    Exit.NO_RECORDING: "no_recording",
}


def write_error_report(app: App, error: BaseException, exit_code: int) -> bool:
    """Write the report of an error to standard output, or to standard error if the output has started. Returns whether
    it is on standard error."""
    text = dump_json(build_error_report(error, exit_code).data())
    if app.has_output:
        app.err(text, end="", form="json")
        return True
    app.write(text, end="", form="json")
    return False


def build_error_report(error: BaseException, exit_code: int) -> ErrorReport:
    """Return the report of an error. That of an internal error has no text of the exception, which may have secrets."""
    if isinstance(error, ConnError):
        return _describe_error(error)
    if exit_code == Exit.INTERRUPTED:
        return _build(exit_code, "interrupted", "interrupted", "run the command again")
    if isinstance(error, OSError):
        reason = (error.strerror or type(error).__name__).lower()
        return _build(
            exit_code,
            "file",
            f"{f'{error.filename}: ' if error.filename else ''}{reason}",
            "check the path, its permissions and the disk",
        )
    if exit_code == Exit.USAGE:
        context = getattr(error, "ctx", None)
        fix = f"see: {context.command_path if context is not None else 'conn'} --help"
        if type(error).__name__ == "NoArgsIsHelpError":
            return _build(exit_code, "usage", "a command is missing", fix)
        return _build(exit_code, "usage", error.format_message(), fix)  # type: ignore[attr-defined]
    message = f"internal error: {type(error).__name__}"
    return _build(exit_code, "internal", message, "run the command again with --debug, and report the output")


def _describe_error(error: ConnError) -> ErrorReport:
    findings = [describe_finding(finding) for finding in error.findings]
    if findings:
        first = findings[0]
        return ErrorReport(
            code=first.code,
            message=first.message,
            fix=first.fix or suggest_fix(error) or f"see: conn explain {first.code}",
            exit_code=error.exit_code,
            span=first.span,
            path=first.path,
            offset=None,
            findings=findings,
        )
    offset = error.offset if isinstance(error, ExpressionError) and error.offset >= 0 else None
    return _build(
        error.exit_code,
        _find_code(error),
        error.message,
        suggest_fix(error) or _suggest_explanation(error),
        path=describe_place(error),
        offset=offset,
    )


def _suggest_explanation(error: ConnError) -> str:
    if not isinstance(error, ExpressionError):
        return ""
    is_limit = error.code in ("timeout", "steps", "depth", "size")
    return "make the expression, or its input, smaller" if is_limit else "see: conn explain functions"


def _find_code(error: ConnError) -> str:
    if isinstance(error, TransportError):
        return "network"
    if isinstance(error, VendorError):
        return error.kind
    if isinstance(error, ExpressionError) and error.exit_code == Exit.CONFIGURATION:
        return "expression"
    return _CODES.get(Exit(error.exit_code), "internal")


def _build(
    exit_code: int, code: str, message: str, fix: str, *, path: str = "", offset: int | None = None
) -> ErrorReport:
    return ErrorReport(
        code=code,
        message=message,
        fix=fix,
        exit_code=int(exit_code),
        span=None,
        path=path,
        offset=offset,
        findings=[],
    )
