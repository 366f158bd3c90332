"""Rules over what goes wrong: error rules without effect, credentials in URLs, operations past their end."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from conn_engine.config import Path_, lookup
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import format_path, texts
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.lint.statuses import STATUSES, find_certain_statuses, find_possible_statuses
from conn_engine.secrets import is_secret_name

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["check_sunsets", "find_credentials_in_urls", "find_ineffective_actions", "find_unreachable_rules"]

_BEARER = frozenset({"bearer", "oauth2", "oauth2_client_credentials", "oauth2_password", "jwt_bearer"})


def find_unreachable_rules(target: "LintTarget") -> Iterator[Diagnostic]:
    """ERR101: an error rule that can never hold. The rules of an override are meant to come before those below."""
    effective = target.effective
    for layer, path in ((one, path) for one in effective.layers for path in _find_rule_lists(one.data)):
        rules = lookup(layer.data, path)
        if not isinstance(rules, list):
            continue
        earlier: dict[str, int] = {}
        taken: frozenset[int] = frozenset()
        for index, rule in enumerate(rules):
            when = rule.get("when") if isinstance(rule, Mapping) else None
            if not isinstance(when, str):
                continue
            why = _explain_unreachable_rule(when, earlier, taken)
            if why is not None:
                at = (*path, index, "when")
                yield diagnostic("ERR101", why[0], layer.span(at), path=format_path(at), hint=why[1])
            earlier.setdefault(when.strip(), index)
            taken |= find_certain_statuses(when)


def _explain_unreachable_rule(when: str, earlier: Mapping[str, int], taken: frozenset[int]) -> tuple[str, str] | None:
    if when.strip() in earlier:
        return f"rule {earlier[when.strip()] + 1} of this list has the same condition and comes first", "delete one"
    if _reads_fault(when):
        return None  # it may hold where there is no answer and no status
    held = find_possible_statuses(when)
    if not held:
        return (
            f"no answer fits the condition: {when.strip()}",
            "status is a number from 100 to 599; compare it with one",
        )
    if held <= taken:
        all_of = "every answer" if taken == STATUSES else "every answer that fits it"
        return f"the rules before it take {all_of}", "the first rule that holds decides: put this one further up"
    return None


def _reads_fault(when: str) -> bool:
    try:
        roots = expression(when).roots()
    except ExpressionError:
        return True  # reported as such
    return roots is None or "fault" in roots


def _find_rule_lists(data: Mapping[str, Any]) -> Iterator[Path_]:
    yield ("errors",)
    resources = data.get("resources")
    for resource, operations in resources.items() if isinstance(resources, Mapping) else ():
        yield ("resources", resource, "errors")
        for method, own in operations.items() if isinstance(operations, Mapping) else ():
            if isinstance(own, Mapping):
                yield ("resources", resource, method, "errors")


def find_ineffective_actions(target: "LintTarget") -> Iterator[Diagnostic]:
    """ERR102: a rule of a write that may not be sent again says to send it again. ERR103: a rule of an operation
    without windows says to halve them."""
    effective = target.effective
    yield from _check_resource_retries(target)
    for operation in effective.vendor_operations():
        path = (*operation.place, "errors")
        rules = lookup(effective.data, path)
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            then = rule.get("then") if isinstance(rule, Mapping) else None
            at = (*path, index, "then")
            if not operation.idempotent and _is_action(then, "retry"):
                yield diagnostic(
                    "ERR102",
                    f"a {operation.method} may not be sent again: `retry` has no effect on {operation.text}",
                    effective.span(at),
                    path=format_path(at),
                    hint="say `idempotent: true` on the operation if the vendor tells repeated requests apart (an "
                    "idempotency key), else `fail`",
                )
            if operation.incremental is None and _is_action(then, "narrow"):
                yield diagnostic(
                    "ERR103",
                    f"{operation.text} has no windows: `narrow` has no effect",
                    effective.span(at),
                    path=format_path(at),
                    hint="say `incremental` with a start and an end, else `fail`",
                )


def _check_resource_retries(target: "LintTarget") -> Iterator[Diagnostic]:
    """ERR102 of a resource's rules, when none of its operations may be sent again."""
    effective = target.effective
    heirs: dict[Path_, list[bool]] = {}
    for operation in effective.vendor_operations():
        heirs.setdefault((*operation.place[:2], "errors"), []).append(operation.idempotent)
    for path, repeatable in heirs.items():
        rules = lookup(effective.data, path)
        for index, rule in enumerate(rules if isinstance(rules, list) and not any(repeatable) else ()):
            if isinstance(rule, Mapping) and _is_action(rule.get("then"), "retry"):
                at = (*path, index, "then")
                yield diagnostic(
                    "ERR102",
                    f"no operation of {path[1]} may be sent again: `retry` has no effect on them",
                    effective.span(at),
                    path=format_path(at),
                    hint="say `idempotent: true` on those the vendor tells repeated requests of apart, else `fail`",
                )


def _is_action(then: Any, action: str) -> bool:
    return then == action or (isinstance(then, Mapping) and then.get(action) is not None)


def find_credentials_in_urls(target: "LintTarget") -> Iterator[Diagnostic]:
    """SEC102: a credential goes into a URL, where logs and proxies keep it."""
    effective = target.effective
    kind = (effective.data.get("credentials") or {}).get("format")
    resources = effective.data.get("resources")
    places: list[Path_] = [()]
    for resource, operations in resources.items() if isinstance(resources, Mapping) else ():
        places.append(("resources", resource))
        for method, own in operations.items() if isinstance(operations, Mapping) else ():
            if isinstance(own, Mapping):
                places.append(("resources", resource, method))
    for place in places:
        said = lookup(effective.data, (*place, "authorization"))
        # A key of the vendor's own may have no other place; a bearer token always has one (RFC 6750).
        if isinstance(said, Mapping) and said.get("format") == "query" and kind in _BEARER:
            path = (*place, "authorization", "format")
            yield diagnostic(
                "SEC102",
                "the token goes into the URL of every request",
                effective.span(path),
                path=format_path(path),
                hint="write `authorization: {format: bearer}`: a header is not kept in logs",
            )
        for key in ("base_url", "path", "query"):
            for path, name in _find_secret_names(lookup(effective.data, (*place, key)), (*place, key)):
                yield diagnostic(
                    "SEC102",
                    f"context.{name} goes into the URL",
                    effective.span(path),
                    path=format_path(path),
                    hint="keep it with the credential and send it by `authorization`, in a header where the vendor "
                    "takes it there",
                )


def _find_secret_names(value: Any, base: Path_) -> Iterator[tuple[Path_, str]]:
    """Each name of the account's context that is a secret's and that a template reads, with its place."""
    for path, text in texts(value, base):
        if "{{" not in text:
            continue
        try:
            parts = [expression(part).reads() for part, _ in template(text).expressions]
        except ExpressionError:
            continue  # reported as such
        read = {str(one[1]) for paths in parts for one in paths if len(one) > 1 and one[0] == "context"}
        yield from ((path, name) for name in sorted(read) if is_secret_name(name))


def check_sunsets(target: "LintTarget") -> Iterator[Diagnostic]:
    """DEP101: an operation whose sunset has come; DEP102: one whose sunset will come. The one rule that depends on the
    day: that of the clock that lint is passed.
    """
    today = datetime.fromtimestamp(target.now, UTC).date()
    effective = target.effective
    for operation in effective.vendor_operations():
        told = operation.deprecated
        day = _parse_day(told.sunset) if told is not None and told.sunset is not None else None
        if told is None or day is None:
            continue
        left = (day - today).days
        path = (*operation.place, "deprecated", "sunset")
        yield diagnostic(
            "DEP102" if left > 0 else "DEP101",
            f"the vendor may refuse {operation.text} in {left} day{'' if left == 1 else 's'}, from {day.isoformat()} on"
            if left > 0
            else f"the vendor may refuse {operation.text} since {day.isoformat()}",
            effective.span(path),
            path=format_path(path),
            hint=f"use {told.use}" if told.use else "look in the vendor's documentation for what replaces it",
        )


def _parse_day(text: str) -> date | None:
    """The day of an ISO 8601 or HTTP date; None for anything else."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text).date()
    except (TypeError, ValueError, IndexError):
        return None
