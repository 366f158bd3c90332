"""The tables of rules. A rule is a function that takes a `LintTarget` or a `LayerView` and yields findings."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from conn_engine.config import MAPPINGS, Effective, OperationName, Path_, lookup, mapping_layers, singular
from conn_engine.config.literals import literal_secrets
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, ExpressionError, UsageError
from conn_engine.expressions import expression, known_functions, template
from conn_engine.lint.credential_rules import (
    check_authorization_names,
    check_credential_is_sent,
    check_path_has_placeholder,
    check_path_part_is_required,
    find_unobtainable_tokens,
)
from conn_engine.lint.event_rules import check_events, check_events_are_recorded
from conn_engine.lint.expression_rules import find_constant_filters, find_text_sums
from conn_engine.lint.failure_rules import (
    check_sunsets,
    find_credentials_in_urls,
    find_ineffective_actions,
    find_unreachable_rules,
)
from conn_engine.lint.flow_rules import check_flow_operations, check_record_types, find_parent_cycles
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.mapping_rules import find_base_references, find_one_sided_fields, find_removed_fields
from conn_engine.lint.paging_rules import check_paginations
from conn_engine.lint.request_rules import find_plain_urls, find_single_braces, find_unsendable_verify
from conn_engine.lint.run_rules import find_unused_windows
from conn_engine.lint.schema_rules import find_unfit_keys, find_unreadable_schemas
from conn_engine.lint.site import Site
from conn_engine.lint.target import LintTarget
from conn_engine.lint.webhook_rules import check_challenges, check_routing_context, check_verification

__all__ = ["CONTEXT_RULES", "LAYER_RULES", "TARGET_RULES"]


def check_syntax(view: LayerView) -> Iterator[Diagnostic]:
    """EXP101: an expression or template does not parse."""
    for site in view.sites:
        try:
            if site.kind == "template":
                for text, offset in template(site.text).expressions:
                    yield from _check_expression(view, site, text, offset)
            else:
                yield from _check_expression(view, site, site.text, 0)
        except ExpressionError as error:
            yield _build_syntax_finding(view, site, error, 0)


def _check_expression(view: LayerView, site: Site, text: str, offset: int) -> Iterator[Diagnostic]:
    try:
        expression(text)
    except ExpressionError as error:
        yield _build_syntax_finding(view, site, error, offset)


def _build_syntax_finding(view: LayerView, site: Site, error: ExpressionError, shift: int) -> Diagnostic:
    offset = error.offset + shift if error.offset >= 0 else -1
    span = view.locate(site, offset, len(error.token))
    return diagnostic("EXP101", error.message, span, path=format_path(site.path), hint=error.hint)


def check_functions(view: LayerView) -> Iterator[Diagnostic]:
    """EXP102: an expression calls an unknown function."""
    known = known_functions()
    for site, text, offset in view.parts:
        try:
            calls = expression(text).calls()
        except ExpressionError:
            continue
        for name, at in calls:
            if name not in known:
                hint = did_you_mean(name, known)
                hint = hint.replace('"', '"$', 1) if hint else "list the functions: conn explain functions"
                span = view.locate(site, offset + at, len(name) + 1)
                yield diagnostic("EXP102", f"unknown function ${name}", span, path=format_path(site.path), hint=hint)


def check_names(view: LayerView) -> Iterator[Diagnostic]:
    """EXP103: an expression reads an unknown name. EXP104: it reads env or a credential outside of authorization."""
    for site, text, offset in view.parts:
        if site.names is None:
            continue
        try:
            roots = expression(text).roots()
        except ExpressionError:
            continue
        for root in sorted(map(str, (roots or frozenset()) - site.names)):
            at = _find_word(text, root)
            span = view.locate(site, offset + at if at >= 0 else -1, len(root))
            if root in ("env", "oauth", "credentials", "secrets"):
                message = f'"{root}" is not available here: only authorization can read secrets'
                hint = "move it to `authorization`, or use a value of the account's `context`"
                yield diagnostic("EXP104", message, span, path=format_path(site.path), hint=hint)
                continue
            hint = did_you_mean(root, site.names)
            if not hint and site.credential:
                hint = f"declare a secret of the account: fields: [{{name: {root}, secret: true, required: false}}]"
            hint = hint or f"use one of: {', '.join(sorted(site.names))}"
            yield diagnostic("EXP103", f'unknown name "{root}"', span, path=format_path(site.path), hint=hint)


def check_variables(view: LayerView) -> Iterator[Diagnostic]:
    """EXP103: an expression reads a variable that is not set, in a place whose names are known."""
    for site, text, offset in view.parts:
        if site.names is None:
            continue
        try:
            given = {"base"} if _is_in_mapping(site.path) else set()
            unset = expression(text).variables() - known_functions() - site.names - given
        except ExpressionError:
            continue
        for name in sorted(unset - {called for called, _ in expression(text).calls()}):
            at = text.find(f"${name}")
            span = view.locate(site, offset + at, len(name) + 1)
            near = did_you_mean(name, [*given, *site.names])
            hint = near.replace('"', '"$' if "base" in near else '"', 1) or f"set it first: (${name} := …; …)"
            yield diagnostic("EXP103", f"${name} is not set", span, path=format_path(site.path), hint=hint)


def _is_in_mapping(path: Path_) -> bool:
    """Return whether a place is in a mapping, where `$base` is the result of the levels below."""
    return path[0] == "unified" and not MAPPINGS.isdisjoint(path[3:5])


def _find_word(text: str, word: str) -> int:
    found = re.search(rf"(?<![\w$.]){re.escape(word)}\b", text)
    return found.start() if found else text.find(word)


def find_literal_secrets(view: LayerView) -> Iterator[Diagnostic]:
    """SEC101: a document contains a secret."""
    for path, _ in literal_secrets(view.layer.data):
        yield diagnostic(
            "SEC101",
            f"{path[-1]} contains a secret",
            view.layer.span(path),
            path=format_path(path),
            hint="revoke it; store the new one (conn auth login ACCOUNT), or read it as {{env.NAME}}",
        )


def find_secrets_in_context(target: LintTarget) -> Iterator[Diagnostic]:
    """SEC101: an account's context, which every expression can read, contains a secret."""
    effective = target.effective
    if effective.account is None:
        return
    document = target.workspace.document("account", effective.account)
    declared = {field.name for field in effective.connector.fields if field.secret}
    found = {path for path, _ in literal_secrets({"context": effective.context})}
    found |= {("context", name) for name in declared if isinstance(effective.context.get(name), str)}
    for path in sorted(found, key=format_path):
        yield diagnostic(
            "SEC101",
            f"{path[-1]} contains a secret",
            document.span(path),
            path=format_path(path),
            hint=f"revoke it, and store the new one with the credential: conn auth login {effective.account}",
        )


def check_operation_references(target: LintTarget) -> Iterator[Diagnostic]:
    """REF102: a unified operation, a step or `verify` names a vendor operation that the connector does not have."""
    effective = target.effective
    for name in effective.operations():
        if name.kind != "unified":
            continue
        operation = effective.get_unified(name.model, name.resource, name.method)
        if operation is None or any("{{" in str(text) for text in (operation.resource, operation.method)):
            continue
        own = _check_reference(target, str(operation.resource), str(operation.method), name.path)
        yield from (replace(finding, hint=_suggest_operation(effective, name) or finding.hint) for finding in own)
        for key in ("before", "after"):
            for index, step in enumerate(getattr(operation, key)):
                request = step.request
                if request is None or request.path is not None or "{{" in f"{request.resource}{request.method}":
                    continue
                yield from _check_reference(
                    target,
                    str(request.resource),
                    request.method or "get",
                    (*name.path, key, index, "request"),
                )
    verify = effective.data.get("verify")
    path: Path_ = ("verify", "operation") if isinstance(verify, dict) else ("verify",)
    verified = lookup(effective.data, path)
    if isinstance(verified, str):
        resource, _, method = verified.partition(".")
        yield from _check_reference(target, resource, method, path)
    for index, step in enumerate(effective.connector.connect):
        request = step.request
        if request is not None and request.path is None and "{{" not in f"{request.resource}{request.method}":
            at = ("connect", index, "request")
            yield from _check_reference(target, str(request.resource), request.method or "get", at)
    yield from _check_subscription_steps(target)


def _check_subscription_steps(target: LintTarget) -> Iterator[Diagnostic]:
    webhooks = target.effective.webhooks
    subscription = webhooks.subscription if webhooks is not None else None
    for key in ("create", "renew", "delete") if subscription is not None else ():
        for index, step in enumerate(getattr(subscription, key)):
            request = step.request
            if request is not None and request.path is None and "{{" not in f"{request.resource}{request.method}":
                at = ("webhooks", "subscription", key, index, "request")
                yield from _check_reference(target, str(request.resource), request.method or "get", at)


def _suggest_operation(effective: Effective, name: OperationName) -> str:
    """Suggest a similar operation of the levels below for an operation that an override adds."""
    below = [known.text for known in effective.operations() if known.kind == "unified" and known != name]
    origins = effective.origins(name.path)
    added = origins and all(origin.level != "base" for origin in origins)
    return did_you_mean(name.text, below) if added else ""


def _check_reference(target: LintTarget, resource: str, method: str, path: Path_) -> Iterator[Diagnostic]:
    try:
        target.effective.vendor(resource, method)
    except UsageError as error:
        wrong = _find_wrong_key(target.effective, resource, path)
        yield diagnostic(
            "REF102", error.message, target.effective.span(wrong), path=format_path(wrong), hint=error.hint
        )
    except ConfigurationError:
        return  # reported by the schema


def _find_wrong_key(effective: Effective, resource: str, path: Path_) -> Path_:
    """Return the path of the `resource` or `method` that is wrong, or of the operation if neither is written."""
    known = effective.data.get("resources")
    wrong = "method" if isinstance(known, Mapping) and resource in known else "resource"
    for key in (wrong, "resource", "method"):
        if any(origin.path == (*path, key) for origin in effective.origins((*path, key))):
            return (*path, key)
    return path


def check_model_fields(target: LintTarget) -> Iterator[Diagnostic]:
    """MAP303: a mapping sets a field that the unified model does not have."""
    effective = target.effective
    for name, operation in effective.unified_operations():
        record = operation.record or singular(name.resource)
        if name.method == "delete":
            continue
        known = effective.schemas.find_closed_fields(name.model, record)
        if known is None:
            continue
        for path in _find_mapped_fields((*name.path, "response_mapping"), operation.response_mapping):
            key = str(path[-1])
            if key not in known:
                origins = effective.origins(path)
                span = origins[0].key_span if origins else effective.span(path)
                text = f'the unified record {name.model}.{record} has no field "{key}"'
                hint = did_you_mean(key, known) or "use a field of the model, or put it under custom_fields"
                yield diagnostic("MAP303", text, span, path=format_path(path), hint=hint)


def _find_mapped_fields(path: Path_, mapped: Any) -> dict[Path_, None]:
    """Return the paths of the fields that a mapping's levels set by name, without those that a level removes."""
    found: dict[Path_, None] = {}
    for layer in mapping_layers(mapped):
        for key, value in layer.items() if isinstance(layer, dict) else ():
            if value is not None:
                found[(*path, key)] = None
    return found


def find_dead_overrides(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG201: an override changes nothing."""
    for origin in target.effective.dead():
        yield diagnostic(
            "CFG201",
            f"{format_path(origin.path)} is the same as in the level below",
            origin.span,
            path=format_path(origin.path),
            hint="delete the line, which has no effect",
        )


def find_partial_overrides(target: LintTarget) -> Iterator[Diagnostic]:
    """CFG150: an override changes a field only in some operations of a resource."""
    for partial in target.effective.partial_overrides():
        place = f"{format_path(partial.resource)}.{partial.key}"
        hint = f"set it under {place} for all operations, or add: # conn: ignore CFG150 -- reason"
        yield diagnostic("CFG150", partial.text, partial.span, path=format_path(partial.path), hint=hint)


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
            path=format_path(origin.path),
            hint=hint or f"add an operation ({which}unified.{model}.{resource}), or delete the mapping",
        )


def report_configuration_findings(target: LintTarget) -> Iterator[Diagnostic]:
    """SEC110 to SEC117 and other findings of the merged configuration (see `config.authority`)."""
    yield from target.effective.findings


def check_required_values(target: LintTarget) -> Iterator[Diagnostic]:
    """REF103: the account lacks a value that its connector needs."""
    effective = target.effective
    if effective.account is None:
        return
    document = target.workspace.document("account", effective.account)
    for needed in effective.connector.fields:
        if needed.secret or not needed.required:
            continue
        value = effective.context.get(needed.name)
        if value is None:
            text = f'account "{effective.account}" lacks {needed.name}, which its connector requires'
            span = document.span(("context",))
            yield diagnostic(
                "REF103",
                text,
                span,
                path=f"context.{needed.name}",
                hint=f"add {needed.name} under context{f' ({needed.description})' if needed.description else ''}",
            )
            continue
        path = ("context", needed.name)
        if needed.options and str(value) not in needed.options:
            text = f"{needed.name} is {value!r}, which is not one of its options"
            hint = f"use one of: {', '.join(needed.options)}"
            yield diagnostic("REF103", text, document.span(path), path=format_path(path), hint=hint)
        elif needed.pattern and not _matches_pattern(needed.pattern, str(value)):
            text = f"{needed.name} does not match the pattern {needed.pattern}"
            hint = f"correct it{f' ({needed.description})' if needed.description else ''}"
            yield diagnostic("REF103", text, document.span(path), path=format_path(path), hint=hint)


def _matches_pattern(pattern: str, text: str) -> bool:
    from conn_engine.errors import ExpressionError
    from conn_engine.expressions import groups_of

    try:
        return groups_of(pattern, text, whole=True) is not None
    except ExpressionError:  # a pattern that takes too long matches nothing
        return False


def check_operations_are_recorded(target: LintTarget) -> Iterator[Diagnostic]:
    """REC101: a unified operation has no recording."""
    effective = target.effective
    if effective.account is not None:
        return
    folder = target.workspace.root / "connectors" / effective.connector_name / "recordings"
    names = {path.name for path in folder.glob("**/*.json")}
    for name in effective.operations():
        if name.kind != "unified" or any(n == f"{name.text}.json" or n.startswith(f"{name.text}.") for n in names):
            continue
        yield diagnostic(
            "REC101",
            f"{name.text} has no recording",
            effective.span(name.path),
            path=format_path(name.path),
            hint=f"record it: conn record {name.text} --account ACCOUNT",
        )


LAYER_RULES: tuple[Callable[[LayerView], Iterator[Diagnostic]], ...] = (
    check_syntax,
    check_functions,
    check_names,
    check_variables,
    find_constant_filters,
    find_text_sums,
    find_literal_secrets,
    find_single_braces,
    find_plain_urls,
)
"""Rules for the text of one level: each runs once for a document, however many accounts use it."""

TARGET_RULES: tuple[Callable[[LintTarget], Iterator[Diagnostic]], ...] = (
    report_configuration_findings,
    check_operation_references,
    find_unsendable_verify,
    find_unreadable_schemas,
    find_unfit_keys,
    check_flow_operations,
    find_parent_cycles,
    check_record_types,
    find_unused_windows,
    check_paginations,
    find_unreachable_rules,
    find_ineffective_actions,
    find_credentials_in_urls,
    check_authorization_names,
    check_credential_is_sent,
    check_path_has_placeholder,
    check_path_part_is_required,
    find_unobtainable_tokens,
    check_sunsets,
    check_verification,
    check_challenges,
    check_routing_context,
    check_events,
    check_model_fields,
    find_base_references,
    find_removed_fields,
    find_one_sided_fields,
    find_dead_overrides,
    find_partial_overrides,
    find_idle_mappings,
    check_required_values,
    find_secrets_in_context,
    check_operations_are_recorded,
    check_events_are_recorded,
)
"""Rules for an effective configuration."""

CONTEXT_RULES: tuple[Callable[[LintTarget], Iterator[Diagnostic]], ...] = (
    check_required_values,
    find_secrets_in_context,
)
"""The rules about an account's own values. For an account that overrides nothing, only these run."""
