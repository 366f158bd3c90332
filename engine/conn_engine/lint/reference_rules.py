"""Rules for references: operations, steps and `verify` name operations that the connector has."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from conn_engine.config import Effective, OperationName, Path_, VendorOperation, format_place, lookup, parse_place
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint.target import LintTarget
from conn_engine.listing.flows import Step

__all__ = ["build_disabled_finding", "check_operation_references", "find_disabled_operation"]


def check_operation_references(target: LintTarget) -> Iterator[Diagnostic]:
    """REF102: a unified operation, a step or `verify` names a vendor operation that the connector does not have.
    REF141: it names a disabled one."""
    effective = target.effective
    for name in effective.operations():
        if name.kind != "unified":
            continue
        operation = effective.get_unified(name.model, name.resource, name.method)
        if operation is None or any("{{" in str(text) for text in (operation.resource, operation.method)):
            continue
        if operation.enabled is False:
            continue
        target_operation = _check_reference(target, str(operation.resource), str(operation.method), name.path, name)
        yield from (
            replace(finding, hint=_suggest_operation(effective, name) or finding.hint)
            if finding.code == "REF102"
            else finding
            for finding in target_operation
        )
        for key in ("before", "after"):
            yield from _check_steps(target, getattr(operation, key), (*name.path, key))
    verify = effective.data.get("verify")
    path: Path_ = ("verify", "operation") if isinstance(verify, dict) else ("verify",)
    verified = lookup(effective.data, path)
    if isinstance(verified, str):
        resource, _, method = verified.partition(".")
        yield from _check_reference(target, resource, method, path)
    yield from _check_steps(target, effective.connector.connect, ("connect",))
    subscription = effective.webhooks.subscription if effective.webhooks is not None else None
    for key in ("create", "renew", "delete") if subscription is not None else ():
        yield from _check_steps(target, getattr(subscription, key), ("webhooks", "subscription", key))


def _check_steps(target: LintTarget, steps: Iterable[Step], path: Path_) -> Iterator[Diagnostic]:
    """Check the operations that steps name. A step with a path of its own names none."""
    for index, step in enumerate(steps):
        request = step.request
        if request is not None and request.path is None and "{{" not in f"{request.resource}{request.method}":
            request_path = (*path, index, "request")
            yield from _check_reference(target, str(request.resource), request.method or "get", request_path)


def _suggest_operation(effective: Effective, name: OperationName) -> str:
    """Suggest a similar operation of the levels below for an operation that an override adds."""
    below = [
        operation.text for operation in effective.operations() if operation.kind == "unified" and operation != name
    ]
    origins = effective.origins(name.path)
    added = origins and all(origin.level != "base" for origin in origins)
    return did_you_mean(name.text, below) if added else ""


def _check_reference(
    target: LintTarget, resource: str, method: str, path: Path_, caller: OperationName | None = None
) -> Iterator[Diagnostic]:
    """Check the operation that a path names. `caller` is the unified operation that it is behind."""
    try:
        vendor = target.effective.vendor(resource, method)
        yield from find_disabled_operation(target, vendor, path, caller)
    except UsageError as error:
        wrong = _find_wrong_key(target.effective, resource, path)
        yield diagnostic(
            "REF102", error.message, target.effective.span(wrong), path=format_place(wrong), hint=error.hint
        )
    except ConfigurationError:
        return  # reported by the schema


def find_disabled_operation(
    target: LintTarget, called: VendorOperation, path: Path_, caller: OperationName | None = None
) -> Iterator[Diagnostic]:
    """REF141: the operation that a path names is disabled. `caller` is the unified operation that it is behind."""
    disabled = target.effective.explain_disabled(called.operation_name)
    if disabled is None or disabled.span is None:
        return
    user = caller.text if caller is not None else format_place(path)
    instead = f"disable {user} too" if caller is not None else "name another operation"
    message = f"{user} calls {called.text}, which is disabled by {disabled.span.file}:{disabled.span.line}"
    yield build_disabled_finding(target, disabled, path, message, f"enable {called.text}, or {instead}")


def build_disabled_finding(
    target: LintTarget, disabled: Diagnostic, path: Path_, message: str, hint: str
) -> Diagnostic:
    """Build REF141 at the override that disables an operation (`disabled`), or else at the path that needs it."""
    effective = target.effective
    is_base = effective.origins(parse_place(disabled.path))[0].level == "base"
    span, place = (effective.span(path), format_place(path)) if is_base else (disabled.span, disabled.path)
    return diagnostic("REF141", message, span, path=place, hint=hint)


def _find_wrong_key(effective: Effective, resource: str, path: Path_) -> Path_:
    """Return the path of the `resource` or `method` that is wrong, or of the operation if neither is written."""
    resources = effective.data.get("resources")
    wrong = "method" if isinstance(resources, Mapping) and resource in resources else "resource"
    for key in (wrong, "resource", "method"):
        if any(origin.path == (*path, key) for origin in effective.origins((*path, key))):
            return (*path, key)
    return path
