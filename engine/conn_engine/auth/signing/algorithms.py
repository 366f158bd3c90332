"""The algorithms of a pair of keys, as documents name them: for requests that are signed with the private key, and for
deliveries that are verified with the public key."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta

from conn_engine.auth.signing.keys import Digest, Scheme
from conn_engine.roles import mark_advanced

__all__ = ["FORMAT_ALIASES", "Algorithm", "OtherDigest", "Padding", "PairForm", "find_scheme"]

FORMAT_ALIASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "rsa": {"algorithm": "rsa"},
    "ecdsa": {"algorithm": "ecdsa"},
    "ed25519": {"algorithm": "ed25519"},
}
"""Earlier names of the format, and what they set."""

_DIGESTS: Final[Mapping[str, Digest]] = {
    "sha1": "sha1",
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
    "p256": "sha256",
    "p384": "sha384",
    "p521": "sha512",
}

Algorithm: TypeAlias = Annotated[
    Literal[
        "rsa-sha1",
        "rsa-sha256",
        "rsa-sha384",
        "rsa-sha512",
        "rsa-pss-sha256",
        "rsa-pss-sha384",
        "rsa-pss-sha512",
        "ecdsa-p256",
        "ecdsa-p384",
        "ecdsa-p521",
        "ed25519",
        "rsa",
        "ecdsa",
    ],
    Meta(
        description="Algorithm: the kind of key, and the digest or the curve, whose usual digest is used. `rsa` and "
        "`ecdsa` are for other combinations, with `digest` and `padding`."
    ),
]
OtherDigest: TypeAlias = Annotated[
    Digest | None,
    Meta(
        description="Digest, if it is not the one that `algorithm` names. Default of `rsa` and `ecdsa`: sha256.",
        extra=mark_advanced(),
    ),
]
Padding: TypeAlias = Annotated[
    Literal["pkcs1v15", "pss"] | None,
    Meta(
        description="RSA padding (RFC 8017), if it is not the one that `algorithm` names. The salt of PSS is as long "
        "as the digest.",
        extra=mark_advanced(),
    ),
]
PairForm: TypeAlias = Annotated[
    Literal["der", "pair"],
    Meta(
        description="Form of an ECDSA signature: DER, or the two numbers concatenated, as in JWTs.",
        extra=mark_advanced(),
    ),
]


def find_scheme(algorithm: str, *, digest: Digest | None, padding: str | None, form: str) -> tuple[Scheme, Digest]:
    """Return the scheme and the digest of an algorithm. Settings that are given take precedence over its name."""
    if algorithm == "ed25519":
        return "eddsa", "sha512"
    kind, *parts = algorithm.split("-")
    used = digest or (_DIGESTS[parts[-1]] if parts else "sha256")
    if kind == "ecdsa":
        return "ecdsa_pair" if form == "pair" else "ecdsa_der", used
    is_pss = padding == "pss" if padding is not None else "pss" in parts
    return "rsa_pss" if is_pss else "rsa_pkcs1v15", used
