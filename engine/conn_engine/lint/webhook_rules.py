"""Rules for webhooks: weak verification, challenges that sign for anyone, and events that reach no account."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.auth import Credentials, add_supplied_values, read_secret_fields
from conn_engine.config import Path_, UnifiedEvent, format_place, lookup
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
    """Return the names of stored secrets that verification can read: parts of the credential, and values that a
    challenge or a subscription captures."""
    names: set[str] = set()
    webhooks = get_webhooks(target)
    for credentials in _iterate_credentials(target):
        names |= {field.name.partition(".")[0] for field in credentials.fields()}
        names |= {name for name in credentials.sample() if not name.startswith("_")}
    if webhooks is not None:
        names |= {name for challenge in webhooks.challenge for name in challenge.capture}
        names |= set(webhooks.subscription.capture) if webhooks.subscription is not None else set()
    return frozenset(names)


def _iterate_credentials(target: "LintTarget") -> Iterator[Credentials]:
    """Yield the connector's credential, and each option that an account can choose."""
    effective = target.effective
    try:
        credentials = effective.connector.credentials
    except ConnError:
        return  # reported by the schema
    if credentials is not None:
        yield credentials
    more = read_secret_fields(effective.data)
    configured = effective.data.get("credentials")
    options = lookup(configured, ("config", "options")) if isinstance(configured, Mapping) else None
    for _, option in find_objects(options):
        try:
            kind: Any = Credentials
            yield add_supplied_values(convert(option, kind), more)
        except ConversionError:
            continue  # reported by the schema


# --- verification ---


def check_verification(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK101 to WHK103: the verification is weak. WHK105: deliveries never expire. WHK109: an override turns the
    verification off. WHK210: the signature does not cover the event type."""
    webhooks = get_webhooks(target)
    if webhooks is None:
        return
    disabled = next(_find_disabled_verification(target), None)
    if disabled is None:
        yield from _check_coverage(target, webhooks)
    elif target.effective.grants.allowance.verification:  # otherwise, SEC114 is reported
        yield disabled
    configs = _with_places(target.effective.data.get("webhooks", {}).get("verify"), _VERIFY)
    for (path, config), verifier in zip(configs, iterate_verifiers(webhooks.verify), strict=False):
        yield from _check_default_keys(target, path, config, verifier)
        if config.get("tolerance_seconds") == 0 and (
            "timestamp" in config or isinstance(verifier, StandardWebhooksVerifier)
        ):
            hint = "remove it (default 300), or set the vendor's limit; otherwise, store the ids of received events"
            place = (*path, "config", "tolerance_seconds")
            yield build_finding(target, "WHK105", place, "deliveries are accepted at any age", hint)


def _check_default_keys(
    target: "LintTarget", path: Path_, config: Mapping[str, Any], verifier: Verification
) -> Iterator[Diagnostic]:
    """EXP103: the default key of a verifier is not stored. A key in the document is checked as an expression."""
    stored = find_stored_names(target)
    for name in list_secret_settings(verifier):
        key = getattr(verifier, name)
        if key is None or name in config or getattr(verifier, "key_request", None) is not None:
            continue
        for missing in sorted(find_names_read(key) - stored):
            near = did_you_mean(missing, sorted(stored))
            declare = f"declare it: fields: [{{name: {missing}, secret: true, required: false}}]"
            text = f'unknown name "{missing}", the default {name} for verifying deliveries'
            yield build_finding(target, "EXP103", path, text, f"set `{name}`; {near}" if near else declare)


def _find_disabled_verification(target: "LintTarget") -> Iterator[Diagnostic]:
    for layer in target.effective.layers:
        verify = lookup(layer.data, _VERIFY)
        if layer.level != "base" and isinstance(verify, Mapping) and verify.get("format") == "none":
            path = (*_VERIFY, "format")
            yield diagnostic(
                "WHK109",
                f"the {layer.level} accepts deliveries without verification",
                layer.span(path),
                path=format_place(path),
                hint="delete the line; to try deliveries, sign your own: conn webhook send",
            )


def _check_coverage(target: "LintTarget", webhooks: Webhooks) -> Iterator[Diagnostic]:
    if webhooks.events is None:
        return
    unified_events = get_unified_events(target)
    reading = [(name, event) for name, event in unified_events if event.fetch is None]
    if unified_events and not reading:
        return
    read_paths: Paths = frozenset()
    for paths in [_find_read_paths(webhooks, event) for _, event in reading] or [_find_read_paths(webhooks, None)]:
        read_paths = None if paths is None or read_paths is None else read_paths | paths
    value = rate_verification(webhooks.verify, read_paths)
    uses = f"{format_event(reading[0][0])} uses" if reading else "events use"
    path = (*_VERIFY, "format")
    if value == "none":
        hint = "declare how to verify deliveries, or fetch the record (`fetch: event.record_id`)"
        yield build_finding(target, "WHK101", path, f"deliveries are not verified, and {uses} their data", hint)
    elif value == "part" and reading:
        hint = "include the body in `content` or `expect`, or fetch the record (`fetch: event.record_id`)"
        yield build_finding(target, "WHK102", path, f"the signature does not cover the body, whose data {uses}", hint)
        return  # the type is in the body too
    elif value == "secret" and reading:
        hint = "fetch the record (`fetch: event.record_id`), or add: # conn: ignore WHK103 -- reason"
        yield build_finding(target, "WHK103", path, f"every delivery contains the secret, and {uses} its data", hint)
    unsigned = find_unsigned(webhooks.verify, find_paths(webhooks.events.type, webhooks.events.each))
    if unsigned:
        names = ", ".join(sorted(map(format_path, unsigned)))
        text = f"the event type is read from {names}, which the signature does not cover"
        hint = "read the type from signed data; if there is none, check the body in `when` of the event"
        yield build_finding(target, "WHK210", ("webhooks", "events", "type"), text, hint)


def _find_read_paths(webhooks: Webhooks, event: UnifiedEvent | None) -> Paths:
    """Return the paths of a delivery that a unified event's record reads; without an event, those of vendor events."""
    events = webhooks.events
    if events is None:
        return frozenset()
    if event is None or event.record is None:
        return find_paths(events.record or "item", events.each)
    record_paths = find_paths(event.record, events.each)
    if record_paths is None:
        return None
    paths: set[tuple[str, ...]] = set()
    for path in record_paths:
        if path[0] != "event":
            paths.add(path)
            continue
        text = "item" if path[1:2] in ((), ("item",)) else getattr(events, path[1], None) or ""
        above = find_paths(text, events.each)
        if above is None:
            return None
        paths |= {(*prefix, *path[2:]) for prefix in above}
    return frozenset(path for path in paths if path[0] in ("body", "text", "claims", "headers", "query"))


def _with_places(data: Any, path: Path_) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """Yield the settings of each verifier with their path, in the order of `iterate_verifiers`."""
    if not isinstance(data, Mapping):
        return
    settings = data.get("config")
    config: Mapping[str, Any] = settings if isinstance(settings, Mapping) else {}
    yield path, config
    inner = config.get("of")
    for index, verifier in enumerate(inner if isinstance(inner, list) else ()):
        yield from _with_places(verifier, (*path, "config", "of", index))


# --- challenges ---


def check_challenges(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK104: a challenge signs for anyone. WHK108: a challenge is never used."""
    webhooks = get_webhooks(target)
    if webhooks is None:
        return
    stored = find_stored_names(target)
    verifying_secrets = find_secrets_read(list(iterate_keys(webhooks.verify)), stored)
    earlier: dict[str, int] = {}
    always: int | None = None
    for index, challenge in enumerate(webhooks.challenge):
        place: Path_ = ("webhooks", "challenge", index)
        leaked = find_secrets_read([challenge.reply.headers, challenge.reply.body], stored) & verifying_secrets
        if leaked and not challenge.verified and not _is_restricted(challenge, stored):
            yield build_finding(
                target,
                "WHK104",
                (*place, "reply"),
                f"anyone can request this reply, and it uses {sorted(leaked)[0]}, which verifies deliveries",
                "limit the text with `expect`, so that no delivery matches: $match(body.token, /^[A-Za-z0-9_-]{22}$/)",
            )
        why = _explain_unreachable_challenge(challenge.when, earlier, always)
        if why:
            yield build_finding(
                target, "WHK108", (*place, "when"), why, "correct the condition, move the challenge up, or delete it"
            )
        earlier.setdefault(challenge.when.strip(), index)
        always = index if always is None and evaluate_constant(challenge.when) == (True, True) else always


def _is_restricted(challenge: Challenge, stored: frozenset[str]) -> bool:
    """Return whether `expect` checks the values that the reply repeats, or a secret of the caller."""
    if challenge.expect is None:
        return False
    required = _find_roots(challenge.expect)
    secrets_read = find_secrets_read([challenge.reply.headers, challenge.reply.body], frozenset(_NAMED))
    return required is None or bool(required & (secrets_read | stored | {"env"}))


_NAMED = ("method", "url", "host", "path", "target", "query", "headers", "text", "body")


def _explain_unreachable_challenge(when: str, earlier: Mapping[str, int], always: int | None) -> str:
    if when.strip() in earlier:
        return f"challenge {earlier[when.strip()] + 1} has the same condition and comes first"
    if always is not None:
        return f"challenge {always + 1} matches every delivery"
    fixed, value = evaluate_constant(when)
    return "no delivery matches the condition" if fixed and not value else ""


# --- routing ---


def check_routing_context(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK107: events are routed by a context value that no account has."""
    webhooks = get_webhooks(target)
    if webhooks is None or webhooks.account is None:
        return
    effective = target.effective
    names = {field.name for field in effective.connector.fields if not field.secret}
    names |= {step.name for step in effective.connector.connect}
    names |= _find_captured_names(effective.data.get("credentials"))
    if webhooks.account.context in names or webhooks.account.context in _find_context_names(target):
        return
    yield build_finding(
        target,
        "WHK107",
        ("webhooks", "account", "context"),
        f'no account can have "{webhooks.account.context}" in its context',
        did_you_mean(webhooks.account.context, sorted(names)) or "add it to `fields`, or read it in a `connect` step",
    )


def _find_captured_names(credentials: Any) -> set[str]:
    """Return the names of all `capture` settings in the credentials."""
    names: set[str] = set()
    for key, value in credentials.items() if isinstance(credentials, Mapping) else ():
        if key == "capture" and isinstance(value, Mapping):
            names |= set(map(str, value))
        names |= _find_captured_names(value)
    return names


def _find_context_names(target: "LintTarget") -> set[str]:
    names: set[str] = set()
    for name in target.workspace.accounts():
        try:
            account = target.workspace.account(name)
        except ConnError:
            continue  # reported by the schema
        if account.connector == target.effective.connector_name:
            names |= set(account.context)
    return names


def _find_roots(text: str) -> frozenset[str] | None:
    try:
        return expression(text).roots()
    except ExpressionError:
        return None  # reported as EXP101
