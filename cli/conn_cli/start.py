"""The `conn` command. A shell that completes a word is answered before Typer and the commands are imported."""

import os

__all__ = ["main"]


def main() -> None:
    """Complete a word if the shell asks for it; otherwise run the command line."""
    if "_CONN_COMPLETE" in os.environ:
        from conn_cli.completion.shells import print_completions

        if print_completions(os.environ):
            return
    from conn_cli.main import main as run

    run()


if __name__ == "__main__":
    main()
