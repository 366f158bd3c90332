"""What stands in the place of the secrets that sign deliveries: throwaway ones, the public keys of vendors too."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from conn_engine.errors import CredentialError
from conn_engine.recordings.files import Exchange
from conn_engine.webhooks.proof import Prover, Proving, Unproved
from conn_engine.webhooks.settings import Webhooks
from conn_engine.webhooks.throwaway import Kind, Ring, throwaway

__all__ = ["changed", "pairs_of", "republished", "tag_of", "throwaways", "told_names"]

_SHORTEST_KEY = 40


def tag_of(way: Prover) -> Any:
    """The name of a way to prove a delivery."""
    return type(way).__struct_config__.tag


def told_names(told: Any) -> Callable[[str], bool]:
    """Whether settings name a word: in their texts, as a whole word."""
    text = "\n".join(_texts(told))
    return lambda name: re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def throwaways(
    told: Webhooks, proving: Proving, ring: Ring, document: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """A throwaway for each secret that the settings name, by its name."""
    named = told_names(told)
    forms = dict(_public_keys(told.verify, proving))
    known = {**document, **{f"env.{name}": value for name, value in environ.items()}}
    return {name: _replaced(value, forms, ring) for name, value in known.items() if named(name)}


def _replaced(value: Any, forms: Mapping[str, Any], ring: Ring) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(item, forms, ring) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, forms, ring) for item in value]
    if isinstance(value, str) and (value in forms or "-----BEGIN" in value):
        form, kind = forms.get(value, ("pem", None))
        try:
            return ring.twin(value, form)
        except CredentialError:
            if kind is not None:  # a sample in a key's place
                return ring.fresh(kind, form)
    return throwaway(value) if isinstance(value, str) and len(value) > 3 else value


def _public_keys(way: Prover, proving: Proving) -> Iterable[tuple[str, Any]]:
    """The account's own public keys, and how each is written and of which kind it is."""
    from conn_engine.webhooks.keys import own_keys

    for part in getattr(way, "of", ()):
        yield from _public_keys(part, proving)
    tag = tag_of(way)
    public = tag in ("rsa", "ecdsa", "ed25519") or (
        tag == "jwt" and not str(getattr(way, "algorithms", ("",))[0]).startswith("HS")
    )
    if public and getattr(way, "key_request", None) is None:
        with suppress(CredentialError, Unproved):
            form = "pem" if tag == "jwt" else getattr(way, "key_encoding", "pem")
            yield from ((str(key), (form, _kind(way))) for key in own_keys(getattr(way, "key", ""), proving))


def _kind(way: Prover) -> Kind:
    """Of which kind the private key is that a way takes."""
    algorithm = str(getattr(way, "algorithms", ("",))[0])
    if tag_of(way) == "rsa" or algorithm[:2] in ("RS", "PS"):
        return "rsa"
    return "ec" if tag_of(way) == "ecdsa" or algorithm.startswith("ES") else "ed"


def republished(way: Prover, ring: Ring, exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges with other public keys in the place of those that the vendor publishes."""
    forms = set(_published_forms(way))
    return [_with_twins(exchange, forms, ring) for exchange in exchanges] if forms else list(exchanges)


def _published_forms(way: Prover) -> Iterable[Any]:
    for part in getattr(way, "of", ()):
        yield from _published_forms(part)
    if getattr(way, "key_request", None) is not None:
        yield "pem" if tag_of(way) == "jwt" else getattr(way, "key_encoding", "pem")


def _with_twins(exchange: Exchange, forms: set[Any], ring: Ring) -> Exchange:
    response = exchange.response
    body = response.body if response.body is msgspec.UNSET else _twins(response.body, forms, ring)
    text = response.text if response.text is None else _twins(response.text, forms, ring)
    return msgspec.structs.replace(exchange, response=msgspec.structs.replace(response, body=body, text=text))


def _twins(value: Any, forms: set[Any], ring: Ring) -> Any:
    if isinstance(value, Mapping) and "kty" not in value:
        return {name: _twins(item, forms, ring) for name, item in value.items()}
    if isinstance(value, list):
        return [_twins(item, forms, ring) for item in value]
    if isinstance(value, Mapping) or (isinstance(value, str) and len(value) >= _SHORTEST_KEY):
        for form in forms:
            with suppress(CredentialError):
                return ring.twin(value, form, published=True)
    return value


def changed(
    document: Mapping[str, Any], environ: Mapping[str, str], secrets: Mapping[str, Any]
) -> list[tuple[str, str]]:
    known = {**document, **{f"env.{name}": value for name, value in environ.items()}}
    return [pair for pair in pairs_of({name: known[name] for name in secrets}, secrets) if pair[0] != pair[1]]


def pairs_of(old: Any, new: Any) -> list[tuple[str, str]]:
    """The texts of the same place in two values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [pair for name, value in old.items() if name in new for pair in pairs_of(value, new[name])]
    if isinstance(old, list) and isinstance(new, list):
        return [pair for one, other in zip(old, new, strict=False) for pair in pairs_of(one, other)]
    return [(old, new)] if isinstance(old, str) and isinstance(new, str) else []


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, msgspec.Struct):  # with the defaults, which name secrets as well
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
