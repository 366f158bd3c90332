"""The settings of a sync for an account, and which level sets each."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Effective, Origin
    from conn_engine.reports import Report

__all__ = ["SyncSettings", "find_sync_name"]


def find_sync_name(app: App, text: str | None) -> str | None:
    """Return the sync that a text names: `sync:NAME`, or the name of one. None if it names none.

    Raises UsageError for an unknown name after `sync:`.
    """
    from conn_engine.testing.syncs.cases import PREFIX

    if text is None:
        return None
    if text.startswith(PREFIX):
        name = text.removeprefix(PREFIX)
        app.workspace.sync(name)
        return name
    return text if "." not in text and text in app.workspace.syncs() else None


@dataclass(frozen=True)
class SyncSettings:
    """What the levels of a configuration set of a sync."""

    app: App
    effective: "Effective"
    name: str

    @cached_property
    def origins(self) -> "list[tuple[str, Origin]]":
        """Return the effective origin of each setting, with its path."""
        from conn_engine.documents import format_path
        from conn_engine.testing.syncs.places import list_settings

        found = list_settings(self.app.workspace, self.effective, self.name)
        return [(format_path(path), origin) for path, origin in found]

    def settings(self) -> Any:
        """Return the settings with all levels merged, in the form of the sync's own document."""
        from conn_engine.config.report import plain_settings
        from conn_engine.testing.syncs.places import compose_settings

        return plain_settings(compose_settings(self.app.workspace, self.effective, self.name))

    def report(self) -> "Report":
        from conn_engine.config.report import ConfigurationReport, LeafOrigin
        from conn_engine.testing.syncs.cases import PREFIX

        return ConfigurationReport(
            connector=self.effective.connector_name,
            account=self.effective.account,
            environment=self.effective.environment,
            operation=f"{PREFIX}{self.name}",
            settings=self.settings(),
            origins=[
                LeafOrigin(path=path, level=origin.level, file=origin.span.file, line=origin.span.line)
                for path, origin in self.origins
            ],
            implied=[],
            resumable=None,
            does_not_resume=[],
            query_parameters={},
            disabled=[],
            endpoints=[],
        )

    def yaml(self) -> str:
        from conn_engine.documents import dump_yaml

        return dump_yaml(self.settings())
