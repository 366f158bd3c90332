"""Options that several commands have, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Account", "Base", "BaseDir", "Body", "Environment", "Names", "Operation", "Param", "Processes", "Send"]

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
