"""Options that several commands have, each with its help."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

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
    "refuse_together",
]

Operation = Annotated[str, typer.Argument(metavar="OPERATION", help="Name of the operation, such as contacts.list.")]
Account = Annotated[str, typer.Option("--account", "-a", help="Run for this account.")]
Param = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="Set a path parameter, such as id, or a query parameter. Repeatable.",
    ),
]
Body = Annotated[
    str | None,
    typer.Option("--body", metavar="JSON|@FILE|-", help="Request body: JSON, a file, or - for standard input."),
]
Environment = Annotated[
    str | None, typer.Option("--environment", "-e", help="Use this environment instead of the account's.")
]
Send = Annotated[bool, typer.Option("--send", help="Send the write. Default: show it without sending.")]
Base = Annotated[
    str | None,
    typer.Option(
        "--base", help="Compare with this Git revision. Default: the point where the branch left the main branch."
    ),
]
BaseDir = Annotated[
    Path | None, typer.Option("--base-dir", help="Compare with the workspace in this folder instead of a Git revision.")
]
Names = Annotated[
    bool | None,
    typer.Option(
        "--names/--no-names",
        help="Show account names, or only counts. Default: names, but in Markdown only if conn.yaml allows them.",
        show_default=False,
    ),
]
Processes = Annotated[
    int | None, typer.Option("--processes", min=1, help="Number of worker processes. Default: chosen automatically.")
]
Formats = list[str] | None
"""The values of `--format`: each is `FORMAT` or `FORMAT=FILE`. None: the text, on standard output."""
JsonAlias = Annotated[bool, typer.Option("--json", hidden=True)]
"""The earlier spelling of `--format json`. Removed in the next version."""
_HELP = "Show the result as {}. FORMAT=FILE writes it to a file. Repeatable. Default: text."


def format_option(*others: str) -> Any:
    """Return the option `--format` of a command. Every command has text and JSON; `others` are its other formats.

    An unknown format, or two formats that go to the same place, stop the command before it does anything.
    """
    names = ("text", "json", *others)
    return typer.Option(
        "--format",
        metavar="FORMAT[=FILE]",
        help=_HELP.format(f"{', '.join(names[:-1])} or {names[-1]}"),
        callback=_check_formats(names),
        show_default=False,
    )


def refuse_together(name: str, others: Mapping[str, object]) -> None:
    """Raise UsageError if one of the other options, by name, is given together with the named one."""
    from conn_engine.errors import UsageError

    for other, value in others.items():
        if value:
            raise UsageError(f"{name} and {other} cannot be used together", hint="omit one of them")


def _check_formats(names: tuple[str, ...]) -> Callable[[Formats], Formats]:
    def check(formats: Formats) -> Formats:
        if formats:
            from conn_cli.report import parse_specs

            parse_specs(formats, names)
        return formats

    cast("Any", check).formats = names  # for the generated command tree of completion
    return check
