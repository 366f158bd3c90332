"""Rules for requests: foreign placeholders in paths, URLs without TLS or to internal hosts, a `verify` operation that
needs a caller."""

import re
from collections.abc import Iterator

from conn_engine.config import Path_, VendorOperation, format_place
from conn_engine.config.endpoints import iterate_request_urls
from conn_engine.config.host_patterns import host_pattern, is_consent_page, is_url_place
from conn_engine.config.models import Configuration
from conn_engine.config.reads import find_note
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import iterate_texts
from conn_engine.errors import ConfigurationError, ExpressionError, ParameterError, UsageError
from conn_engine.expressions import render, template
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.site import Site
from conn_engine.lint.target import LintTarget
from conn_engine.runtime.call import Call
from conn_engine.runtime.request import call_scope
from conn_engine.runtime.variants import verify_operation
from conn_engine.transport import gateway
from conn_engine.transport.egress import judge_host, suggest_fix
from conn_engine.transport.hosts import is_covered
from conn_engine.transport.url_templates import hide_templates, split_url

__all__ = ["find_foreign_placeholders", "find_internal_urls", "find_plain_urls", "find_unsendable_verify"]

_PLACEHOLDER = re.compile(r"\$?(?<!\{)\{([A-Za-z_][\w.-]*)\}(?!\})|(?<=/):([A-Za-z_]\w*)(?=/|\Z|\?)")


def find_foreign_placeholders(view: LayerView) -> Iterator[Diagnostic]:
    """CFG130: a path or URL contains `{id}`, `${id}` or `:id`, which is sent as text. Only a credential uses single
    braces."""
    urls = {path: text for path, text in iterate_texts(view.layer.data) if is_url_place(path)}
    for path, text in {**dict(iterate_request_urls(view.layer.data)), **urls}.items():
        plain = text
        for source, at in _find_expressions(text):
            plain = plain[:at] + " " * len(source) + plain[at + len(source) :]
        for found in _PLACEHOLDER.finditer(plain):
            name = found[1] or found[2]
            if name in _find_credential_names(view.target):
                continue
            site = Site(path, text, "template", None)
            span = view.locate(site, found.start(), len(found[0]))
            message = f"{found[0]} is sent as text: a template has two braces"
            correct = f"{{{{{_add_scope(path, name)}}}}}"
            fix = view.build_part_fix(site, found.start(), len(found[0]), correct)
            yield diagnostic("CFG130", message, span, path=format_place(path), hint=f"write {correct}", fix=fix)


def _add_scope(path: Path_, name: str) -> str:
    """Return a name as a template has it: a base URL can only read the account's context."""
    is_known = find_note(Configuration, path).over != "context" or name.startswith("context.")
    return name if is_known else f"context.{name.rpartition('.')[2]}"


def _find_credential_names(target: LintTarget) -> set[str]:
    texts = iterate_texts(target.effective.data)
    return {text for path, text in texts if path[-1] == "name" and "authorization" in path}


def _find_expressions(text: str) -> list[tuple[str, int]]:
    try:
        return list(template(text).expressions)
    except ExpressionError:
        return []


def find_plain_urls(view: LayerView) -> Iterator[Diagnostic]:
    """SEC130: requests go to a public host over `http://`, and conn.yaml does not confirm it."""
    trusted = view.target.effective.trusted_hosts
    for path, text in _iterate_urls(view):
        if not text.lower().startswith("http://"):
            continue
        pattern = host_pattern(text)
        url = hide_templates(text).replace("\0", "x")
        if pattern is None or not gateway.is_target(url) or judge_host(gateway.parse_target(url).origin, ()):
            continue
        if is_covered(f"http://{pattern}", trusted):
            continue
        yield diagnostic(
            "SEC130",
            f"requests to {pattern} are not encrypted",
            view.locate(Site(path, text, "template", None), 0, len("http://")),
            path=format_place(path),
            hint=f"write https://; if the host has no TLS, confirm it in conn.yaml: trusted_hosts: "
            f'["http://{pattern}"]',
        )


def find_internal_urls(view: LayerView) -> Iterator[Diagnostic]:
    """SEC131: requests go to an internal host that conn.yaml does not list, so that each of them is refused."""
    for path, text in _iterate_urls(view):
        front = split_url(text)[0]
        if "{{" in front or is_consent_page(path) or not gateway.is_target(front):
            continue
        goal = gateway.parse_target(front)
        reason = judge_host(goal.origin, view.target.effective.trusted_hosts)
        if reason:
            yield diagnostic(
                "SEC131",
                f"requests to {goal.scheme}://{goal.authority} are refused: it is {reason}",
                view.locate(Site(path, text, "template", None), 0, len(front)),
                path=format_place(path),
                hint=suggest_fix(goal),
            )


def _iterate_urls(view: LayerView) -> Iterator[tuple[Path_, str]]:
    """Yield the texts of a level that say where requests go."""
    for path, text in iterate_texts(view.layer.data):
        if is_url_place(path) or path[-2:] == ("request", "base_url"):
            yield path, text


def find_unsendable_verify(target: LintTarget) -> Iterator[Diagnostic]:
    """REF130: the operation of `verify` needs a value that only a caller can supply."""
    effective = target.effective
    try:
        operation = verify_operation(effective)
    except ConfigurationError:
        return  # reported by another rule
    if operation is None or not (missing := _find_needed(target, operation)):
        return
    others = (
        candidate
        for candidate in effective.vendor_operations()
        if candidate.method == "GET" and not _find_needed(target, candidate)
    )
    other = next((candidate.text for candidate in others), "")
    path = ("verify", "operation") if isinstance(effective.data.get("verify"), dict) else ("verify",)
    yield diagnostic(
        "REF130",
        f"verify names {operation.text}, which needs {' and '.join(missing)} from a caller",
        effective.span(path),
        path=format_place(path),
        hint=f"name an operation that needs no value{f', such as {other}' if other else ''}",
    )


def _find_needed(target: LintTarget, operation: VendorOperation) -> list[str]:
    """Return the names that an operation's request requires from the caller."""
    scope = call_scope(target.effective, Call(), target.effective.conditions)
    names: dict[str, None] = {}
    for _, text in iterate_texts([operation.path, operation.query, operation.headers, operation.body]):
        for source, _ in _find_expressions(text):
            try:
                render(f"{{{{{source}}}}}", scope)
            except ParameterError as error:
                names[error.name] = None
            except (ExpressionError, UsageError):
                continue  # a value of the account, or an invalid expression: reported by other rules
    return list(names)
