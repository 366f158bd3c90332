"""Rules over webhooks: what a proof leaves open, what a challenge gives away, and events that cannot be made."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conn_engine.auth import Credentials, secret_fields, supplied
from conn_engine.config import MISSING, EventName, Path_, UnifiedEvent, lookup, singular
from conn_engine.config.convert import ConversionError, convert
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import dotted
from conn_engine.errors import ConnError, ExpressionError
from conn_engine.expressions import expression
from conn_engine.lint.models import model_schema
from conn_engine.lint.site import objects
from conn_engine.lint.statuses import constant
from conn_engine.lint.webhook_proofs import KEYS, Paths, keys_of, names_read, paths, secrets_read, ways, worth
from conn_engine.webhooks import Challenge, StandardWebhooks, Verification, Webhooks

if TYPE_CHECKING:
    from conn_engine.lint.rules import Target

__all__ = ["challenges", "events", "proofs", "routing", "stored_names"]

_OF_EVENT = ("id", "type", "occurred_at", "record", "record_id", "item")
_ALWAYS = frozenset({"type", "item"})
_VERIFY: Path_ = ("webhooks", "verify")


def stored_names(target: "Target") -> frozenset[str]:
    """The names under which proofs find what an account has stored: its credential's parts, and what a vendor hands
    over."""
    found: set[str] = set()
    told = _told(target)
    for credentials in _credentials(target):
        found |= {field.name.partition(".")[0] for field in credentials.fields()}
        found |= {name for name in credentials.sample() if not name.startswith("_")}
    if told is not None:
        found |= {name for challenge in told.challenge for name in challenge.capture}
        found |= set(told.subscription.capture) if told.subscription is not None else set()
    return frozenset(found)


def _credentials(target: "Target") -> Iterator[Credentials]:
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
            yield supplied(convert(option, kind), more)
        except ConversionError:
            continue  # reported as such


# --- proofs ---


def proofs(target: "Target") -> Iterator[Diagnostic]:
    """WHK101 to WHK103: what the proof leaves open. WHK105: it may be as old as it likes. WHK109: an override lets it
    be."""
    told = _told(target)
    if told is None:
        return
    off = next(_turned_off(target), None)
    if off is not None:
        yield off
    else:
        yield from _left_open(target, told)
    raw = _placed(target.effective.data.get("webhooks", {}).get("verify"), _VERIFY)
    for (path, said), way in zip(raw, ways(told.verify), strict=False):
        yield from _unwritten_keys(target, path, said, way)
        if said.get("tolerance_seconds") == 0 and ("timestamp" in said or isinstance(way, StandardWebhooks)):
            hint = "leave it out (300), or say what the vendor promises; else know the events that came by their id"
            at = (*path, "config", "tolerance_seconds")
            yield _finding(target, "WHK105", at, "a delivery is accepted however old it is", hint)


def _unwritten_keys(target: "Target", path: Path_, said: Mapping[str, Any], way: Verification) -> Iterator[Diagnostic]:
    """EXP103 for a secret that is read because nothing else is written; one that is written is a site of its own."""
    stored = stored_names(target)
    for name in KEYS:
        told = getattr(way, name, None)
        if told is None or name in said or getattr(way, "key_request", None) is not None:
            continue
        for lacking in sorted(names_read(told) - stored):
            near = did_you_mean(lacking, sorted(stored))
            ask = f"ask for it: fields: [{{name: {lacking}, secret: true, required: false}}]"
            text = f'nothing is called "{lacking}" here: it is the {name} by which deliveries are proved'
            yield _finding(target, "EXP103", path, text, f"write `{name}`: {near}" if near else ask)


def _turned_off(target: "Target") -> Iterator[Diagnostic]:
    for layer in target.effective.layers:
        said = lookup(layer.data, _VERIFY)
        if layer.level != "base" and isinstance(said, Mapping) and said.get("format") == "none":
            path = (*_VERIFY, "format")
            yield diagnostic(
                "WHK109",
                f"{layer.level} takes deliveries without a proof",
                target.span(layer, path),
                path=dotted(path),
                hint="leave the connector's proof; for deliveries of your own sign them: conn webhook send",
            )


def _left_open(target: "Target", told: Webhooks) -> Iterator[Diagnostic]:
    if told.events is None:
        return
    taking = [(name, own) for name, own in _events(target) if own.fetch is None]
    if not taking and _events(target):
        return
    taken: Paths = frozenset()
    for read in [_taken(told, own) for _, own in taking] or [_taken(told, None)]:
        taken = None if read is None or taken is None else taken | read
    value = worth(told.verify, taken)
    what = f"{_shown(taking[0][0])} takes its record" if taking else "its events are handed on"
    at = (*_VERIFY, "format")
    if value == "none":
        hint = "fetch the record (`fetch: event.record_id`): then a delivery is but a hint"
        yield _finding(target, "WHK101", at, f"anybody could send a delivery, and {what} from it", hint)
    elif value == "part" and taking:
        hint = "fetch the record (`fetch: event.record_id`), or sign what the vendor signs of it (`content`, `require`)"
        yield _finding(target, "WHK102", at, f"the signature does not cover the body, and {what} from it", hint)
    elif value == "secret" and taking:
        hint = "fetch the record (`fetch: event.record_id`), or accept it with `# conn: ignore WHK103 -- why`"
        yield _finding(target, "WHK103", at, f"the secret stands in every delivery, and {what} from it", hint)


def _taken(told: Webhooks, event: UnifiedEvent | None) -> Paths:
    """What of a delivery a unified event's record is made of; without one, what is handed on."""
    own = told.events
    if own is None:
        return frozenset()
    if event is None or event.record is None:
        return paths(own.record or "item", own.each)
    read = paths(event.record, own.each)
    if read is None:
        return None
    found: set[tuple[str, ...]] = set()
    for path in read:
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


def challenges(target: "Target") -> Iterator[Diagnostic]:
    """WHK104: a challenge signs for anybody. WHK108: a challenge that is never asked."""
    told = _told(target)
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
            yield _finding(
                target,
                "WHK104",
                (*at, "reply"),
                f"anybody may ask for this answer, and it is made with {sorted(given)[0]}, which proves deliveries",
                "bound it with `require`, such as $match(body.token, /^[A-Za-z0-9_-]{22}$/): no signed text of a "
                "delivery may fit",
            )
        why = _never(one.when, earlier, always)
        if why:
            yield _finding(target, "WHK108", (*at, "when"), why, "the first that fits answers: mend it, or delete one")
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


def routing(target: "Target") -> Iterator[Diagnostic]:
    """WHK107: events are for the account whose context has a value, and no account's has one of that name."""
    told = _told(target)
    if told is None or told.account is None:
        return
    effective = target.effective
    known = {field.name for field in effective.connector.fields if not field.secret}
    known |= {step.name for step in effective.connector.connect}
    known |= _captured(effective.data.get("credentials"))
    if told.account.context in known or told.account.context in _accounts_say(target):
        return
    yield _finding(
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


def _accounts_say(target: "Target") -> set[str]:
    found: set[str] = set()
    for name in target.workspace.accounts():
        try:
            account = target.workspace.account(name)
        except ConnError:
            continue  # reported as such
        if account.connector == target.effective.connector_name:
            found |= set(account.context)
    return found


# --- events ---


def events(target: "Target") -> Iterator[Diagnostic]:
    """WHK106: a unified event that cannot be made. REF102: it names no operation. MAP302: its record has no schema.
    EXP103: it reads of `event` what events do not have."""
    told = _told(target)
    for name, own in _events(target):
        if told is None or told.events is None:
            what = "`webhooks`" if told is None else "`webhooks.events`"
            hint = "say in connector.yaml how deliveries are proved, and which events they hold"
            yield _finding(target, "WHK106", name.path, f"the connector has no {what}: no delivery tells of it", hint)
            continue
        yield from _mapped(target, name, own)
        said = {key for key in _OF_EVENT if key in _ALWAYS or getattr(told.events, key) is not None}
        if own.record is None and own.fetch is None and "record" not in said:
            hint = "say `record`, or `fetch: event.record_id`; or `record` under webhooks.events"
            yield _finding(target, "WHK106", name.path, f"{_shown(name)} has no record to map", hint)
        for key in ("when", "record", "fetch"):
            yield from _read_of_event(target, name, key, getattr(own, key), said)


def _mapped(target: "Target", name: EventName, own: UnifiedEvent) -> Iterator[Diagnostic]:
    effective = target.effective
    methods = (own.method,) if own.method is not None else ("get", "list")
    found = [method for method in methods if lookup(effective.data, (*name.path[:3], method)) not in (MISSING, None)]
    if not found:
        text = (
            f"{_shown(name)} needs the unified operation {name.model}.{name.resource}.{methods[0]}, which there is not"
        )
        known = [one.method for one in effective.operations() if one.path[:3] == name.path[:3]]
        near = did_you_mean(methods[0], known) or f"there are: {', '.join(known) or 'none'}"
        at = (*name.path, "method") if own.method is not None else name.path
        yield _finding(target, "REF102", at, text, near)
        return
    operation = effective.unified(name.model, name.resource, found[0])
    record = (operation.record if operation is not None else None) or singular(name.resource)
    if model_schema(tuple(target.workspace.models), name.model, record) is None:
        text = f"there is no schema for {name.model}.{record}, the record of {_shown(name)}"
        hint = f"write models/{name.model}/{record}.schema.json, or set `record` in the unified mapping"
        yield _finding(target, "MAP302", name.path, text, hint)


def _read_of_event(
    target: "Target", name: EventName, key: str, text: str | None, said: set[str]
) -> Iterator[Diagnostic]:
    read = paths(text) if text is not None else None
    for word in sorted({path[1] for path in read or () if path[0] == "event" and len(path) > 1} - said):
        at = (*name.path, key)
        if word not in _OF_EVENT:
            hint = did_you_mean(word, _OF_EVENT) or f"it has {', '.join(_OF_EVENT)}"
            yield _finding(target, "EXP103", at, f'nothing is called "event.{word}" here', hint)
        elif key != "when":
            text = f"{_shown(name)} reads event.{word}, and webhooks.events does not say where it is"
            yield _finding(target, "WHK106", at, text, f"say `{word}` under webhooks.events")


# --- common ---


def _told(target: "Target") -> Webhooks | None:
    try:
        return target.effective.webhooks
    except ConnError:
        return None  # reported by the schema


def _events(target: "Target") -> list[tuple[EventName, UnifiedEvent]]:
    try:
        return list(target.effective.events)
    except ConnError:
        return []  # reported by the schema


def _roots(text: str) -> frozenset[str] | None:
    try:
        return expression(text).roots()
    except ExpressionError:
        return None  # reported as such


def _shown(name: EventName) -> str:
    return f"{name.model}.{name.resource}.events.{name.action}"


def _finding(target: "Target", code: str, path: Path_, message: str, hint: str) -> Diagnostic:
    return diagnostic(code, message, target.effective.span(path), path=dotted(path), hint=hint)
