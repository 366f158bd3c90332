"""`conn --help`: the commands under the headings of what they are for, each with one whole line."""

from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
else:
    Context = HelpFormatter = Any

__all__ = ["ACCOUNTS", "CHANGE", "HELP", "LOOP", "PANELS", "SHORT", "START", "VERSIONS", "Overview"]

PANELS = START, LOOP, CHANGE, VERSIONS, ACCOUNTS, HELP = (
    "Start",
    "Author's loop",
    "Overrides and changes",
    "Versions",
    "Accounts",
    "Help",
)

SHORT = {
    "init": "Make a workspace.",
    "new": "Add a connector: a bundled one, a skeleton, or --from a document.",
    "import": "Make a connector of OpenAPI, Postman, HAR, Airbyte or Nango.",
    "lint": "Find mistakes in the documents.",
    "test": "Replay recordings and deliveries; judge the results.",
    "run": "Run an operation live.",
    "record": "Run an operation live and keep what was answered.",
    "eval": "Try an expression.",
    "map": "Try a mapping on vendor records.",
    "webhook": "Judge, keep, receive and send webhook deliveries.",
    "har": "HAR files to recordings and back.",
    "show": "List the workspace, or where each value comes from.",
    "why": "Say who set a value, or why a record has it.",
    "diff-override": "Show what an account's overrides do.",
    "coverage": "Say which fields are mapped, seen, always empty.",
    "mutate": "Make small mistakes; list those that no test notices.",
    "drift": "Say what the vendor has changed since the recordings.",
    "ci": "Lint, test, coverage and impact of a change in one go.",
    "impact": "Show what a change does to every account.",
    "release": "Keep the workspace as an immutable release.",
    "promote": "Check a release and let a channel serve it.",
    "rollback": "Let a channel serve the release before.",
    "history": "Show what the channels serve and have served.",
    "diff": "Compare two releases.",
    "auth": "Log accounts in and out; prove their credentials.",
    "account": "List the accounts.",
    "explain": "Explain a finding's code, a key, a function.",
    "schema": "Print the JSON Schema of a document or a record.",
    "doctor": "Check this installation.",
}


class Overview(TyperGroup):
    """The top command."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the commands, panel by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            panels.setdefault(command.rich_help_panel, []).append((name, SHORT[name]))
        for panel in PANELS:
            with formatter.section(panel):
                formatter.write_dl(panels[panel], col_max=14)
