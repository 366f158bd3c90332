"""Rules for incremental operations: the window or the state limits what a run reads."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.config import VendorOperation, format_place
from conn_engine.config.models import Resource
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.lint.sites import Site, find_sites
from conn_engine.listing.incremental import Incremental, SyncToken
from conn_engine.roles import SENT, read_roles

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["find_unused_windows"]

_NAMES = frozenset({"window", "state"})


def find_unused_windows(target: "LintTarget") -> Iterator[Diagnostic]:
    """CFG202: an operation is incremental, but neither its requests nor its records depend on that."""
    effective = target.effective
    for operation in effective.vendor_operations():
        settings = operation.incremental
        dependent = any(source.incremental for parents in operation.parents for source in parents.sources)
        if settings is None or effective.explain_disabled(operation.operation_name):
            continue
        if dependent or _uses_window(settings) or _reads_window(effective.data, operation):
            continue
        path = operation.get_path("incremental")
        yield diagnostic(
            "CFG202",
            f"{operation.text} is incremental, but every run reads all records",
            effective.span(path),
            path=format_place(path),
            hint="send the start (`start_param: since`, or {{window.start}} in a template), or set `filter: true`",
        )


def _uses_window(settings: Incremental) -> bool:
    if isinstance(settings, SyncToken):
        return True
    roles = read_roles(type(settings))
    has_place = any(note.role in SENT and getattr(settings, name) is not None for name, _, note in roles)
    return has_place or settings.filter or settings.stop_when_older


def _reads_window(data: Mapping[str, Any], operation: VendorOperation) -> bool:
    """Return whether a template or an expression that the operation uses reads the window or the state."""
    resource = {
        key: value
        for key, value in data["resources"][operation.resource].items()
        if key == operation.name or not isinstance(value, dict) or key in Resource.__struct_fields__
    }
    return any(
        _is_window_read(site)
        for site in find_sites({**data, "unified": {}, "resources": {operation.resource: resource}})
    )


def _is_window_read(site: Site) -> bool:
    if "incremental" in site.path[:4]:
        return False
    try:
        texts = [site.text] if site.kind == "expression" else [text for text, _ in template(site.text).expressions]
        return any(not _NAMES.isdisjoint(expression(text).roots() or _NAMES) for text in texts)
    except ExpressionError:
        return True  # reported as EXP101
