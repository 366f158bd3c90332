"""Show the error that ends a command: what is wrong, where, and what to do. A traceback is only shown with --debug."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_engine.errors import ConnError, ExpressionError, ParameterError, VendorError

if TYPE_CHECKING:
    from conn_engine.diagnostics import Diagnostic

__all__ = ["show_crash", "show_error", "show_file_error", "show_findings", "show_usage"]

WIDE = 110


def show_usage(app: App, error: Exception) -> None:
    """Show the error of an invalid command line, or the help of a group without a command."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        app.err(message)
        return
    app.err(f"error: {message}")
    context = getattr(error, "ctx", None)
    if context is not None:
        app.err(f"  see: {context.command_path} --help")


def show_error(app: App, error: ConnError) -> None:
    """Show an expected error: its findings with source lines or, without findings, its message and fix."""
    if error.findings:
        show_findings(app, error.findings, counted=True)
        return
    kind = f" ({error.kind})" if isinstance(error, VendorError) and error.response is not None else ""
    app.err(_indent(f"error{kind}: {error.message}"))
    where = _partition(error)
    if where:
        app.err(f"  at {where}")
    if isinstance(error, ExpressionError):
        _show_expression(app, error)
    hint = error.hint or _missing_value(error)
    if hint:
        app.err(_indent(f"  fix: {hint}"))


def show_findings(app: App, findings: "Sequence[Diagnostic]", *, counted: bool = False) -> None:
    """Show findings with their source lines on standard error. With `counted`, a summary follows."""
    from conn_cli.report import Sources
    from conn_cli.report.text import draw_finding, paint, render
    from conn_engine.documents.locate import find_workspace

    sources = Sources(find_workspace(app.folder) or app.folder)
    if counted:
        app.err(render(findings, sources, color=app.error_color), end="")
    else:
        app.err(
            paint([piece for finding in findings for piece in draw_finding(finding, sources)], app.error_color), end=""
        )


def _indent(text: str) -> str:
    """Indent the further lines of a string from elsewhere, so that they do not look like ours."""
    return "\n    ".join(text.splitlines())


def _partition(error: ConnError) -> str:
    """Return the partition in which an operation failed, such as `board 3`. The request may not contain it."""
    items = error.partition.items() if isinstance(error, VendorError) else ()
    return ", ".join(f"{name} {str(value)[:60]}" for name, value in items if isinstance(value, str | int))


def _missing_value(error: ConnError) -> str:
    """Return where to set the missing value of a `{{…}}`."""
    if not isinstance(error, ExpressionError) or error.code != "unresolved":
        return ""
    if isinstance(error, ParameterError):
        return f"pass it: --param {error.name}=VALUE"
    if error.token.startswith("context."):
        return f"add a value to the account: context: {{{error.token.removeprefix('context.')}: …}}"
    return ""


def _show_expression(app: App, error: ExpressionError) -> None:
    """Show the line of the expression that failed, with a marker under the error if its position is known."""
    if error.at:
        app.err(f"  at {error.at}")
    if error.offset < 0 or error.offset > len(error.text) or not error.text.strip():
        return
    before = error.text[: error.offset]
    start = before.rfind("\n") + 1
    line = error.text[start:].split("\n", 1)[0]
    if len(line) > WIDE:
        return
    app.err(f"  {line.replace(chr(9), ' ')}")
    app.err(f"  {' ' * (error.offset - start)}{'^' * max(1, len(error.token.split(chr(10), 1)[0]))}")


def show_file_error(app: App, error: OSError) -> None:
    """Show an error of the operating system, such as a full disk."""
    _learn_secrets(app)
    reason = (error.strerror or type(error).__name__).lower()
    app.err(f"error: {f'{error.filename}: ' if error.filename else ''}{reason}")
    if app.debug:
        _show_traceback(app, error)


def show_crash(app: App, error: Exception) -> None:
    """Show an internal error. With --debug, the traceback is shown, redacted and without the values of variables."""
    _learn_secrets(app)
    app.err(f"internal error: {type(error).__name__}: {_get_message(error)}")
    if app.debug:
        _show_traceback(app, error)
    else:
        app.err("  this is a bug in conn: run the command again with --debug, and report the output")


def _show_traceback(app: App, error: Exception) -> None:
    import traceback

    app.err("".join(traceback.format_exception(error)))


def _get_message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message cannot be read)"


def _learn_secrets(app: App) -> None:
    """Add the secrets of the environment to the redactor: a crash can precede the loading of an account."""
    from conn_engine.secrets import is_secret_name

    for name, value in app.environ.items():
        is_setting = name.startswith("CONN_") and name not in ("CONN_STATE_DIR", "CONN_NO_KEYRING")
        if is_setting or (is_secret_name(name) and name not in ("PWD", "OLDPWD")):
            app.redactor.add(value)
