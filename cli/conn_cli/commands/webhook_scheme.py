"""`conn webhook scheme`: the webhook settings of known vendors, for connector.yaml."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.options import Formats, JsonAlias, format_option

if TYPE_CHECKING:
    from conn_engine.reports import Report

__all__ = ["scheme"]


def scheme(
    context: typer.Context,
    vendor: Annotated[
        str | None,
        typer.Argument(metavar="VENDOR", help="Vendor, such as stripe or slack. Default: list the known vendors."),
    ] = None,
    *,
    formats: Annotated[Formats, format_option()] = None,
    as_json: JsonAlias = False,
) -> None:
    """Print a vendor's webhook settings for connector.yaml.

    The settings declare how to verify deliveries, reply to challenges and find events. Test them with a real delivery:
    conn webhook verify.
    """
    from conn_cli.report import write_report
    from conn_engine.config.vendors import load_facts

    app: App = context.obj
    schemes = load_facts("webhook-schemes")
    specs = formats or (["json"] if as_json else [])
    if vendor is None:
        write_report(
            lambda: _report_list(schemes),
            specs,
            {"text": lambda: _list(schemes) if app.width is None else _name(schemes)},
            app,
            folder=app.folder,
        )
        return
    entry = _find_scheme(schemes, vendor)
    write_report(lambda: _report(entry), specs, {"text": lambda: _text(entry)}, app, folder=app.folder)


def _report_list(schemes: dict[str, Any]) -> "Report":
    from conn_engine.command_reports import ListedScheme, SchemesReport

    rows = [
        ListedScheme(
            vendor=name,
            label=entry["label"],
            names=list(entry.get("names", ())),
            format=entry["webhooks"]["verify"]["format"],
            basis=entry["basis"],
            events="events" in entry["webhooks"],
        )
        for name, entry in schemes.items()
    ]
    return SchemesReport(schemes=rows)


def _report(entry: dict[str, Any]) -> "Report":
    from conn_cli.known_vendors import list_fields
    from conn_engine.command_reports import SchemeReport

    return SchemeReport(
        label=entry["label"],
        basis=entry["basis"],
        docs_url=entry.get("docs_url", ""),
        fields=list_fields(entry),
        webhooks=entry["webhooks"],
    )


def _find_scheme(schemes: dict[str, Any], vendor: str) -> dict[str, Any]:
    from conn_engine.config.vendors import find_vendor
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    name = find_vendor(schemes, vendor)
    if name is None:
        names = sorted({*schemes, *(other for entry in schemes.values() for other in entry.get("names", ()))})
        near = did_you_mean(vendor.lower(), names)
        raise UsageError(
            f'no scheme is known for the webhooks of "{vendor}"',
            hint=near
            or "conn webhook scheme lists the known vendors; "
            "docs/reference/webhook-verification.md describes how to write one",
        )
    scheme: dict[str, Any] = schemes[name]
    return scheme


def _list(schemes: dict[str, Any]) -> str:
    from conn_cli.formatting import join_lines

    width = max(map(len, schemes))
    return join_lines(
        f"{name:{width}}  {entry['webhooks']['verify']['format']:17}  {entry['label']}{_without_events(entry)}"
        for name, entry in schemes.items()
    )


def _name(schemes: dict[str, Any]) -> str:
    """Name the vendors on a screen, by how their deliveries are verified."""
    from conn_cli.formatting import join_lines

    formats: dict[str, list[str]] = {}
    for name, entry in schemes.items():
        formats.setdefault(entry["webhooks"]["verify"]["format"], []).append(name)
    width = max(map(len, formats))
    lines = [f"{kind:{width}}  {', '.join(sorted(names))}" for kind, names in formats.items()]
    return join_lines([*lines, "next: see the settings of one: conn webhook scheme VENDOR"])


def _without_events(entry: dict[str, Any]) -> str:
    return "" if "events" in entry["webhooks"] else " (no `events`)"


def _text(entry: dict[str, Any]) -> str:
    from conn_cli.formatting import join_lines
    from conn_cli.known_vendors import list_fields
    from conn_cli.neutralize import Verbatim
    from conn_engine.config.vendors import BASIS
    from conn_engine.documents import dump_yaml

    head = [f"# Webhook settings of {entry['label']}, {BASIS[entry['basis']]}."]
    head += [f"# {entry['docs_url']}"] if "docs_url" in entry else []
    if "events" not in entry["webhooks"]:
        head.append("# The event type of its deliveries is not known: add webhooks.events.")
    keys = {"fields": list_fields(entry), "webhooks": entry["webhooks"]}
    return Verbatim(join_lines(head) + dump_yaml({name: value for name, value in keys.items() if value}))
