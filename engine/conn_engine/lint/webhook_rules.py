"""Rules over webhooks: what a proof leaves open, what a challenge gives away, and events that nobody gets."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.auth import Credentials, add_supplied_values, read_secret_fields
from conn_engine.config import Path_, UnifiedEvent, lookup
from conn_engine.config.convert import ConversionError, convert
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path
from conn_engine.errors import ConnError, ExpressionError
from conn_engine.expressions import expression
from conn_engine.lint.event_rules import build_finding, format_event, get_unified_events, get_webhooks
from conn_engine.lint.site import find_objects
from conn_engine.lint.statuses import evaluate_constant
from conn_engine.lint.webhook_verification import (
    Paths,
    find_names_read,
    find_paths,
    find_secrets_read,
    find_unsigned,
    iterate_keys,
    iterate_verifiers,
    list_secret_settings,
    rate_verification,
)
from conn_engine.webhooks import Challenge, StandardWebhooksVerifier, Verification, Webhooks

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["check_challenges", "check_routing_context", "check_verification", "find_stored_names"]

_VERIFY: Path_ = ("webhooks", "verify")


def find_stored_names(target: "LintTarget") -> frozenset[str]:
    """The names under which proofs find what an account has stored: its credential's parts, and what a vendor hands
    over."""
    found: set[str] = set()
    told = get_webhooks(target)
    for credentials in _iterate_credentials(target):
        found |= {field.name.partition(".")[0] for field in credentials.fields()}
        found |= {name for name in credentials.sample() if not name.startswith("_")}
    if told is not None:
        found |= {name for challenge in told.challenge for name in challenge.capture}
        found |= set(told.subscription.capture) if told.subscription is not None else set()
    return frozenset(found)


def _iterate_credentials(target: "LintTarget") -> Iterator[Credentials]:
    """The credential that the connector asks for, and each that an account may choose instead."""
    effective = target.effective
    try:
        own = effective.connector.credentials
    except ConnError:
        return  # reported as such
    if own is not None:
        yield own
    more = read_secret_fields(effective.data)
    said = effective.data.get("credentials")
    for _, option in find_objects(lookup(said, ("config", "options")) if isinstance(said, Mapping) else None):
        try:
            kind: Any = Credentials
            yield add_supplied_values(convert(option, kind), more)
        except ConversionError:
            continue  # reported as such


# --- proofs ---


def check_verification(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK101 to WHK103: what the proof leaves open. WHK105: it may be as old as it likes. WHK109: an override lets it
    be. WHK210: the type of its events stands outside the signature."""
    told = get_webhooks(target)
    if told is None:
        return
    off = next(_find_disabled_verification(target), None)
    if off is None:
        yield from _check_coverage(target, told)
    elif target.effective.grants.allowance.verification:  # otherwise it is an error already
        yield off
    raw = _with_places(target.effective.data.get("webhooks", {}).get("verify"), _VERIFY)
    for (path, said), way in zip(raw, iterate_verifiers(told.verify), strict=False):
        yield from _check_default_keys(target, path, said, way)
        if said.get("tolerance_seconds") == 0 and ("timestamp" in said or isinstance(way, StandardWebhooksVerifier)):
            hint = "leave it out (300), or say what the vendor promises; else know the events that came by their id"
            at = (*path, "config", "tolerance_seconds")
            yield build_finding(target, "WHK105", at, "a delivery is accepted however old it is", hint)


def _check_default_keys(
    target: "LintTarget", path: Path_, said: Mapping[str, Any], way: Verification
) -> Iterator[Diagnostic]:
    """EXP103 for a secret that is read because nothing else is written; one that is written is a site of its own."""
    stored = find_stored_names(target)
    for name in list_secret_settings(way):
        told = getattr(way, name)
        if told is None or name in said or getattr(way, "key_request", None) is not None:
            continue
        for lacking in sorted(find_names_read(told) - stored):
            near = did_you_mean(lacking, sorted(stored))
            ask = f"ask for it: fields: [{{name: {lacking}, secret: true, required: false}}]"
            text = f'nothing is called "{lacking}" here: it is the {name} by which deliveries are proved'
            yield build_finding(target, "EXP103", path, text, f"write `{name}`: {near}" if near else ask)


def _find_disabled_verification(target: "LintTarget") -> Iterator[Diagnostic]:
    for layer in target.effective.layers:
        said = lookup(layer.data, _VERIFY)
        if layer.level != "base" and isinstance(said, Mapping) and said.get("format") == "none":
            path = (*_VERIFY, "format")
            yield diagnostic(
                "WHK109",
                f"{layer.level} takes deliveries without a proof",
                layer.span(path),
                path=format_path(path),
                hint="leave the connector's proof; for deliveries of your own sign them: conn webhook send",
            )


def _check_coverage(target: "LintTarget", told: Webhooks) -> Iterator[Diagnostic]:
    if told.events is None:
        return
    taking = [(name, own) for name, own in get_unified_events(target) if own.fetch is None]
    if not taking and get_unified_events(target):
        return
    taken: Paths = frozenset()
    for one in [_find_read_paths(told, own) for _, own in taking] or [_find_read_paths(told, None)]:
        taken = None if one is None or taken is None else taken | one
    value = rate_verification(told.verify, taken)
    what = f"{format_event(taking[0][0])} takes its record" if taking else "its events are handed on"
    at = (*_VERIFY, "format")
    if value == "none":
        hint = "fetch the record (`fetch: event.record_id`): then a delivery is but a hint"
        yield build_finding(target, "WHK101", at, f"anybody could send a delivery, and {what} from it", hint)
    elif value == "part" and taking:
        hint = "fetch the record (`fetch: event.record_id`), or sign what the vendor signs of it (`content`, `require`)"
        yield build_finding(target, "WHK102", at, f"the signature does not cover the body, and {what} from it", hint)
        return  # the type is in it too
    elif value == "secret" and taking:
        hint = "fetch the record (`fetch: event.record_id`), or accept it with `# conn: ignore WHK103 -- why`"
        yield build_finding(target, "WHK103", at, f"the secret stands in every delivery, and {what} from it", hint)
    unsigned = find_unsigned(told.verify, find_paths(told.events.type, told.events.each))
    if unsigned:
        text = f"the signature does not cover {', '.join(sorted(map(format_path, unsigned)))}, where the type of an "
        "event is"
        hint = "read the type from what is signed; if the vendor has it only there, check in `when` what the body has"
        yield build_finding(target, "WHK210", ("webhooks", "events", "type"), text, hint)


def _find_read_paths(told: Webhooks, event: UnifiedEvent | None) -> Paths:
    """What of a delivery a unified event's record is made of; without one, what is handed on."""
    own = told.events
    if own is None:
        return frozenset()
    if event is None or event.record is None:
        return find_paths(own.record or "item", own.each)
    seen = find_paths(event.record, own.each)
    if seen is None:
        return None
    found: set[tuple[str, ...]] = set()
    for path in seen:
        if path[0] != "event":
            found.add(path)
            continue
        text = "item" if path[1:2] in ((), ("item",)) else getattr(own, path[1], None) or ""
        above = find_paths(text, own.each)
        if above is None:
            return None
        found |= {(*one, *path[2:]) for one in above}
    return frozenset(path for path in found if path[0] in ("body", "text", "claims", "headers", "query"))


def _with_places(data: Any, path: Path_) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """What is written of each way to prove a delivery, in the order of `ways`, with its place."""
    if not isinstance(data, Mapping):
        return
    said = data.get("config")
    config: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    yield path, config
    inner = config.get("of")
    for index, one in enumerate(inner if isinstance(inner, list) else ()):
        yield from _with_places(one, (*path, "config", "of", index))


# --- challenges ---


def check_challenges(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK104: a challenge signs for anybody. WHK108: a challenge that is never asked."""
    told = get_webhooks(target)
    if told is None:
        return
    stored = find_stored_names(target)
    proving = find_secrets_read(list(iterate_keys(told.verify)), stored)
    earlier: dict[str, int] = {}
    always: int | None = None
    for index, one in enumerate(told.challenge):
        at: Path_ = ("webhooks", "challenge", index)
        given = find_secrets_read([one.reply.headers, one.reply.body], stored) & proving
        if given and not one.verified and not _is_restricted(one, stored):
            yield build_finding(
                target,
                "WHK104",
                (*at, "reply"),
                f"anybody may ask for this answer, and it is made with {sorted(given)[0]}, which proves deliveries",
                "bound it with `require`, such as $match(body.token, /^[A-Za-z0-9_-]{22}$/): no signed text of a "
                "delivery may fit",
            )
        why = _explain_unreachable_challenge(one.when, earlier, always)
        if why:
            yield build_finding(
                target, "WHK108", (*at, "when"), why, "the first that fits answers: mend it, or delete one"
            )
        earlier.setdefault(one.when.strip(), index)
        always = index if always is None and evaluate_constant(one.when) == (True, True) else always


def _is_restricted(challenge: Challenge, stored: frozenset[str]) -> bool:
    """Whether `require` looks at what the answer repeats, or at a secret of the caller's."""
    if challenge.require is None:
        return False
    required = _find_roots(challenge.require)
    asked = find_secrets_read([challenge.reply.headers, challenge.reply.body], frozenset(_NAMED))
    return required is None or bool(required & (asked | stored | {"env"}))


_NAMED = ("method", "url", "host", "path", "target", "query", "headers", "text", "body")


def _explain_unreachable_challenge(when: str, earlier: Mapping[str, int], always: int | None) -> str:
    if when.strip() in earlier:
        return f"challenge {earlier[when.strip()] + 1} has the same condition and comes first"
    if always is not None:
        return f"challenge {always + 1} takes every delivery"
    fixed, value = evaluate_constant(when)
    return "no delivery fits the condition" if fixed and not value else ""


# --- whose it is ---


def check_routing_context(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK107: events are for the account whose context has a value, and no account's has one of that name."""
    told = get_webhooks(target)
    if told is None or told.account is None:
        return
    effective = target.effective
    known = {field.name for field in effective.connector.fields if not field.secret}
    known |= {step.name for step in effective.connector.connect}
    known |= _find_captured_names(effective.data.get("credentials"))
    if told.account.context in known or told.account.context in _find_context_names(target):
        return
    yield build_finding(
        target,
        "WHK107",
        ("webhooks", "account", "context"),
        f'no account can have a "{told.account.context}" in its context',
        did_you_mean(told.account.context, sorted(known)) or "ask for it under `fields`, or find it out by `connect`",
    )


def _find_captured_names(credentials: Any) -> set[str]:
    """The names that log-ins keep beside a token, wherever in the credentials it is said."""
    found: set[str] = set()
    for key, value in credentials.items() if isinstance(credentials, Mapping) else ():
        if key == "capture" and isinstance(value, Mapping):
            found |= set(map(str, value))
        found |= _find_captured_names(value)
    return found


def _find_context_names(target: "LintTarget") -> set[str]:
    found: set[str] = set()
    for name in target.workspace.accounts():
        try:
            account = target.workspace.account(name)
        except ConnError:
            continue  # reported as such
        if account.connector == target.effective.connector_name:
            found |= set(account.context)
    return found


def _find_roots(text: str) -> frozenset[str] | None:
    try:
        return expression(text).roots()
    except ExpressionError:
        return None  # reported as such
