"""Options that several commands have, each with its help."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "Account",
    "Base",
    "BaseDir",
    "Body",
    "Environment",
    "Formats",
    "JsonAlias",
    "Names",
    "Operation",
    "Param",
    "Processes",
    "Send",
    "format_option",
]

Operation = Annotated[str, typer.Argument(metavar="OPERATION", help="Such as contacts.list.")]
Account = Annotated[str, typer.Option("--account", "-a", help="The account to run it for.")]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="K=V", help="A path name (id) or a query parameter."),
]
Body = Annotated[str | None, typer.Option("--body", metavar="JSON|@FILE|-", help="The body of a write.")]
Environment = Annotated[str | None, typer.Option("--environment", "-e", help="In another environment.")]
Send = Annotated[bool, typer.Option("--send", help="Really send a write.")]
Base = Annotated[
    str | None,
    typer.Option("--base", help="Git revision to compare with. Default: where the work left the main branch."),
]
BaseDir = Annotated[Path | None, typer.Option("--base-dir", help="Compare with the workspace in this folder instead.")]
Names = Annotated[
    bool | None,
    typer.Option(
        "--names/--no-names",
        help="Name accounts, or count them. Default: Markdown names them where conn.yaml allows it, text and JSON do.",
        show_default=False,
    ),
]
Processes = Annotated[int | None, typer.Option("--processes", min=1, help="How many to use. Default: as many as help.")]
Formats = list[str] | None
"""The values of `--format`: each is `FORMAT` or `FORMAT=FILE`. None: the text, on standard output."""
JsonAlias = Annotated[bool, typer.Option("--json", hidden=True)]
"""The earlier spelling of `--format json`. Removed in the next version."""
_HELP = "Show the result as {}; =FILE writes it to a file. Repeatable. Default: text."


def format_option(*others: str) -> Any:
    """The option `--format` of a command whose result has text and JSON, as every result has, and these formats.

    A format that the command does not have, or two that go to the same place, end it before it does anything.
    """
    names = ("text", "json", *others)
    return typer.Option(
        "--format",
        metavar="FORMAT[=FILE]",
        help=_HELP.format(f"{', '.join(names[:-1])} or {names[-1]}"),
        callback=_check_formats(names),
        show_default=False,
    )


def _check_formats(names: tuple[str, ...]) -> Callable[[Formats], Formats]:
    def check(formats: Formats) -> Formats:
        if formats:
            from conn_cli.report import parse_specs

            parse_specs(formats, names)
        return formats

    return check
