"""JSON Web Tokens and asymmetric signatures: the rows. `token_keys` does the work, and loads cryptography."""

from conn_engine.expressions.functions.rows import Function, import_later

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
        import_later("token_keys", "sign_jwt"),
        "<os-o?o?:s>",
        "Create a signed JWT. Arguments: claims, key (secret or PEM), options (algorithm, expiresIn …), headers.",
        f"$signJwt({{'sub': '42', 'iat': 0}}, '{_SECRET}', {{'algorithm': 'HS256'}})",
        _TOKEN,
        moment=True,
    ),
    Function(
        "decodeJwt",
        import_later("token_keys", "decode_jwt"),
        "<s-:o>",
        "Decode the header and payload of a JWT, without verifying its signature.",
        f"$decodeJwt('{_TOKEN}').payload.sub",
        "42",
    ),
    Function(
        "signKey",
        import_later("token_keys", "sign_key"),
        "<s-sss?:s>",
        "Sign text. Arguments: algorithm (RS256, PS256, ES256 …, EdDSA), private key (PEM), encoding (base64).",
        f"$length($signKey('text', 'EdDSA', '{_PEM}'))",
        88,
    ),
    Function(
        "keyFingerprint",
        import_later("token_keys", "key_fingerprint"),
        "<s-:s>",
        "Compute the fingerprint of a private key's public key: SHA256: and the base64 digest of its DER form.",
        f"$keyFingerprint('{_PEM}')",
        "SHA256:Qe1HpSBgjQEI94obGrF9iiywpYa0z4fYUgDwo5jl1/o=",
    ),
)
