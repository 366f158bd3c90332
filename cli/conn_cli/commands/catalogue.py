"""`conn catalogue`: the bundled connectors and those of the workspace, by name, model or capability."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.analysis.score.catalogue import CatalogueEntry
    from conn_engine.analysis.score.report import KnownVendor


def catalogue(
    context: typer.Context,
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORD",
            help="Show only connectors whose name, model, resource, capability or description has every WORD.",
        ),
    ] = None,
    formats: Annotated[Formats, format_option("markdown")] = None,
) -> None:
    """List the bundled connectors and those of the workspace.

    \b
    Examples:
      conn catalogue crm webhooks
      conn catalogue oauth incremental
      conn catalogue hubspot
    """
    from conn_cli.report import score as report
    from conn_cli.report import write_report
    from conn_engine.analysis.score.catalogue import list_catalogue, search_catalogue
    from conn_engine.analysis.score.report import CatalogueReport
    from conn_engine.documents.locate import find_workspace

    app: App = context.obj
    entries = list_catalogue(app.workspace if find_workspace(app.folder) else None, app.clock.now())
    found = search_catalogue(entries, words or [])
    known = _find_known(words or [], found)
    step = _suggest_step(words or [], found, entries, known)
    texts = {
        "text": lambda: report.draw_catalogue(found, known, app.width, step),
        "markdown": lambda: report.draw_catalogue_markdown(found),
    }
    write_report(
        lambda: CatalogueReport(words=words or [], connectors=found, known=known),
        formats or [],
        texts,
        app,
        folder=app.folder,
    )


def _find_known(words: list[str], found: "list[CatalogueEntry]") -> "list[KnownVendor]":
    """Return the vendor with the name in `words` if it has no connector, but known settings."""
    from conn_cli.known_vendors import SETTINGS
    from conn_engine.analysis.score.report import KnownVendor
    from conn_engine.config.vendors import find_known

    name = " ".join(words)
    facts = find_known(name) if words else {}
    if not facts or any(entry.connector == name for entry in found):
        return []
    label = next(iter(facts.values()))["label"]
    return [KnownVendor(vendor=name, label=label, settings=[SETTINGS[kind] for kind in facts])]


def _suggest_step(
    words: list[str],
    found: "list[CatalogueEntry]",
    entries: "list[CatalogueEntry]",
    known: "list[KnownVendor]",
) -> str:
    from conn_engine.diagnostics import did_you_mean

    if found:
        unscored = next((entry for entry in found if entry.in_workspace and entry.score is None), None)
        if unscored is not None:
            return f"next: conn score {unscored.connector}"
        new = next((entry for entry in found if not entry.in_workspace), None)
        return f"next: conn new {new.connector}" if new else f"next: conn score {found[0].connector}"
    if known:
        return f"next: conn new {known[0].vendor}"
    near = did_you_mean(" ".join(words), [entry.connector for entry in entries])
    return f"no connector has {' and '.join(words)}" + (f"; {near}" if near else "; conn catalogue lists all")
