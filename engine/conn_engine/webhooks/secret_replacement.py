"""Replace the secrets that sign deliveries by generated ones, including public keys of vendors."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from conn_engine.errors import CredentialError
from conn_engine.recordings.files import Exchange
from conn_engine.webhooks.recording_secrets import KeyKind, SigningKeys, create_throwaway
from conn_engine.webhooks.settings import Webhooks
from conn_engine.webhooks.signature_verifiers import PublicKeyVerifier
from conn_engine.webhooks.verifier import DeliveryVerifier, VerificationContext, VerificationError

__all__ = [
    "build_name_check",
    "create_recording_secrets",
    "find_changed_pairs",
    "get_format",
    "pair_texts",
    "replace_published_keys",
]

_SHORTEST_KEY = 40


def get_format(way: DeliveryVerifier) -> Any:
    """Return the `format` of a way to verify a delivery."""
    return type(way).__struct_config__.tag


def build_name_check(settings: Any) -> Callable[[str], bool]:
    """Return a function that checks whether a word occurs in the strings of settings."""
    text = "\n".join(_find_texts(settings))
    return lambda name: re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def create_recording_secrets(
    webhooks: Webhooks,
    verification: VerificationContext,
    ring: SigningKeys,
    document: Mapping[str, Any],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Generate a replacement for each secret that the settings name."""
    is_credential_name = build_name_check(webhooks)
    forms = dict(_find_public_keys(webhooks.verify, verification))
    secrets_by_name = {**document, **{f"env.{name}": value for name, value in environ.items()}}
    return {name: _replace(value, forms, ring) for name, value in secrets_by_name.items() if is_credential_name(name)}


def _replace(value: Any, forms: Mapping[str, Any], ring: SigningKeys) -> Any:
    if isinstance(value, Mapping):
        return {key: _replace(item, forms, ring) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, forms, ring) for item in value]
    if isinstance(value, str) and (value in forms or "-----BEGIN" in value):
        form, kind = forms.get(value, ("pem", None))
        try:
            return ring.create_twin(value, form)
        except CredentialError:
            if kind is not None:  # a sample value instead of a key
                return ring.create_key(kind, form)
    return create_throwaway(value) if isinstance(value, str) and len(value) > 3 else value


def _find_public_keys(way: DeliveryVerifier, verification: VerificationContext) -> Iterable[tuple[str, Any]]:
    """Yield the account's public keys with their form and type."""
    from conn_engine.webhooks.keys import get_account_keys

    for part in getattr(way, "of", ()):
        yield from _find_public_keys(part, verification)
    tag = get_format(way)
    public = tag == "public_key" or (tag == "jwt" and not str(getattr(way, "algorithms", ("",))[0]).startswith("HS"))
    if public and getattr(way, "key_request", None) is None:
        with suppress(CredentialError, VerificationError):
            form = "pem" if tag == "jwt" else getattr(way, "key_encoding", "pem")
            yield from (
                (str(key), (form, _find_key_kind(way)))
                for key in get_account_keys(getattr(way, "key", ""), verification)
            )


def _find_key_kind(way: DeliveryVerifier) -> KeyKind:
    """Return the type of private key that a way uses."""
    if isinstance(way, PublicKeyVerifier):
        return way.key_kind
    algorithm = str(getattr(way, "algorithms", ("",))[0])
    return "rsa" if algorithm[:2] in ("RS", "PS") else "ec" if algorithm.startswith("ES") else "ed"


def replace_published_keys(way: DeliveryVerifier, ring: SigningKeys, exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Replace the public keys that the vendor publishes in the exchanges."""
    forms = set(_find_published_forms(way))
    return [_replace_keys(exchange, forms, ring) for exchange in exchanges] if forms else list(exchanges)


def _find_published_forms(way: DeliveryVerifier) -> Iterable[Any]:
    for part in getattr(way, "of", ()):
        yield from _find_published_forms(part)
    if getattr(way, "key_request", None) is not None:
        yield "pem" if get_format(way) == "jwt" else getattr(way, "key_encoding", "pem")


def _replace_keys(exchange: Exchange, forms: set[Any], ring: SigningKeys) -> Exchange:
    response = exchange.response
    body = response.body if response.body is msgspec.UNSET else _create_twins(response.body, forms, ring)
    text = response.text if response.text is None else _create_twins(response.text, forms, ring)
    return msgspec.structs.replace(exchange, response=msgspec.structs.replace(response, body=body, text=text))


def _create_twins(value: Any, forms: set[Any], ring: SigningKeys) -> Any:
    if isinstance(value, Mapping) and "kty" not in value:
        return {name: _create_twins(item, forms, ring) for name, item in value.items()}
    if isinstance(value, list):
        return [_create_twins(item, forms, ring) for item in value]
    if isinstance(value, Mapping) or (isinstance(value, str) and len(value) >= _SHORTEST_KEY):
        for form in forms:
            with suppress(CredentialError):
                return ring.create_twin(value, form, published=True)
    return value


def find_changed_pairs(
    document: Mapping[str, Any], environ: Mapping[str, str], secrets: Mapping[str, Any]
) -> list[tuple[str, str]]:
    secrets_by_name = {**document, **{f"env.{name}": value for name, value in environ.items()}}
    return [
        pair for pair in pair_texts({name: secrets_by_name[name] for name in secrets}, secrets) if pair[0] != pair[1]
    ]


def pair_texts(old: Any, new: Any) -> list[tuple[str, str]]:
    """Pair the strings at the same places of two values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [pair for name, value in old.items() if name in new for pair in pair_texts(value, new[name])]
    if isinstance(old, list) and isinstance(new, list):
        return [pair for old_item, new_item in zip(old, new, strict=False) for pair in pair_texts(old_item, new_item)]
    return [(old, new)] if isinstance(old, str) and isinstance(new, str) else []


def _find_texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _find_texts(item)
    elif isinstance(value, msgspec.Struct):  # with the defaults, which also name secrets
        for name in value.__struct_fields__:
            yield from _find_texts(getattr(value, name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _find_texts(item)
