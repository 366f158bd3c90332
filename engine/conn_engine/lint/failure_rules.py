"""Rules for failures: error rules without effect, credentials in URLs, operations past their sunset."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from conn_engine.config import Path_, format_place, lookup
from conn_engine.diagnostics import Diagnostic, diagnostic, pluralize
from conn_engine.documents import iterate_texts
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.lint.statuses import STATUSES, find_certain_statuses, find_possible_statuses
from conn_engine.secrets import is_secret_name

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["check_sunsets", "find_credentials_in_urls", "find_ineffective_actions", "find_unreachable_rules"]

_BEARER = frozenset({"bearer", "oauth2", "oauth2_client_credentials", "oauth2_password", "jwt_bearer"})


def find_unreachable_rules(target: "LintTarget") -> Iterator[Diagnostic]:
    """ERR101: an error rule never applies. Each level is checked separately: its rules come before those below."""
    effective = target.effective
    for layer, path in ((level, path) for level in effective.layers for path in _find_rule_lists(level.data)):
        rules = lookup(layer.data, path)
        if not isinstance(rules, list):
            continue
        earlier: dict[str, int] = {}
        matched: frozenset[int] = frozenset()
        for index, rule in enumerate(rules):
            when = rule.get("when") if isinstance(rule, Mapping) else None
            if not isinstance(when, str):
                continue
            why = _explain_unreachable_rule(when, earlier, matched)
            if why is not None:
                place = (*path, index, "when")
                yield diagnostic("ERR101", why[0], layer.span(place), path=format_place(place), hint=why[1])
            earlier.setdefault(when.strip(), index)
            matched |= find_certain_statuses(when)


def _explain_unreachable_rule(when: str, earlier: Mapping[str, int], matched: frozenset[int]) -> tuple[str, str] | None:
    if when.strip() in earlier:
        return f"rule {earlier[when.strip()] + 1} has the same condition and comes first", "delete one of the two rules"
    if _reads_fault(when):
        return None  # it can hold for a failure without a response
    possible = find_possible_statuses(when)
    if not possible:
        return (
            f"no response matches the condition: {when.strip()}",
            "compare `status` with a number from 100 to 599",
        )
    if possible <= matched:
        scope = "every response" if matched == STATUSES else "every response that this one matches"
        return f"earlier rules match {scope}", "move this rule up, or delete it: the first matching rule applies"
    return None


def _reads_fault(when: str) -> bool:
    try:
        roots = expression(when).roots()
    except ExpressionError:
        return True  # reported as EXP101
    return roots is None or "fault" in roots


def _find_rule_lists(data: Mapping[str, Any]) -> Iterator[Path_]:
    yield ("errors",)
    resources = data.get("resources")
    for resource, operations in resources.items() if isinstance(resources, Mapping) else ():
        yield ("resources", resource, "errors")
        for method, operation in operations.items() if isinstance(operations, Mapping) else ():
            if isinstance(operation, Mapping):
                yield ("resources", resource, method, "errors")


def find_ineffective_actions(target: "LintTarget") -> Iterator[Diagnostic]:
    """ERR102: a rule retries a write that must not be sent again. ERR103: a rule narrows the window of an operation
    that has none."""
    effective = target.effective
    yield from _check_resource_retries(target)
    for operation in effective.vendor_operations():
        path = (*operation.place, "errors")
        rules = lookup(effective.data, path)
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            then = rule.get("then") if isinstance(rule, Mapping) else None
            place = (*path, index, "then")
            if not operation.idempotent and _is_action(then, "retry"):
                yield diagnostic(
                    "ERR102",
                    f"`retry` has no effect on {operation.text}: a {operation.method} is not sent again",
                    effective.span(place),
                    path=format_place(place),
                    hint="if the vendor recognizes repeated requests (an idempotency key), set `idempotent: true` on "
                    "the operation; otherwise, write `fail`",
                )
            if operation.incremental is None and _is_action(then, "narrow"):
                yield diagnostic(
                    "ERR103",
                    f"`narrow` has no effect on {operation.text}, which has no window",
                    effective.span(place),
                    path=format_place(place),
                    hint="set `incremental` with a start and an end, or write `fail`",
                )


def _check_resource_retries(target: "LintTarget") -> Iterator[Diagnostic]:
    """ERR102 for the rules of a resource whose operations must all not be sent again."""
    effective = target.effective
    heirs: dict[Path_, list[bool]] = {}
    for operation in effective.vendor_operations():
        heirs.setdefault((*operation.place[:2], "errors"), []).append(operation.idempotent)
    for path, repeatable in heirs.items():
        rules = lookup(effective.data, path)
        for index, rule in enumerate(rules if isinstance(rules, list) and not any(repeatable) else ()):
            if isinstance(rule, Mapping) and _is_action(rule.get("then"), "retry"):
                place = (*path, index, "then")
                yield diagnostic(
                    "ERR102",
                    f"`retry` has no effect on {path[1]}: none of its operations is sent again",
                    effective.span(place),
                    path=format_place(place),
                    hint="set `idempotent: true` where the vendor recognizes repeated requests, or write `fail`",
                )


def _is_action(then: Any, action: str) -> bool:
    return then == action or (isinstance(then, Mapping) and then.get(action) is not None)


def find_credentials_in_urls(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC102: a credential is in a URL, which logs and proxies store."""
    effective = target.effective
    kind = (effective.data.get("credentials") or {}).get("format")
    resources = effective.data.get("resources")
    places: list[Path_] = [()]
    for resource, operations in resources.items() if isinstance(resources, Mapping) else ():
        places.append(("resources", resource))
        for method, operation in operations.items() if isinstance(operations, Mapping) else ():
            if isinstance(operation, Mapping):
                places.append(("resources", resource, method))
    for place in places:
        authorization = lookup(effective.data, (*place, "authorization"))
        # The vendor may accept an API key only in the URL; a bearer token can always go in the header (RFC 6750).
        if isinstance(authorization, Mapping) and authorization.get("format") == "query" and kind in _BEARER:
            path = (*place, "authorization", "format")
            yield diagnostic(
                "SEC102",
                "the token is in the URL of every request",
                effective.span(path),
                path=format_place(path),
                hint="write `authorization: {format: bearer}`: logs do not contain the header",
            )
        for key in ("base_url", "path", "query"):
            for path, name in _find_secret_names(lookup(effective.data, (*place, key)), (*place, key)):
                yield diagnostic(
                    "SEC102",
                    f"the URL contains context.{name}",
                    effective.span(path),
                    path=format_place(path),
                    hint="move it to the credential, and send it with `authorization`, in a header if the vendor "
                    "accepts one",
                )


def _find_secret_names(value: Any, base: Path_) -> Iterator[tuple[Path_, str]]:
    """Yield each name of the account's context that a template reads and that sounds like a secret, with its path."""
    for path, text in iterate_texts(value, base):
        if "{{" not in text:
            continue
        try:
            parts = [expression(part).reads() for part, _ in template(text).expressions]
        except ExpressionError:
            continue  # reported as EXP101
        names = {
            str(name_path[1])
            for paths in parts
            for name_path in paths
            if len(name_path) > 1 and name_path[0] == "context"
        }
        yield from ((path, name) for name in sorted(names) if is_secret_name(name))


def check_sunsets(target: "LintTarget") -> Iterator[Diagnostic]:
    """DEP101: the sunset of an operation has passed. DEP102: it is still to come.

    This is the only rule that depends on the date; it comes from the clock that is passed to lint.
    """
    today = datetime.fromtimestamp(target.now, UTC).date()
    effective = target.effective
    for operation in effective.vendor_operations():
        deprecated = operation.deprecated
        day = _parse_day(deprecated.sunset) if deprecated is not None and deprecated.sunset is not None else None
        if deprecated is None or day is None or effective.explain_disabled(operation.operation_name):
            continue
        days_left = (day - today).days
        path = (*operation.place, "deprecated", "sunset")
        yield diagnostic(
            "DEP102" if days_left > 0 else "DEP101",
            f"the vendor may refuse {operation.text} in {pluralize(days_left, 'day')}, from {day.isoformat()}"
            if days_left > 0
            else f"the vendor may refuse {operation.text}: its sunset was {day.isoformat()}",
            effective.span(path),
            path=format_place(path),
            hint=f"use {deprecated.use}" if deprecated.use else "find the replacement in the vendor's documentation",
        )


def _parse_day(text: str) -> date | None:
    """Return the day of an ISO 8601 or HTTP date, or None for another text."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text).date()
    except (TypeError, ValueError, IndexError):
        return None
