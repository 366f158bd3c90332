"""`conn webhook scheme`: how known vendors prove their deliveries, as text for a connector.yaml."""

from typing import Annotated, Any

import typer

from conn_cli.console import App

__all__ = ["scheme"]

_BASIS = {
    "library": "tried against the vendor's own library",
    "documentation": "as the vendor documents it",
    "implementations": "as several public implementations have it",
    "memory": "not checked: try it with a real delivery first",
}


def scheme(
    context: typer.Context,
    vendor: Annotated[
        str | None, typer.Argument(metavar="[VENDOR]", help="stripe, slack … Without: list them.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Print how a vendor proves its deliveries, answers challenges and tells of events: to paste into connector.yaml.

    Try it on a delivery that really came: conn webhook check.
    """
    from conn_cli.scaffold import known_schemes

    app: App = context.obj
    known = known_schemes()
    if vendor is None:
        rows = {
            name: {
                "label": told["label"],
                "names": told.get("names", []),
                "basis": told["basis"],
                "events": "events" in told["webhooks"],
            }
            for name, told in known.items()
        }
        if as_json:
            app.out_json(rows, indent=None)
        else:
            app.out(_list(known))
        return
    told = _chosen(known, vendor)
    keys = {"fields": _fields(told), "webhooks": told["webhooks"]}
    if as_json:
        app.out_json({name: value for name, value in keys.items() if value}, indent=None)
        return
    app.out(_text(told, keys))


def _chosen(known: dict[str, Any], vendor: str) -> dict[str, Any]:
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
    width = max(map(len, known))
    return "\n".join(
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


def _text(told: dict[str, Any], keys: dict[str, Any]) -> str:
    from conn_engine.documents import dump_yaml

    head = [f"# How deliveries of {told['label']} are proved: {_BASIS[told['basis']]}."]
    head += [f"# {told['docs_url']}"] if "docs_url" in told else []
    if "events" not in told["webhooks"]:
        head.append("# The event type of its deliveries is not known: add webhooks.events yourself.")
    return "\n".join(head) + "\n" + dump_yaml({name: value for name, value in keys.items() if value}).rstrip("\n")
