"""How an error ends a command: what is wrong, where, what to do. Nothing leaves unredacted, and no traceback unasked."""

from conn_cli.console import App
from conn_engine.errors import ConnError

__all__ = ["show_crash", "show_error", "show_usage"]


def show_usage(app: App, error: Exception) -> None:
    """A command line that cannot be read; a group without a command shows its help."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        app.err(message)
        return
    app.err(f"error: {message}")
    context = getattr(error, "ctx", None)
    if context is not None:
        app.err(f"  see: {context.command_path} --help")


def show_error(app: App, error: ConnError) -> None:
    """An error raised on purpose: its findings with source lines when it has them, else one line and the mend."""
    if error.findings:
        from conn_cli.report import Sources, render
        from conn_engine.locate import find_workspace

        sources = Sources(find_workspace(app.folder) or app.folder)
        app.err(render("text", error.findings, sources, color=app.error_color), end="")
        return
    app.err(f"error: {error.message}")
    if error.hint:
        app.err(f"  {error.hint}")


def show_crash(app: App, error: Exception) -> None:
    """A fault of ours. The traceback is shown with --debug only, redacted, without the values of variables."""
    app.err(f"internal error: {type(error).__name__}: {error}")
    if app.debug:
        import traceback

        app.err("".join(traceback.format_exception(error)))
    else:
        app.err("  this is a fault in conn: run again with --debug and report what it prints")
