"""Show the error that ends a command: what is wrong, where, and what to do. A traceback is only shown with --debug.

People read the text on standard error. With `--format json`, programs read the same error as a report (`error_report`).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_cli.error_details import describe_place, suggest_fix
from conn_cli.exits import Exit
from conn_engine.errors import ConnError, ExpressionError, VendorError

if TYPE_CHECKING:
    from conn_engine.diagnostics import Diagnostic

__all__ = ["choose_exit", "is_json_requested", "learn_secrets", "show_failure", "show_findings"]

WIDE = 110
_SECRET_WORDS = frozenset({"TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"})
"""Words in the name of an environment variable whose value is a secret, such as SHOP_TOKEN."""


def is_json_requested(arguments: Sequence[str]) -> bool:
    """Return whether a command line requests JSON on standard output, even if it is invalid in other ways."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    values = [after for before, after in pairwise(options) if before == "--format"]
    values += [option.removeprefix("--format=") for option in options if option.startswith("--format=")]
    return any(value in ("json", "json=-") for value in values)


def show_failure(app: App, error: BaseException, *, as_json: bool) -> int:
    """Show the error that ends a command, and return the exit code (`choose_exit`).

    With `as_json`, the error is also the report on standard output. If the output has started already, the report
    replaces the text on standard error.
    """
    code = choose_exit(error)
    if not isinstance(error, ConnError) and code != Exit.USAGE:
        learn_secrets(app)
    if as_json:
        from conn_cli.error_report import write_error_report

        if write_error_report(app, error, code):
            return code
    if isinstance(error, ConnError):
        _show_error(app, error)
    elif code == Exit.INTERRUPTED:
        app.err("interrupted")
    elif isinstance(error, OSError):
        _show_file_error(app, error)
    elif code == Exit.USAGE:
        _show_usage(app, error)
    else:
        _show_crash(app, error)
    return code


def choose_exit(error: BaseException) -> int:
    """Return the exit code of a command that an error ends."""
    if isinstance(error, ConnError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return Exit.INTERRUPTED
    if isinstance(error, OSError):
        return Exit.CONFIGURATION
    # an error of the option parser, whichever one Typer uses
    return Exit.USAGE if hasattr(error, "format_message") else Exit.INTERNAL


def _show_usage(app: App, error: BaseException) -> None:
    """Show the error of an invalid command line, or the help of a group without a command."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        app.err(message)
        return
    app.err(f"error: {message}")
    context = getattr(error, "ctx", None)
    if context is not None:
        app.err(f"  see: {context.command_path} --help")


def _show_error(app: App, error: ConnError) -> None:
    """Show an expected error: its findings with source lines or, without findings, its message and fix."""
    if error.findings:
        show_findings(app, error.findings, counted=True)
        return
    kind = f" ({error.kind})" if isinstance(error, VendorError) and error.response is not None else ""
    app.err(_indent(f"error{kind}: {error.message}"))
    where = describe_place(error)
    if where:
        app.err(f"  at {where}")
    if isinstance(error, ExpressionError):
        _show_expression(app, error)
    hint = suggest_fix(error)
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


def _show_expression(app: App, error: ExpressionError) -> None:
    """Show the line of the expression that failed, with a marker under the error, if its position is known."""
    if error.offset < 0 or error.offset > len(error.text) or not error.text.strip():
        return
    before = error.text[: error.offset]
    start = before.rfind("\n") + 1
    line = error.text[start:].split("\n", 1)[0]
    if len(line) > WIDE:
        return
    marker = f"{' ' * (error.offset - start)}{'^' * max(1, len(error.token.split(chr(10), 1)[0]))}"
    app.err(f"  {line.replace(chr(9), ' ')}\n  {marker}")


def _show_file_error(app: App, error: OSError) -> None:
    """Show an error of the operating system, such as a full disk."""
    reason = (error.strerror or type(error).__name__).lower()
    app.err(f"error: {f'{error.filename}: ' if error.filename else ''}{reason}")
    if app.debug:
        _show_traceback(app, error)


def _show_crash(app: App, error: BaseException) -> None:
    """Show an internal error. With --debug, the traceback is shown, redacted and without the values of variables."""
    app.err(f"internal error: {type(error).__name__}: {_get_message(error)}")
    if app.debug:
        _show_traceback(app, error)
    else:
        app.err("  this is a bug in conn: run the command again with --debug, and report the output")


def _show_traceback(app: App, error: BaseException) -> None:
    import traceback

    app.trace("".join(traceback.format_exception(error)))


def _get_message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message cannot be read)"


def learn_secrets(app: App) -> None:
    """Add the secrets of the environment to the redactor: a crash can precede the loading of an account."""
    from conn_engine.secrets import is_secret_name

    for name, value in app.environ.items():
        is_setting = name.startswith("CONN_") and name not in ("CONN_STATE_DIR", "CONN_NO_KEYRING")
        is_secret = is_secret_name(name) or not _SECRET_WORDS.isdisjoint(name.upper().split("_"))
        if is_setting or (is_secret and name not in ("PWD", "OLDPWD")):
            app.redactor.add(value)
