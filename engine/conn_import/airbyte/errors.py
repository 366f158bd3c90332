"""Error handlers of a manifest as `errors`: filters to rules, backoff strategies to waits."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.lint.statuses import find_certain_statuses, find_possible_statuses
from conn_import.airbyte.custom import read_code
from conn_import.airbyte.jinja import Lit, Untranslatable, quote, to_condition, to_expression, to_text, translate
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.coercion import as_list

__all__ = ["DEFAULT_RULES", "build_rules", "drop_unreachable"]

Rule = dict[str, Any]
_RETRIED = "status = 408 or status = 500 or status = 502 or status = 503 or status = 504"
_KINDS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 429: "rate_limited"}
_MOST_TIMES = 20
RETRIES = 5
"""The kit's default number of retries."""
_FIXED = ("SUCCESS", "RETRY", "IGNORE", "RESET_PAGINATION", "REDUCE_PAGE_SIZE")


def build_rules(handler: Any, scope: TemplateScope, notes: Notes) -> list[Rule]:
    """Return the rules of a handler. A composite handler tries its handlers in order: definite results (retry, ignore)
    come before those that it leaves to the next handler (fail)."""
    if not isinstance(handler, Mapping):
        return []
    handlers = list(_walk_handlers(handler, notes, 0))
    certain: list[Rule] = []
    open_: list[Rule] = []
    retries = RETRIES
    waits: Rule = {}
    for number, one in enumerate(handlers):
        backoff = _build_backoff(one.get("backoff_strategies"), scope, notes)
        times = _count_retries(one.get("max_retries"), scope, notes)
        if not number:
            retries = times
        waits = waits or backoff
        for row in as_list(one.get("response_filters")):
            if isinstance(row, Mapping):
                for rule, fixed in _build_filter_rules(row, backoff or waits, retries, scope, notes):
                    (certain if fixed or len(handlers) == 1 else open_).append(rule)
    rules = certain + open_
    if waits or retries != RETRIES:
        rules += _build_defaults(waits, retries)
    return drop_unreachable(rules)


def drop_unreachable(rules: list[Rule]) -> list[Rule]:
    """Drop rules that no response can reach because earlier rules cover them."""
    taken: set[int] = set()
    collected: dict[str, Rule] = {}
    for rule in rules:
        when = rule["when"]
        if when not in collected and not find_possible_statuses(when) <= taken:
            collected[when] = rule
            taken |= find_certain_statuses(when)
    return list(collected.values())


def _walk_handlers(handler: Mapping[str, Any], notes: Notes, depth: int) -> Iterator[Mapping[str, Any]]:
    handler = read_code(handler, "error handling", notes)
    if handler is None:
        return
    if handler.get("type") == "CompositeErrorHandler" or "error_handlers" in handler:
        for item in as_list(handler.get("error_handlers")):
            if isinstance(item, Mapping) and depth < 10:
                yield from _walk_handlers(item, notes, depth + 1)
        return
    yield handler


def _count_retries(value: Any, scope: TemplateScope, notes: Notes) -> int:
    if isinstance(value, str):
        try:
            node = translate(value, scope.for_config())
        except Untranslatable:
            node = Lit(None)
        value = node.value if isinstance(node, Lit) else None
        if not str(value).isdecimal():
            notes.add("the number of retries, which the account sets")
            return RETRIES
    return int(value) if isinstance(value, int | float | str) and value != "" else RETRIES


def _build_filter_rules(
    row: Mapping[str, Any], waits: Rule, retries: int, scope: TemplateScope, notes: Notes
) -> Iterator[tuple[Rule, bool]]:
    try:
        when, by_body = _build_condition(row, scope)
        message = _build_message(row.get("error_message"), scope)
    except Untranslatable as reason:
        notes.add(f"an error filter: {reason}")
        return
    if not when:
        return
    action = str(row.get("action") or "FAIL").upper()
    fixed = action in _FIXED
    match action:
        case "SUCCESS":
            yield {"when": when, "then": "ok"}, fixed
        case "IGNORE":
            if by_body:
                yield {"when": f"status < 400 and ({when})", "then": "ok"}, fixed
            yield {"when": when, "then": "empty"}, fixed
        case "RETRY":
            retry = _build_retry(waits, retries) | ({"then": {"message": message}} if message else {})
            yield {"when": when, "then": {"retry": retry} if retries else _build_fail(row, message)}, fixed
        case "RATE_LIMITED":
            options: Rule = {key: waits[key] for key in ("wait", "max_wait_seconds") if key in waits}
            if not options and "backoff_seconds" in waits and waits.get("backoff") == "constant":
                options["wait"] = str(waits["backoff_seconds"])
            if message:
                options["message"] = message
            yield {"when": when, "then": {"rate_limited": options} if options else "rate_limited"}, fixed
        case "REFRESH_TOKEN_THEN_RETRY":
            yield {"when": when, "then": "refresh_credentials"}, fixed
        case "RESET_PAGINATION":
            yield {"when": when, "then": {"restart": {"times": max(1, min(retries, _MOST_TIMES))}}}, fixed
        case "FAIL":
            yield {"when": when, "then": _build_fail(row, message)}, fixed
        case _:
            notes.add(f"the error action {action[:40]}")


def _build_fail(row: Mapping[str, Any], message: str) -> Any:
    codes = row.get("http_codes")
    kinds = {_KINDS.get(int(code)) for code in codes if str(code).isdecimal()} if isinstance(codes, list) else set()
    if len(kinds) == 1 and "rate_limited" in kinds:
        return {"rate_limited": {"message": message}} if message else "rate_limited"
    return {"fail": {"message": message}} if message else "fail"


def _build_retry(waits: Rule, retries: int) -> Rule:
    return {"times": max(1, min(retries, _MOST_TIMES)), **waits}


def _build_condition(row: Mapping[str, Any], scope: TemplateScope) -> tuple[str, bool]:
    """Return the condition, and whether it can match a response with a successful status."""
    conditions: list[str] = []
    codes = row.get("http_codes")
    if isinstance(codes, list | tuple) and codes:
        numbers = [int(code) for code in codes if str(code).isdecimal()]
        conditions.append(f"status = {numbers[0]}" if len(numbers) == 1 else f"status in {numbers}")
    contains = row.get("error_message_contains")
    by_body = False
    if isinstance(contains, str) and contains:
        conditions.append(f"status >= 400 and $contains(text, {quote(contains)})")
    predicate = row.get("predicate")
    if isinstance(predicate, str) and predicate:
        node = translate(predicate, _get_names(scope))
        if not isinstance(node, Lit) or node.value:
            conditions.append(to_condition(node))
            by_body = True
    return " or ".join(conditions if len(conditions) == 1 else [_bracket(one) for one in conditions]), by_body


def _bracket(text: str) -> str:
    return f"({text})" if " and " in text or " ? " in text else text


def _get_names(scope: TemplateScope) -> Any:
    return scope.for_answer()


def _build_message(text: Any, scope: TemplateScope) -> str:
    if not isinstance(text, str) or not text.strip():
        return ""
    try:
        return to_expression(to_text(translate(text.strip(), _get_names(scope))))
    except Untranslatable:
        return quote(text.strip())  # of a message no more than its wording is lost


def _build_backoff(strategies: Any, scope: TemplateScope, notes: Notes) -> Rule:
    """Convert the first strategies, in the order in which they are tried, to options of a retry."""
    row: Rule = {}
    sources: list[Rule] = []
    for strategy in strategies if isinstance(strategies, list) else ():
        one = read_code(strategy, "backoff", notes) if isinstance(strategy, Mapping) else None
        if one is None:
            continue
        kind = one.get("type")
        if kind in ("ConstantBackoffStrategy", "ConstantBackoff"):
            if "backoff" not in row:
                row |= _build_pause(one.get("backoff_time_in_seconds"), scope, notes, "constant", 1)
        elif kind in ("ExponentialBackoffStrategy", "ExponentialBackoff"):
            if "backoff" not in row:
                row |= _build_pause(one.get("factor", 5), scope, notes, "exponential", 2)
        elif kind in ("WaitTimeFromHeader", "WaitUntilTimeFromHeader"):
            if "backoff" not in row:
                sources += _build_header_wait(one, scope, notes, until=kind == "WaitUntilTimeFromHeader")
        elif kind == "WaitTimeFromResponse":
            row |= _build_response_wait(one, scope, notes)
        else:
            notes.add(f"the backoff {kind}")
    if sources:
        row["wait"] = sources[0] if len(sources) == 1 else sources
        caps = [source.pop("max_wait_seconds") for source in sources if "max_wait_seconds" in source]
        if caps:
            row["max_wait_seconds"] = max(caps)
    return row


def _build_pause(value: Any, scope: TemplateScope, notes: Notes, form: str, factor: float) -> Rule:
    try:
        node = translate(value, scope.for_config()) if isinstance(value, str) else Lit(value)
        if isinstance(node, Lit):
            return {"backoff_seconds": min(3600.0, float(str(node.value)) * factor), "backoff": form}
        return {"wait": to_expression(node)}
    except (Untranslatable, ValueError) as reason:
        notes.add(f"a pause before a retry: {reason}")
        return {}


def _build_header_wait(component: Mapping[str, Any], scope: TemplateScope, notes: Notes, *, until: bool) -> list[Rule]:
    try:
        header = translate(str(component.get("header", "")), scope.for_config())
        pattern = translate(str(component.get("regex") or ""), scope.for_config())
    except Untranslatable as reason:
        notes.add(f"a wait from a header: {reason}")
        return []
    if not isinstance(header, Lit) or not isinstance(pattern, Lit):
        notes.add("a wait from a header whose name the account sets")
        return []
    source: Rule = {"header": str(header.value), "unit": "epoch" if until else "seconds"}
    if pattern.value:
        source |= {"pattern": str(pattern.value), "group": 0}
    longest = component.get("max_waiting_time_in_seconds")
    if isinstance(longest, int | float):
        source["max_wait_seconds"] = longest
    return [source]


def _build_response_wait(component: Mapping[str, Any], scope: TemplateScope, notes: Notes) -> Rule:
    try:
        return {"wait": to_expression(translate(str(component.get("wait_time_in_seconds", "")), _get_names(scope)))}
    except Untranslatable as reason:
        notes.add(f"a wait from the response: {reason}")
        return {}


def _build_defaults(waits: Rule, retries: int) -> list[Rule]:
    """Return the rules for common transient errors if the handler sets waits or the number of retries."""
    rules: list[Rule] = []
    options = {key: waits[key] for key in ("wait", "max_wait_seconds") if key in waits}
    if options:
        rules.append({"when": "status = 429", "then": {"rate_limited": options}})
    if retries:
        rules.append({"when": _RETRIED, "then": {"retry": _build_retry(waits, retries)}})
    else:
        rules.append({"when": _RETRIED, "then": "fail"})
    return rules


DEFAULT_RULES = _build_defaults({}, RETRIES)
"""The rules that apply if a manifest has none."""
