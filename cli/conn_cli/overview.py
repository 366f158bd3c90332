"""The commands: where each is, and `conn --help`, which shows them under the headings of what they are for.

A command is imported when it is called. The overview imports none.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from conn_cli.plain_values import take_plain_values

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
else:
    Context = HelpFormatter = Any

__all__ = ["COMMANDS", "Overview"]

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {
        "init": ("init:init", "Make a workspace."),
        "new": ("new:new", "Add a connector: a bundled one, a skeleton, or --from a document."),
        "import": ("import_:import_", "Make a connector of OpenAPI, Postman, HAR, Airbyte or Nango."),
    },
    "Author's loop": {
        "lint": ("lint:lint", "Find mistakes in the documents."),
        "test": ("test:test", "Replay recordings and deliveries; judge the results."),
        "run": ("run:run", "Run an operation live."),
        "record": ("record:record", "Run an operation live and keep what was answered."),
        "eval": ("eval_:evaluate", "Try an expression."),
        "map": ("map_:map_", "Try a mapping on vendor records."),
        "har": ("har:group", "HAR files to recordings and back."),
        "webhook": ("webhook:group", "Judge, keep, receive and send webhook deliveries."),
    },
    "Overrides and changes": {
        "show": ("show:show", "List the workspace, or where each value comes from."),
        "why": ("why:why", "Say who set a value, or why a record has it."),
        "diff-override": ("diff_override:diff_override", "Show what an account's overrides do."),
        "coverage": ("coverage:coverage", "Say which fields are mapped, seen, always empty."),
        "mutate": ("mutate:mutate", "Make small mistakes; list those that no test notices."),
        "drift": ("drift:drift", "Say what the vendor has changed since the recordings."),
        "ci": ("ci:ci", "Lint, test, coverage and impact of a change in one go."),
        "impact": ("impact:impact", "Show what a change does to every account."),
    },
    "Versions": {
        "release": ("release:release", "Keep the workspace as an immutable release."),
        "promote": ("promote:promote", "Check a release and let a channel serve it."),
        "rollback": ("rollback:rollback", "Let a channel serve the release before."),
        "history": ("history:history", "Show what the channels serve and have served."),
        "diff": ("diff:diff", "Compare two releases."),
    },
    "Accounts": {
        "auth": ("auth:group", "Log accounts in and out; prove their credentials."),
        "account": ("account:group", "List the accounts."),
    },
    "Help": {
        "explain": ("explain:explain", "Explain a finding's code, a key, a function."),
        "schema": ("schema:schema", "Print the JSON Schema of a document or a record."),
        "doctor": ("doctor:doctor", "Check this installation."),
    },
}
"""Panel, name of a command, then where it is in `conn_cli.commands` and its line in the overview."""


class Overview(TyperGroup):
    """The top command."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _Commands()
        take_plain_values(self)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the commands, panel by panel."""
        for panel, commands in COMMANDS.items():
            with formatter.section(panel):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()], col_max=14)


class _Commands(Mapping[str, Any]):
    """The commands by name. A command is imported and built when it is looked up."""

    def __init__(self) -> None:
        self._places = {name: place for rows in COMMANDS.values() for name, (place, _) in rows.items()}
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            module, _, attribute = self._places[name].partition(":")
            self._built[name] = _build(name, getattr(import_module(f"conn_cli.commands.{module}"), attribute))
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _build(name: str, command: Any) -> Any:
    if isinstance(command, typer.Typer):
        command.rich_markup_mode = None
        group = get_group(command)
        group.name = name
        for inner in (group, *group.commands.values()):
            take_plain_values(inner)
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(command)
    return take_plain_values(get_command(single))
