"""JSON Web Tokens and asymmetric signatures: the rows. `token_keys` does the work, and loads cryptography."""

from conn_engine.expressions.functions.rows import Function, deferred

__all__ = ["ROWS"]

_SECRET = "a-secret-of-at-least-thirty-two-bytes"  # noqa: S105
_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImlhdCI6MH0.sUZwuu9uXmlXam7rvm8ALQR2zuKQEegoXIBF1Bnt-u8"  # noqa: S105
_PEM = (
    "-----BEGIN PRIVATE KEY-----\\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banZuoUgnR3OvIWAGWwbzDT/C0ijOP3FzC\\n-----END PRIVATE KEY-----"
)

ROWS: tuple[Function, ...] = (
    Function(
        "signJwt",
        deferred("token_keys", "sign_jwt"),
        "<os-o?o?:s>",
        "A signed JWT: claims, key (secret or PEM), options (algorithm, expiresIn, keyid …), headers.",
        f"$signJwt({{'sub': '42', 'iat': 0}}, '{_SECRET}', {{'algorithm': 'HS256'}})",
        _TOKEN,
        moment=True,
    ),
    Function(
        "decodeJwt",
        deferred("token_keys", "decode_jwt"),
        "<s-:o>",
        "Header and payload of a JWT, its signature not checked.",
        f"$decodeJwt('{_TOKEN}').payload.sub",
        "42",
    ),
    Function(
        "signKey",
        deferred("token_keys", "sign_key"),
        "<s-sss?:s>",
        "Signature of the text by a private key (PEM): RS256, PS256, ES256 …, EdDSA; then encoding (base64).",
        f"$length($signKey('text', 'EdDSA', '{_PEM}'))",
        88,
    ),
    Function(
        "keyFingerprint",
        deferred("token_keys", "key_fingerprint"),
        "<s-:s>",
        "The fingerprint of a private key's public half: SHA256: and the digest of its DER form in base64.",
        f"$keyFingerprint('{_PEM}')",
        "SHA256:Qe1HpSBgjQEI94obGrF9iiywpYa0z4fYUgDwo5jl1/o=",
    ),
)
