"""Convert security schemes to `credentials` and `authorization`: one is chosen, and the others are noted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_engine.urls import join_url, split_plain_url
from conn_import.contract import Contract
from conn_import.request_keys import add_keys
from conn_import.words import clean_text, to_snake

__all__ = ["Schemes", "build_oauth_settings", "to_variable_prefix"]

_FLOWS = {
    "accessCode": "authorizationCode",
    "application": "clientCredentials",
    "authorizationCode": "authorizationCode",
    "clientCredentials": "clientCredentials",
}
_MOST_SCOPES = 300


class Schemes:
    """The schemes of a document and how often its operations ask for each."""

    def __init__(self, schemes: Mapping[str, Any], everywhere: Any, variable_prefix: str) -> None:
        self._schemes = {str(name): scheme for name, scheme in schemes.items() if isinstance(scheme, Mapping)}
        self._everywhere = everywhere if isinstance(everywhere, list) else None
        self._prefix = variable_prefix
        self._uses: Counter[str] = Counter()
        self._optional: Counter[str] = Counter()
        self._asked: set[tuple[tuple[str, ...], ...]] = set()
        self._together: dict[tuple[str, ...], str] = {}

    def is_credential(self, name: str, place: str) -> bool:
        """Return whether a parameter is the credential of a scheme, so the caller does not give it."""
        return any(
            scheme.get("type") == "apiKey"
            and str(scheme.get("name", "")).lower() == name.lower()
            and scheme.get("in") == place
            for scheme in self._schemes.values()
        )

    def count_use(self, requirements: Any, where: str) -> None:
        """Note the requirements of an operation (None: the document's default).

        An operation without a requirement is authorized like the others. This does no harm, and documents that forget
        requirements are more frequent than vendors that reject credentials. An empty requirement among others means
        that the operation also responds without a credential.
        """
        applicable = requirements if isinstance(requirements, list) else self._everywhere
        optional = any(wanted == {} for wanted in applicable or ())
        alternatives: list[tuple[str, ...]] = []
        for wanted in applicable or ():
            names = [name for name in wanted if name in self._schemes] if isinstance(wanted, Mapping) else []
            for name in names:
                self._uses[name] += 1
                self._optional[name] += optional
            alternatives.append(tuple(names))
            if len(names) > 1:
                self._together.setdefault(tuple(names), where)
        self._asked.add(tuple(alternatives))

    def is_public(self, requirements: Any) -> bool:
        """Return whether an operation declares that it needs no credential (None: the document's default)."""
        applicable = requirements if isinstance(requirements, list) else self._everywhere
        return applicable is not None and (not applicable or {} in applicable)

    def choose(self, contract: Contract, chosen: str = "") -> None:
        """Choose a scheme (`chosen`, or the most used one that is supported) and note the others. Raises UsageError."""
        if chosen and chosen not in self._schemes:
            known = ", ".join(clean_text(name, 60) for name in list(self._schemes)[:20]) or "none"
            raise UsageError(
                f'the document has no security scheme "{chosen}"',
                hint=did_you_mean(chosen, self._schemes) or f"pass one of the document's schemes: {known}",
            )
        order = list(self._schemes)
        ranked = sorted(order, key=lambda name: (-self._uses[name], order.index(name)))
        first = chosen or (self._find_lead(ranked[0]) if ranked else "")
        ranked = [first, *(name for name in ranked if name != first)] if first else ranked
        carried: set[str] = set()
        for name in ranked:
            if name in carried:
                continue
            settings, problem = self._build_settings(name, contract)
            label = f"{clean_text(name, 60)} ({_describe_kind(self._schemes[name])})"
            if settings is None:
                contract.losses.add(f"the security scheme {label}: {problem}")
            elif contract.authorization is None:
                others = self._find_required_keys(name)
                settings = add_keys(settings, others) if others else settings
                carried = {name, *(other for other, _ in others)}
                contract.credentials, contract.authorization = settings
                if self._uses[name] and self._optional[name] == self._uses[name]:
                    _make_optional(contract.credentials)
            else:
                contract.losses.add(f"the security scheme {label}: another one was chosen (a connector has one)")
        for names, where in self._together.items():
            if not carried.issuperset(names):
                required_together = clean_text(" and ".join(names))
                contract.losses.add(f"{required_together}, required together: a connector has one credential", where)
        if not self._schemes:
            contract.authorization_loss = "authorization: the document has no security scheme"

    def _find_needed_with(self, name: str) -> list[str]:
        """Return the schemes that some operation requires together with this one, including itself. Of an
        operation's alternatives with this scheme, the shortest counts."""
        collected: dict[str, None] = {}
        for alternatives in self._asked:
            with_it = [names for names in alternatives if name in names]
            if with_it:
                fewest: tuple[str, ...] = min(with_it, key=len)
                collected |= dict.fromkeys(fewest)
        return sorted(collected)

    def _find_lead(self, name: str) -> str:
        """Return the one scheme of a required group that is not an API key, or `name` if there is not exactly one."""
        leads = [one for one in self._find_needed_with(name) if self._schemes[one].get("type") != "apiKey"]
        return leads[0] if len(leads) == 1 else name

    def _find_required_keys(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the keys that a scheme requires in addition, with their authorization. Empty if one of them is
        unsupported."""
        collected: list[tuple[str, dict[str, Any]]] = []
        for other in self._find_needed_with(name):
            if other == name:
                continue
            settings = _build_api_key(self._schemes[other])[0] if self._schemes[other].get("type") == "apiKey" else None
            if settings is None:
                return []
            collected.append((other, settings[1]))
        return collected

    def _build_settings(
        self, name: str, contract: Contract
    ) -> tuple[tuple[dict[str, Any], dict[str, Any]] | None, str]:
        scheme = self._schemes[name]
        kind = scheme.get("type")
        if kind == "basic" or (kind == "http" and str(scheme.get("scheme", "")).lower() == "basic"):
            return ({"format": "basic"}, {"format": "basic"}), ""
        if kind == "http" and str(scheme.get("scheme", "")).lower() == "bearer":
            return ({"format": "bearer"}, {"format": "bearer"}), ""
        if kind == "apiKey":
            return _build_api_key(scheme)
        if kind == "oauth2":
            return self._build_oauth(scheme, contract)
        return None, "this type is not supported"

    def _build_oauth(
        self, scheme: Mapping[str, Any], contract: Contract
    ) -> tuple[tuple[dict[str, Any], dict[str, Any]] | None, str]:
        flows = scheme.get("flows")
        given: dict[str, Mapping[str, Any]] = {}
        if isinstance(flows, Mapping):
            given = {str(name): flow for name, flow in flows.items() if isinstance(flow, Mapping)}
        elif isinstance(scheme.get("flow"), str):
            given = {scheme["flow"]: scheme}
        for name, flow in given.items():
            kind, token_url = _FLOWS.get(name), _to_absolute(flow.get("tokenUrl"), contract)
            if kind is None or not token_url:
                continue
            if kind == "authorizationCode" and not _to_absolute(flow.get("authorizationUrl"), contract):
                continue
            others = [other for other in given if other != name]
            if others:
                contract.losses.add(f"the OAuth flow {clean_text(', '.join(others))}: {clean_text(name)} was chosen")
            consent = _to_absolute(flow.get("authorizationUrl"), contract) if kind == "authorizationCode" else ""
            scopes = flow.get("scopes")
            names = [str(scope) for scope in scopes] if isinstance(scopes, Mapping | list) else []
            if len(names) > _MOST_SCOPES:
                contract.losses.add(f"scopes beyond the first {_MOST_SCOPES}: list those you need")
            return build_oauth_settings(self._prefix, token_url, consent, names[:_MOST_SCOPES]), ""
        return None, f"it has no flow with a token URL ({clean_text(', '.join(given)) or 'none'})"


def build_oauth_settings(
    prefix: str, token_url: str, consent_url: str = "", scopes: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """OAuth 2 with the app's identity from the environment; client credentials without a consent URL."""
    config: dict[str, Any] = {
        "client_id": f"{{{{env.{prefix}_CLIENT_ID}}}}",
        "client_secret": f"{{{{env.{prefix}_CLIENT_SECRET}}}}",
        **({"authorization_url": consent_url} if consent_url else {}),
        "token_url": token_url,
        **({"scopes": list(scopes)} if scopes else {}),
    }
    kind = "oauth2" if consent_url else "oauth2_client_credentials"
    return {"format": kind, "config": config}, {"format": "bearer", "config": {"path": "oauth.token.access_token"}}


def _build_api_key(scheme: Mapping[str, Any]) -> tuple[tuple[dict[str, Any], dict[str, Any]] | None, str]:
    name, place = scheme.get("name"), scheme.get("in")
    if not isinstance(name, str) or not name or "{{" in name:
        return None, "it has no name"
    if place == "query":
        return ({"format": "api_key"}, {"format": "query", "config": {"name": name}}), ""
    if place == "header" and all(33 <= ord(c) < 127 and c not in ':"(),/;<=>?@[\\]{}' for c in name):
        return ({"format": "api_key"}, {"format": "header", "config": {"name": name}}), ""
    if place == "cookie" and not any(ord(c) <= 32 or ord(c) >= 127 or c in '()<>@,;:\\"/[]?={}' for c in name):
        return ({"format": "api_key"}, {"format": "cookie", "config": {"name": name, "value": "{{api_key}}"}}), ""
    return None, f"a key in a {clean_text(place or 'place unknown', 20)} is not supported"


def _make_optional(credentials: dict[str, Any]) -> None:
    """Make the key optional: every operation that accepts it also responds without one."""
    optional_settings = {
        "api_key": {"required": False},
        "bearer": {"required": False},
        "basic": {"username_required": False, "password_required": False},
    }.get(credentials["format"])
    if optional_settings is not None:
        config = credentials.setdefault("config", {})
        config.update(optional_settings)
        for row in config.get("ask", ()):
            row["required"] = False


def _to_absolute(url: Any, contract: Contract) -> str:
    if not isinstance(url, str) or not url:
        return ""
    base = contract.base_url
    whole = url if "://" in url or "{{" in base else join_url(base + "/", url)
    parts = split_plain_url(whole)
    plain_url = parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c in whole for c in " {}")
    return whole if plain_url else ""


def _describe_kind(scheme: Mapping[str, Any]) -> str:
    parts = [str(scheme[key]) for key in ("type", "scheme", "in", "flow") if isinstance(scheme.get(key), str)]
    return clean_text(", ".join(parts), 60) or "unknown"


def to_variable_prefix(name: str) -> str:
    """Return the start of the connector's environment variables."""
    prefix = to_snake(name).upper() or "VENDOR"
    return f"_{prefix}" if prefix[0].isdigit() else prefix
