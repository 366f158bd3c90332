"""Rules over webhooks: what a proof leaves open, what a challenge gives away, and events that nobody gets."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.auth import Credentials, add_asked_parts, secret_fields
from conn_engine.config import Path_, UnifiedEvent, lookup
from conn_engine.config.convert import ConversionError, convert
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path
from conn_engine.errors import ConnError, ExpressionError
from conn_engine.expressions import expression
from conn_engine.lint.event_rules import finding, shown, told_events, told_of
from conn_engine.lint.site import objects
from conn_engine.lint.statuses import constant
from conn_engine.lint.webhook_proofs import (
    Paths,
    keys_of,
    names_of_secrets,
    names_read,
    paths,
    read_unsigned,
    secrets_read,
    ways,
    worth,
)
from conn_engine.webhooks import Challenge, StandardWebhooksVerifier, Verification, Webhooks

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["challenges", "proofs", "routing", "stored_names"]

_VERIFY: Path_ = ("webhooks", "verify")


def stored_names(target: "LintTarget") -> frozenset[str]:
    """The names under which proofs find what an account has stored: its credential's parts, and what a vendor hands
    over."""
    found: set[str] = set()
    told = told_of(target)
    for credentials in _credentials(target):
        found |= {field.name.partition(".")[0] for field in credentials.fields()}
        found |= {name for name in credentials.sample() if not name.startswith("_")}
    if told is not None:
        found |= {name for challenge in told.challenge for name in challenge.capture}
        found |= set(told.subscription.capture) if told.subscription is not None else set()
    return frozenset(found)


def _credentials(target: "LintTarget") -> Iterator[Credentials]:
    """The credential that the connector asks for, and each that an account may choose instead."""
    effective = target.effective
    try:
        own = effective.connector.credentials
    except ConnError:
        return  # reported as such
    if own is not None:
        yield own
    more = secret_fields(effective.data)
    said = effective.data.get("credentials")
    for _, option in objects(lookup(said, ("config", "options")) if isinstance(said, Mapping) else None):
        try:
            kind: Any = Credentials
            yield add_asked_parts(convert(option, kind), more)
        except ConversionError:
            continue  # reported as such


# --- proofs ---


def proofs(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK101 to WHK103: what the proof leaves open. WHK105: it may be as old as it likes. WHK109: an override lets it
    be. WHK210: the type of its events stands outside the signature."""
    told = told_of(target)
    if told is None:
        return
    off = next(_turned_off(target), None)
    if off is None:
        yield from _left_open(target, told)
    elif target.effective.grants.allowance.verification:  # otherwise it is an error already
        yield off
    raw = _placed(target.effective.data.get("webhooks", {}).get("verify"), _VERIFY)
    for (path, said), way in zip(raw, ways(told.verify), strict=False):
        yield from _unwritten_keys(target, path, said, way)
        if said.get("tolerance_seconds") == 0 and ("timestamp" in said or isinstance(way, StandardWebhooksVerifier)):
            hint = "leave it out (300), or say what the vendor promises; else know the events that came by their id"
            at = (*path, "config", "tolerance_seconds")
            yield finding(target, "WHK105", at, "a delivery is accepted however old it is", hint)


def _unwritten_keys(
    target: "LintTarget", path: Path_, said: Mapping[str, Any], way: Verification
) -> Iterator[Diagnostic]:
    """EXP103 for a secret that is read because nothing else is written; one that is written is a site of its own."""
    stored = stored_names(target)
    for name in names_of_secrets(way):
        told = getattr(way, name)
        if told is None or name in said or getattr(way, "key_request", None) is not None:
            continue
        for lacking in sorted(names_read(told) - stored):
            near = did_you_mean(lacking, sorted(stored))
            ask = f"ask for it: fields: [{{name: {lacking}, secret: true, required: false}}]"
            text = f'nothing is called "{lacking}" here: it is the {name} by which deliveries are proved'
            yield finding(target, "EXP103", path, text, f"write `{name}`: {near}" if near else ask)


def _turned_off(target: "LintTarget") -> Iterator[Diagnostic]:
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


def _left_open(target: "LintTarget", told: Webhooks) -> Iterator[Diagnostic]:
    if told.events is None:
        return
    taking = [(name, own) for name, own in told_events(target) if own.fetch is None]
    if not taking and told_events(target):
        return
    taken: Paths = frozenset()
    for one in [_taken(told, own) for _, own in taking] or [_taken(told, None)]:
        taken = None if one is None or taken is None else taken | one
    value = worth(told.verify, taken)
    what = f"{shown(taking[0][0])} takes its record" if taking else "its events are handed on"
    at = (*_VERIFY, "format")
    if value == "none":
        hint = "fetch the record (`fetch: event.record_id`): then a delivery is but a hint"
        yield finding(target, "WHK101", at, f"anybody could send a delivery, and {what} from it", hint)
    elif value == "part" and taking:
        hint = "fetch the record (`fetch: event.record_id`), or sign what the vendor signs of it (`content`, `require`)"
        yield finding(target, "WHK102", at, f"the signature does not cover the body, and {what} from it", hint)
        return  # the type is in it too
    elif value == "secret" and taking:
        hint = "fetch the record (`fetch: event.record_id`), or accept it with `# conn: ignore WHK103 -- why`"
        yield finding(target, "WHK103", at, f"the secret stands in every delivery, and {what} from it", hint)
    unsigned = read_unsigned(told.verify, paths(told.events.type, told.events.each))
    if unsigned:
        text = f"the signature does not cover {', '.join(sorted(map(format_path, unsigned)))}, where the type of an "
        "event is"
        hint = "read the type from what is signed; if the vendor has it only there, check in `when` what the body has"
        yield finding(target, "WHK210", ("webhooks", "events", "type"), text, hint)


def _taken(told: Webhooks, event: UnifiedEvent | None) -> Paths:
    """What of a delivery a unified event's record is made of; without one, what is handed on."""
    own = told.events
    if own is None:
        return frozenset()
    if event is None or event.record is None:
        return paths(own.record or "item", own.each)
    seen = paths(event.record, own.each)
    if seen is None:
        return None
    found: set[tuple[str, ...]] = set()
    for path in seen:
        if path[0] != "event":
            found.add(path)
            continue
        text = "item" if path[1:2] in ((), ("item",)) else getattr(own, path[1], None) or ""
        above = paths(text, own.each)
        if above is None:
            return None
        found |= {(*one, *path[2:]) for one in above}
    return frozenset(path for path in found if path[0] in ("body", "text", "claims", "headers", "query"))


def _placed(data: Any, path: Path_) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """What is written of each way to prove a delivery, in the order of `ways`, with its place."""
    if not isinstance(data, Mapping):
        return
    said = data.get("config")
    config: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    yield path, config
    inner = config.get("of")
    for index, one in enumerate(inner if isinstance(inner, list) else ()):
        yield from _placed(one, (*path, "config", "of", index))


# --- challenges ---


def challenges(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK104: a challenge signs for anybody. WHK108: a challenge that is never asked."""
    told = told_of(target)
    if told is None:
        return
    stored = stored_names(target)
    proving = secrets_read(list(keys_of(told.verify)), stored)
    earlier: dict[str, int] = {}
    always: int | None = None
    for index, one in enumerate(told.challenge):
        at: Path_ = ("webhooks", "challenge", index)
        given = secrets_read([one.reply.headers, one.reply.body], stored) & proving
        if given and not one.verified and not _bound(one, stored):
            yield finding(
                target,
                "WHK104",
                (*at, "reply"),
                f"anybody may ask for this answer, and it is made with {sorted(given)[0]}, which proves deliveries",
                "bound it with `require`, such as $match(body.token, /^[A-Za-z0-9_-]{22}$/): no signed text of a "
                "delivery may fit",
            )
        why = _never(one.when, earlier, always)
        if why:
            yield finding(target, "WHK108", (*at, "when"), why, "the first that fits answers: mend it, or delete one")
        earlier.setdefault(one.when.strip(), index)
        always = index if always is None and constant(one.when) == (True, True) else always


def _bound(challenge: Challenge, stored: frozenset[str]) -> bool:
    """Whether `require` looks at what the answer repeats, or at a secret of the caller's."""
    if challenge.require is None:
        return False
    required = _roots(challenge.require)
    asked = secrets_read([challenge.reply.headers, challenge.reply.body], frozenset(_NAMED))
    return required is None or bool(required & (asked | stored | {"env"}))


_NAMED = ("method", "url", "host", "path", "target", "query", "headers", "text", "body")


def _never(when: str, earlier: Mapping[str, int], always: int | None) -> str:
    if when.strip() in earlier:
        return f"challenge {earlier[when.strip()] + 1} has the same condition and comes first"
    if always is not None:
        return f"challenge {always + 1} takes every delivery"
    fixed, value = constant(when)
    return "no delivery fits the condition" if fixed and not value else ""


# --- whose it is ---


def routing(target: "LintTarget") -> Iterator[Diagnostic]:
    """WHK107: events are for the account whose context has a value, and no account's has one of that name."""
    told = told_of(target)
    if told is None or told.account is None:
        return
    effective = target.effective
    known = {field.name for field in effective.connector.fields if not field.secret}
    known |= {step.name for step in effective.connector.connect}
    known |= _captured(effective.data.get("credentials"))
    if told.account.context in known or told.account.context in _accounts_say(target):
        return
    yield finding(
        target,
        "WHK107",
        ("webhooks", "account", "context"),
        f'no account can have a "{told.account.context}" in its context',
        did_you_mean(told.account.context, sorted(known)) or "ask for it under `fields`, or find it out by `connect`",
    )


def _captured(credentials: Any) -> set[str]:
    """The names that log-ins keep beside a token, wherever in the credentials it is said."""
    found: set[str] = set()
    for key, value in credentials.items() if isinstance(credentials, Mapping) else ():
        if key == "capture" and isinstance(value, Mapping):
            found |= set(map(str, value))
        found |= _captured(value)
    return found


def _accounts_say(target: "LintTarget") -> set[str]:
    found: set[str] = set()
    for name in target.workspace.accounts():
        try:
            account = target.workspace.account(name)
        except ConnError:
            continue  # reported as such
        if account.connector == target.effective.connector_name:
            found |= set(account.context)
    return found


def _roots(text: str) -> frozenset[str] | None:
    try:
        return expression(text).roots()
    except ExpressionError:
        return None  # reported as such
