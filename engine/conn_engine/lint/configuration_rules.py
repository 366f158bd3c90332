"""Rules for the merged configuration: its own findings, overrides and mappings without effect, missing recordings."""

from collections.abc import Iterator

from conn_engine.config import (
    INHERITED_BY_LISTINGS,
    Effective,
    Path_,
    VendorOperation,
    format_place,
    lookup,
)
from conn_engine.config.unknown_places import find_unknown_places
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.site import find_objects
from conn_engine.lint.target import LintTarget

__all__ = [
    "check_operations_are_recorded",
    "find_dead_overrides",
    "find_idle_mappings",
    "find_idle_settings",
    "find_ineffective_overrides",
    "find_partial_overrides",
    "find_unknown_overrides",
    "report_configuration_findings",
]


def report_configuration_findings(target: LintTarget) -> Iterator[Diagnostic]:
    """SEC110 to SEC117 and other findings of the merged configuration (see `config.authority`)."""
    yield from target.effective.findings


def find_dead_overrides(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG201: an override changes nothing."""
    for origin in target.effective.dead():
        yield diagnostic(
            "CFG201",
            f"{format_place(origin.path)} is the same as in the level below",
            origin.span,
            path=format_place(origin.path),
            hint="delete the line, which has no effect",
        )


def find_unknown_overrides(view: LayerView) -> Iterator[Diagnostic]:
    """REF142: an override sets something for a resource, an operation or a model that the connector does not have."""
    layers = view.target.effective.layers
    yield from find_unknown_places(layers[: layers.index(view.layer) + 1])


def find_ineffective_overrides(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG160: a setting of an override is hidden by a more specific one. CFG161, CFG162: it drops settings below."""
    yield from (finding for finding in target.effective.find_ineffective_overrides() if finding.code != "REF142")


def find_partial_overrides(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG150: an override changes a field only in some operations of a resource."""
    for partial in target.effective.partial_overrides():
        place = format_place((*partial.resource, partial.key))
        hint = f"set it under {place} for all operations, or add: # conn: ignore CFG150 -- reason"
        yield diagnostic("CFG150", partial.text, partial.span, path=format_place(partial.path), hint=hint)


def find_idle_mappings(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG151: a resource has a mapping that none of its operations uses."""
    effective = target.effective
    for origin in effective.idle_mappings():
        model, resource, key = (str(part) for part in origin.path[1:])
        known = {name.resource for name in effective.operations() if name.kind == "unified" and name.model == model}
        which = "" if key == "response_mapping" else "create, update or one with a request_body_mapping: "
        hint = did_you_mean(resource, sorted(known)) if resource not in known else ""
        yield diagnostic(
            "CFG151",
            f"no operation of {model}.{resource} uses its {key}",
            origin.key_span,
            path=format_place(origin.path),
            hint=hint or f"add an operation ({which}{format_place(origin.path[:-1])}), or delete the mapping",
        )


def find_idle_settings(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG151: a resource has a path, or something that listings inherit, and none of its operations uses it."""
    effective = target.effective
    names = {name.path[:2] for name in effective.operations() if name.kind == "vendor"}
    operations: dict[Path_, list[VendorOperation]] = {}
    for operation in effective.vendor_operations():
        operations.setdefault(operation.place[:2], []).append(operation)
    if effective.findings:
        return  # an operation with a fault might use it
    for layer in effective.layers:
        for resource, settings in find_objects(layer.data.get("resources")):
            for key in ("path", *INHERITED_BY_LISTINGS):
                path = ("resources", resource, key)
                users = operations.get(path[:2], [])
                if settings.get(key) is None or any(_uses(effective, operation, key) for operation in users):
                    continue
                hint = did_you_mean(resource, [str(name[1]) for name in names]) if path[:2] not in names else ""
                yield diagnostic(
                    "CFG151",
                    f"no operation of {resource} uses its {key}",
                    layer.source(path).document.key_span(layer.source(path).place(path)),
                    path=format_place(path),
                    hint=hint or f"delete {key}, or set it on the operation that needs it",
                )


def _uses(effective: Effective, operation: VendorOperation, key: str) -> bool:
    """Return whether an operation uses what its resource sets for this key, perhaps with settings of its own."""
    if operation.get_path(key) == ("resources", operation.resource, key):
        return True
    is_merged = key == "incremental" and operation.is_listing
    return is_merged and lookup(effective.data, (*operation.place, key)) is not None


def check_operations_are_recorded(target: LintTarget) -> Iterator[Diagnostic]:
    """REC101: a unified operation has no recording."""
    effective = target.effective
    if effective.account is not None:
        return
    folder = target.workspace.root / "connectors" / effective.connector_name / "recordings"
    names = {path.name for path in folder.glob("**/*.json")}
    for name in effective.enabled_operations():
        if name.kind != "unified" or any(n == f"{name.text}.json" or n.startswith(f"{name.text}.") for n in names):
            continue
        yield diagnostic(
            "REC101",
            f"{name.text} has no recording",
            effective.span(name.path),
            path=format_place(name.path),
            hint=f"record it: conn record {name.text} --account ACCOUNT, or without an account from a file with the "
            f"response: conn record {name.text} -c {effective.connector_name} --from-body FILE",
        )
