"""`conn lsp`: the language server for editors."""

import os
import sys


def lsp() -> None:
    """Serve an editor: findings, completion, hover and fixes.

    Editors start this command and speak the Language Server Protocol with it on standard input and output. See the page
    "Set up your editor" of the documentation.
    """
    from conn_cli.version import installed_version
    from conn_engine.errors import UsageError

    try:
        from conn_service.lsp.server import build_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "attrs", "cattrs"):
            raise
        raise UsageError(
            "conn lsp needs the package pygls, which is not installed",
            hint="install it: pip install 'conn-engine[lsp]'",
        ) from None
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "conn lsp is started by an editor, which writes to its standard input",
            hint='set up your editor: see the page "Set up your editor" of the documentation',
        )
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as replies:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not be read as a message
        build_server(installed_version()).start_io(sys.stdin.buffer, replies)
