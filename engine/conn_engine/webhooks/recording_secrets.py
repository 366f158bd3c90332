"""Generate secrets for recordings, in the form of the real ones, and private keys to sign with.

`DeliveryVerifier.create_signatures` signs with them. cryptography is imported when the first key pair is created.
"""

import base64
import binascii
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from conn_engine.auth.signing.public_keys import PublicKeyForm, load_public_key
from conn_engine.errors import CredentialError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

__all__ = ["KeyKind", "SigningKeys", "create_throwaway", "to_public_key"]

_HEX = re.compile(r"(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")
_PREFIX = re.compile(r"[A-Za-z]{2,12}_")
_SHORTEST = 8
_RSA_BITS = 2048


def create_throwaway(value: str) -> str:
    """Return a random string in the form of `value`: digits for digits, hex for hex, base64 for base64."""
    if value.isascii() and value.isdigit():
        return str(secrets.randbelow(9) + 1) + "".join(str(secrets.randbelow(10)) for _ in value[1:])
    if len(value) >= _SHORTEST and _HEX.fullmatch(value):
        hex_text = secrets.token_hex(len(value) // 2)
        return hex_text.upper() if value.upper() == value and value.lower() != value else hex_text
    prefix = _PREFIX.match(value)
    raw = _decode_base64(value[prefix.end() :] if prefix else value)  # a prefix is not part of the key
    if raw is not None and len(raw) >= _SHORTEST:
        return _create_base64(len(raw))
    return f"throwaway-{secrets.token_hex(12)}"


def _create_base64(size: int) -> str:
    """Return random bytes in base64 without the characters that URLs and other variants encode differently."""
    whole, rest = divmod(size, 3)
    groups = [secrets.token_bytes(3) for _ in range(whole)] + ([secrets.token_bytes(rest)] if rest else [])
    texts = [base64.b64encode(group).decode() for group in groups]
    while any(sign in text for text in texts for sign in "+/"):
        texts = [
            base64.b64encode(secrets.token_bytes(len(base64.b64decode(text)))).decode()
            if set("+/") & set(text)
            else text
            for text in texts
        ]
    return "".join(texts)


def _decode_base64(text: str) -> bytes | None:
    plain = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None


KeyKind = Literal["rsa", "ec", "ed"]


@dataclass(slots=True)
class SigningKeys:
    """Private keys by their public ones. `own` replaces all private keys that are unknown."""

    own: "PrivateKeyTypes | None" = None
    _by_public: dict[bytes, "PrivateKeyTypes"] = field(default_factory=dict)
    _published: dict[KeyKind, "PrivateKeyTypes"] = field(default_factory=dict)

    def create_twin(self, public: Any, form: PublicKeyForm = "pem", *, published: bool = False) -> Any:
        """Create a public key of the same type and in the same form, and store its private key. Keys that the vendor
        publishes (`published`) share one for each type. Raises CredentialError for an invalid public key."""
        old = load_public_key(public, form)
        kind = _find_kind(old)
        twin = (self._published.get(kind) if published else None) or _generate_like(old)
        if published:
            self._published[kind] = twin
        self._by_public[_to_der(to_public_key(twin))] = twin
        return _format_key(to_public_key(twin), public, form)

    def create_key(self, kind: KeyKind, form: PublicKeyForm = "pem") -> str:
        """Create a public key of a type when no real one is known."""
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        key: PrivateKeyTypes = ed25519.Ed25519PrivateKey.generate()
        if kind == "rsa":
            key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        elif kind == "ec":
            key = ec.generate_private_key(ec.SECP256R1())
        public = to_public_key(key)
        self._by_public[_to_der(public)] = key
        if form == "pem":
            return str(_format_key(public, "", "pem"))
        return base64.b64encode(_to_der(public)).decode() if form == "base64" else _to_der(public).hex()

    def get_private_key(self, public: Any, form: PublicKeyForm = "pem") -> "PrivateKeyTypes":
        """Return the private key of a public one. Raises CredentialError if it is unknown."""
        return _require_key(self._by_public.get(_to_der(load_public_key(public, form)), self.own))

    def get_published_key(self, kind: KeyKind) -> "PrivateKeyTypes":
        """Return the private key of those that the vendor publishes. Raises CredentialError if it is unknown."""
        return _require_key(self._published.get(kind, self.own))


def _require_key(key: "PrivateKeyTypes | None") -> "PrivateKeyTypes":
    if key is None:
        raise CredentialError(
            "only the vendor has the private key that signs these deliveries",
            hint="sign with your own key, and give its public key to the receiver: --key private.pem",
        )
    return key


def to_public_key(key: "PrivateKeyTypes") -> "PublicKeyTypes":
    """Return the public key of a private one."""
    public: PublicKeyTypes = key.public_key()
    return public


def _find_kind(key: "PublicKeyTypes") -> KeyKind:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return "rsa"
    return "ec" if isinstance(key, ec.EllipticCurvePublicKey) else "ed"


def _to_der(key: "PublicKeyTypes") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _generate_like(old: "PublicKeyTypes") -> "PrivateKeyTypes":
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    if isinstance(old, rsa.RSAPublicKey):
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    if isinstance(old, ec.EllipticCurvePublicKey):
        return ec.generate_private_key(old.curve)
    if isinstance(old, ed448.Ed448PublicKey):
        return ed448.Ed448PrivateKey.generate()
    if isinstance(old, ed25519.Ed25519PublicKey):
        return ed25519.Ed25519PrivateKey.generate()
    raise CredentialError("a recording cannot replace this type of public key")


def _format_key(public: "PublicKeyTypes", original: Any, form: PublicKeyForm) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    text = original.strip() if isinstance(original, str) else ""
    if isinstance(original, dict) or text.startswith("{"):
        fields = original if isinstance(original, dict) else json.loads(text)
        names = {name: value for name, value in fields.items() if name in ("kid", "use", "alg", "key_ops")}
        jwk = {**_to_jwk(public), **names}
        return jwk if isinstance(original, dict) else json.dumps(jwk)
    if form == "pem" or "-----BEGIN" in text:
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    old = _decode_base64(text) if form == "base64" else bytes.fromhex(text)
    short = isinstance(public, ed25519.Ed25519PublicKey) and old is not None and len(old) == 32  # the raw key
    data = public.public_bytes_raw() if short and isinstance(public, ed25519.Ed25519PublicKey) else _to_der(public)
    return base64.b64encode(data).decode() if form == "base64" else data.hex()


def _to_jwk(public: Any) -> dict[str, Any]:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

    writers: dict[KeyKind, Any] = {"rsa": RSAAlgorithm, "ec": ECAlgorithm, "ed": OKPAlgorithm}
    jwk: dict[str, Any] = writers[_find_kind(public)].to_jwk(public, as_dict=True)
    return jwk
