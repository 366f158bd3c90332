"""The commands and their modules, and `conn --help`, which lists them under headings.

A command is imported when it is called; the overview imports none.
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
        "init": ("init:init", "Create a workspace."),
        "new": ("new:new", "Add a bundled connector, a skeleton, or one from a document."),
        "catalogue": ("catalogue:catalogue", "List the connectors, by name, model or capability."),
        "update": ("update:update", "Merge newer bundled connectors with your changes."),
        "import": ("import_:import_", "Create connectors from OpenAPI, Postman, HAR, Airbyte or Nango."),
    },
    "Build and test": {
        "lint": ("lint:lint", "Find mistakes in the documents."),
        "fmt": ("fmt:fmt", "Write the documents in the short form."),
        "test": ("test:test", "Replay recordings and deliveries, and check the results."),
        "run": ("run:run", "Run an operation against the vendor."),
        "record": ("record:record", "Run an operation against the vendor and record it."),
        "eval": ("eval_:evaluate", "Evaluate a JSONata expression."),
        "map": ("map_:map_", "Apply a response mapping to vendor records."),
        "har": ("har:group", "Convert between HAR files and recordings."),
        "webhook": ("webhook:group", "Verify, record, receive and send webhook deliveries."),
    },
    "Overrides and changes": {
        "show": ("show:show", "Show the workspace, or a configuration and its origins."),
        "why": ("why:why", "Show what set a value, or why a record has it."),
        "override": ("override:override", "Override a field for one account, and show the effect."),
        "diff-override": ("diff_override:diff_override", "Show what overrides change."),
        "fields": ("fields:fields", "Show the vendor's fields, and which mappings read them."),
        "coverage": ("coverage:coverage", "Show which fields are mapped, seen or always empty."),
        "mutate": ("mutate:mutate", "Inject small mistakes, and list those that no test catches."),
        "score": ("score:score", "Show what connectors cover, their tests show, and is missing."),
        "drift": ("drift:drift", "Show what the vendor has changed since the recordings."),
        "check": ("check:check", "Check a connector from somebody else, as if it were hostile."),
        "ci": ("ci:ci", "Run all checks on a change: lint, tests, coverage, impact."),
        "impact": ("impact:impact", "Show how a change affects every account."),
        "studio": ("studio:studio", "Edit mappings in a page, beside the vendor's records."),
        "open": ("open_:open_", "Open that page at an operation of an account."),
    },
    "Versions": {
        "release": ("release:release", "Store the workspace as an immutable release."),
        "promote": ("promote:promote", "Check a release, and make a channel serve it."),
        "rollout": ("rollout:rollout", "Show who uses which release of a channel; halt, pin."),
        "rollback": ("rollback:rollback", "Return a channel to an earlier release."),
        "history": ("history:history", "Show the releases, and what each channel has served."),
        "export": ("export:export", "Write a release, with the accounts of a service, into a folder."),
        "diff": ("diff:diff", "Compare two releases."),
    },
    "Data": {
        "sync": ("sync:group", "Run syncs, and show what they did."),
        "serve": ("serve:serve", "Serve an application: the unified API over HTTP."),
        "openapi": ("openapi:openapi", "Print the OpenAPI document of an account's unified API."),
        "inbox": ("inbox:group", "Show received webhooks, and make their events again."),
        "endpoint": ("endpoint:group", "Show, test and redeliver to the endpoints that receive events."),
        "token": ("token:group", "Create, list and revoke the tokens of applications."),
    },
    "Accounts": {
        "auth": ("auth:group", "Store, verify and remove the credentials of accounts."),
        "account": ("account:group", "List, change and connect the accounts."),
    },
    "Help": {
        "explain": ("explain:explain", "Explain a finding's code, a setting or a function."),
        "schema": ("schema:schema", "Print the fields of a record, or the schema of a document."),
        "lsp": ("lsp:lsp", "Serve an editor: findings, completion, hover and fixes."),
        "mcp": ("mcp:mcp", "Serve an agent: tools for an account's records, or for authors."),
        "doctor": ("doctor:doctor", "Check this installation."),
    },
}
"""For each heading, the commands with their place in `conn_cli.commands` and their line in the overview."""


class Overview(TyperGroup):
    """The command `conn` itself."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _Commands()
        take_plain_values(self)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the commands under their headings."""
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
