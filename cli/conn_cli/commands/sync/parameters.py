"""Arguments and options that several commands of the group have."""

from typing import Annotated

import typer

from conn_cli.options import Formats, format_option

__all__ = ["FormatOption", "Name", "OneAccount", "RunId", "Store"]

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the sync: that of its file.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="ID of the run, as `conn sync runs` shows it.")]
OneAccount = Annotated[str | None, typer.Option("--account", "-a", help="Only for this account. Default: all.")]
Store = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="FILE|URL", help="Where runs are stored: a SQLite file, or Postgres. Default: .conn."
    ),
]
FormatOption = Annotated[Formats, format_option()]
