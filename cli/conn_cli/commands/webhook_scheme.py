"""`conn webhook scheme`: how known vendors prove their deliveries, as text for a connector.yaml."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.options import Formats, JsonAlias, format_option

if TYPE_CHECKING:
    from conn_engine.reports import Report

__all__ = ["scheme"]

_BASIS = {
    "library": "tested with the vendor's own library",
    "documentation": "from the vendor's documentation",
    "implementations": "from several public implementations",
    "memory": "not checked, so test them with a real delivery first",
}


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

    The settings declare how to verify deliveries, answer challenges and find events. Test them with a real delivery:
    conn webhook verify.
    """
    from conn_cli.report import write_report
    from conn_cli.scaffold import load_schemes

    app: App = context.obj
    known = load_schemes()
    specs = formats or (["json"] if as_json else [])
    if vendor is None:
        write_report(lambda: _report_list(known), specs, {"text": lambda: _list(known)}, app, folder=app.folder)
        return
    told = _find_scheme(known, vendor)
    write_report(lambda: _report(told), specs, {"text": lambda: _text(told)}, app, folder=app.folder)


def _report_list(known: dict[str, Any]) -> "Report":
    from conn_engine.command_reports import ListedScheme, SchemesReport

    rows = [
        ListedScheme(
            vendor=name,
            label=told["label"],
            names=list(told.get("names", ())),
            format=told["webhooks"]["verify"]["format"],
            basis=told["basis"],
            events="events" in told["webhooks"],
        )
        for name, told in known.items()
    ]
    return SchemesReport(schemes=rows)


def _report(told: dict[str, Any]) -> "Report":
    from conn_engine.command_reports import SchemeReport

    return SchemeReport(
        label=told["label"],
        basis=told["basis"],
        docs_url=told.get("docs_url", ""),
        fields=_fields(told),
        webhooks=told["webhooks"],
    )


def _find_scheme(known: dict[str, Any], vendor: str) -> dict[str, Any]:
    from conn_cli.scaffold import find_scheme
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    name = find_scheme(known, vendor)
    if name is None:
        names = sorted({*known, *(other for entry in known.values() for other in entry.get("names", ()))})
        near = did_you_mean(vendor.lower(), names)
        raise UsageError(
            f'no scheme is known for the webhooks of "{vendor}"',
            hint=near or "conn webhook scheme lists the known vendors; docs/webhooks.md describes how to write one",
        )
    scheme: dict[str, Any] = known[name]
    return scheme


def _list(known: dict[str, Any]) -> str:
    from conn_cli.formatting import join_lines

    width = max(map(len, known))
    return join_lines(
        f"{name:{width}}  {entry['webhooks']['verify']['format']:17}  {entry['label']}{_without_events(entry)}"
        for name, entry in known.items()
    )


def _without_events(entry: dict[str, Any]) -> str:
    return "" if "events" in entry["webhooks"] else " (no `events`)"


def _fields(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What an account must have for it: secrets, and what tells it apart."""
    fields = [
        {"name": name, "label": _label(name), "secret": True, "required": False} for name in told.get("secrets", ())
    ]
    routing = told["webhooks"].get("account")
    if routing is not None:
        fields.append({"name": routing["context"], "label": _label(routing["context"]), "required": False})
    return fields


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _text(told: dict[str, Any]) -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.documents import dump_yaml

    head = [f"# Webhook settings of {told['label']}, {_BASIS[told['basis']]}."]
    head += [f"# {told['docs_url']}"] if "docs_url" in told else []
    if "events" not in told["webhooks"]:
        head.append("# The event type of its deliveries is not known: add webhooks.events.")
    keys = {"fields": _fields(told), "webhooks": told["webhooks"]}
    return join_lines(head) + dump_yaml({name: value for name, value in keys.items() if value})
