"""Findings about overrides that use a secret in another way than the connector, and about weaker verification."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import structs

from conn_engine.auth import Authorization, Credentials, NoAuthorization, NoCredentials
from conn_engine.auth.signatures import NoSignature, Signature
from conn_engine.config.convert import ConversionError, convert
from conn_engine.config.dotted_places import format_place
from conn_engine.config.endpoints import iterate_request_urls
from conn_engine.config.grants import Levels
from conn_engine.config.implied import is_path_implied
from conn_engine.config.inheritance import find_inherited, follows_credentials
from conn_engine.config.merge import MISSING, Path_, leaves, lookup
from conn_engine.config.models import Configuration
from conn_engine.config.operations import find_implied_authorization, operation_names
from conn_engine.config.secret_texts import names_read, secret_leaves, secret_texts
from conn_engine.config.secret_uses import OF_DELIVERIES, Departure, SecretComparison
from conn_engine.config.short_form import find_canonical
from conn_engine.diagnostics import Diagnostic
from conn_engine.documents import parse_path
from conn_engine.transport.url_templates import hide_templates, split_url
from conn_engine.webhooks import AnyOf, Verification

__all__ = ["find_moved_secrets", "find_weaker_verification"]

_VERIFY = ("webhooks", "verify")
_KINDS: tuple[tuple[str, Any, Any], ...] = (
    ("authorization", Authorization, NoAuthorization()),
    ("signature", Signature, NoSignature()),
)
_IMPLIED: Final = object()
"""Stands for the authorization that follows from the credentials."""
_CREDENTIALS: Path_ = ("credentials",)
_OF_A_REQUEST = ("path", "base_url", "method", "job", "pagination")


def find_moved_secrets(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides that use a secret where the connector does not, use it in another way, or compute with one
    (SEC113)."""
    comparison = SecretComparison(frozenset(levels.grants.allowance.env), levels.is_trusted)
    findings: dict[Diagnostic, None] = {}
    for places, settings, base in _iterate_settings(levels):
        departures = list(comparison.departures(settings, base, ()))
        for departure in departures:
            if not any(_covers(other, departure) for other in departures):
                findings[_build_finding(levels, places, departure)] = None
    findings.update(dict.fromkeys(_find_changed_requests(levels)))
    findings.update(dict.fromkeys(_find_moved_marks(levels)))
    yield from findings


def _covers(above: Departure, below: Departure) -> bool:
    """Return whether one departure is a different strategy and the other is inside it, so that reporting the first is
    enough."""
    longer = len(above.path) < len(below.path) and below.path[: len(above.path)] == above.path
    return longer and above.kind == "place" and below.kind == "place"


def _iterate_settings(levels: Levels) -> Iterator[tuple[list[Path_], Any, Any]]:
    """Yield the typed settings that may contain secrets, with the connector's, and the paths that set them."""
    if not any(any(True for _ in secret_leaves(layer.data)) for layer in levels.overrides):
        return
    settings, base = (data.get("credentials") for data in (levels.data, levels.base))
    if settings != base:
        yield from _convert_both([("credentials",)], settings, base, Credentials, NoCredentials())
    implied = _find_implied(levels.data), _find_implied(levels.base)
    for key, kind, none in _KINDS:
        settings, base = (_read_setting(data, key) for data in (levels.data, levels.base))
        if _differs(settings, base, implied):  # for requests of steps, which have no operation
            yield from _convert_both([(key,), _CREDENTIALS], settings, base, kind, none, implied)
        for operation_path in (name.path for name in operation_names(levels.data) if name.kind == "vendor"):
            settings, base = (
                _read_setting(data, key, (str(operation_path[1]), str(operation_path[2])))
                for data in (levels.data, levels.base)
            )
            if _differs(settings, base, implied):
                places = [(*operation_path, key), (*operation_path[:2], key), (key,), _CREDENTIALS]
                yield from _convert_both(places, settings, base, kind, none, implied)


def _find_implied(data: Mapping[str, Any]) -> Any:
    """Return the authorization that follows from the credentials; None if they are invalid."""
    try:
        return find_implied_authorization(data)
    except ConversionError:
        return None


def _read_setting(data: Mapping[str, Any], key: str, place: tuple[str, str] | None = None) -> Any:
    """Return the raw setting of an operation, or of requests without one; _IMPLIED if it follows from the
    credentials."""
    if key == "authorization" and follows_credentials(data, *(place or ())):
        return _IMPLIED
    return find_inherited(data, *place, key) if place is not None else data.get(key)


def _differs(own: Any, base: Any, implied: tuple[Any, Any]) -> bool:
    return bool(implied[0] != implied[1]) if own is base is _IMPLIED else bool(own != base)


def _convert_both(  # noqa: PLR0917
    places: list[Path_], settings: Any, base: Any, kind: Any, none: Any, implied: tuple[Any, Any] = (None, None)
) -> Iterator[tuple[list[Path_], Any, Any]]:
    converted = [
        follows if data is _IMPLIED else none if data in (None, MISSING) else _try_convert(data, kind)
        for data, follows in zip((settings, base), implied, strict=True)
    ]
    if converted[0] is not None:  # invalid settings have their own finding and never run
        yield places, converted[0], converted[1]


def _try_convert(data: Any, kind: Any) -> Any:
    try:
        return convert(data, kind)
    except ConversionError:
        return None


def _build_finding(levels: Levels, places: Iterable[Path_], departure: Departure) -> Diagnostic:
    layer, path = levels.find_setting(places, departure.path)
    if lookup(layer.data, (*path, "format")) is not MISSING:
        path = (*path, "format")
    where = format_place(path)
    message = {
        "place": f"changes where a secret is sent: {where}",
        "name": f"uses {_list_names(departure)} in {where}, where the connector does not",
        "computed": "computes with a secret, but may only insert one",
    }[departure.kind]
    if _is_allowed(levels, departure, path):
        return levels.exception(layer, path, message)
    if departure.kind == "computed":
        hint = "move the expression to connector.yaml; here, insert the secret unchanged, such as {{api_key}}"
        return levels.refusal("SEC113", layer, path, message, hint)
    allowance = f"placement: [{where}]" if path[0] != "webhooks" else ""
    return levels.refusal("SEC113", layer, path, message, "move it to connector.yaml", allowance)


def _list_names(departure: Departure) -> str:
    return " and ".join(sorted(".".join(map(str, name)) for name in departure.names))


def _is_allowed(levels: Levels, departure: Departure, path: Path_) -> bool:
    allowance = levels.grants.allowance
    places = [find_canonical(parse_path(place), levels.data, Configuration) for place in allowance.placement]
    if departure.kind == "computed" or not any(path[: len(place)] == place for place in places):
        return False
    return _is_known(levels, departure)


def _is_known(levels: Levels, departure: Departure) -> bool:
    """Return whether the connector uses the variables anywhere, or conn.yaml allows them."""
    names = {*levels.grants.allowance.env, *names_read(levels.base)}
    return all(name[0] != "env" or (len(name) > 1 and name[1] in names) for name in departure.names)


# --- requests with their own authorization ---


def _find_changed_requests(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides that change the request of an operation with its own authorization or signature, or with that of
    its resource. An override cannot add such an operation either."""
    for name in operation_names(levels.data):
        if name.kind != "vendor" or not _is_authorized_apart(levels.base, name.path):
            continue
        resource, own = (lookup(levels.data, name.path[:end]) for end in (2, 3))
        places = [(*name.path, key) for key in _OF_A_REQUEST]
        if isinstance(own, dict) and is_path_implied(name.method, own, resource):
            places.append((*name.path[:2], "path"))
        for layer in levels.overrides:
            for place in places:
                setting = lookup(layer.data, place)
                for path, value in leaves(setting, place) if setting is not MISSING else ():
                    if isinstance(value, str | list) and value != lookup(levels.base, path):
                        yield _build_finding(levels, [place[:-1]], Departure(path[len(place) - 1 :], "place"))


def _is_authorized_apart(base: Mapping[str, Any], at: Path_) -> bool:
    """Return whether an operation, or its resource, has another authorization or signature than the connector."""
    for key, _, _ in _KINDS:
        nearest = next((found for end in (3, 2) if (found := lookup(base, (*at[:end], key))) is not MISSING), None)
        if nearest is not None and lookup(nearest, ("format",)) != "none":
            return True
    return False


def _find_moved_marks(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides that put the placeholder of a secret (`{token}`) in another position of a path than the
    connector."""
    names = {
        text
        for path, text in secret_texts(levels.base)
        if path[-2:] == ("config", "name") and lookup(levels.base, (*path[:-2], "format")) == "path"
    }
    if not names:
        return
    marks = {(path[-1], head) for path, value in iterate_request_urls(levels.base) for head in _heads(value, names)}
    for layer in levels.overrides:
        for path, value in iterate_request_urls(layer.data):
            if any((path[-1], head) not in marks for head in _heads(value, names)):
                yield _build_finding(levels, [path], Departure((), "place"))


def _heads(text: str, names: Iterable[str]) -> Iterator[str]:
    """Yield what comes before each placeholder of a path, or of the path of a base URL."""
    plain = hide_templates(text)
    start = len(split_url(text)[0])
    for name in names:
        position = plain.find(f"{{{name}}}", start)
        while position >= 0:
            yield text[start:position].lstrip("/") + f"{{{name}}}"
            position = plain.find(f"{{{name}}}", position + 1)


# --- webhooks ---


def find_weaker_verification(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides that verify deliveries in another way than the connector (SEC114)."""
    settings, base = (lookup(data, _VERIFY) for data in (levels.data, levels.base))
    if settings == base or settings is MISSING:
        return
    converted, base_verification = (_try_convert(data, Verification) for data in (settings, base))
    if converted is None or _is_as_strong(converted, base_verification):
        return
    layer, path = next(_find_changes(levels), (levels.layers[-1], _VERIFY))
    message = "changes how webhook deliveries are verified"
    if not levels.grants.allowance.verification:
        hint = "remove it; to test with your own deliveries, sign them: conn webhook send"
        yield levels.refusal("SEC114", layer, path, message, hint, "verification: true")
        return
    yield levels.exception(layer, path, message)
    for departure in SecretComparison(known=OF_DELIVERIES).departures(converted, base_verification, ()):
        another_key = departure.kind == "name" and departure.role == "secret" and _is_known(levels, departure)
        if "key_request" in departure.path or not (departure.kind == "place" or another_key):
            yield _build_finding(levels, [_VERIFY], departure)


def _is_as_strong(verification: Any, base: Any) -> bool:
    """Return whether a verification is the connector's, or only removes alternatives from an `any` of several."""
    if verification == base or not isinstance(base, AnyOf):
        return bool(verification == base)
    ways = (
        verification.of
        if isinstance(verification, AnyOf) and structs.replace(verification, of=base.of) == base
        else (verification,)
    )
    return all(way in base.of for way in ways)


def _find_changes(levels: Levels) -> Iterator[tuple[Any, Path_]]:
    for layer in reversed(levels.overrides):
        setting = lookup(layer.data, _VERIFY)
        for path, value in leaves(setting, _VERIFY) if setting is not MISSING else ():
            if value != lookup(levels.base, path):
                yield layer, path
