"""The kinds of request signatures. To add a kind, write a class and list it in `Signature`.

`sign(request, scope, moment)` returns the request with its signature. It runs last, on the encoded request;
`SigningContext` fixes the time and the random values of one request.
"""

from typing import TypeAlias

from conn_engine.auth.signatures.aws_sigv4 import AwsSigV4
from conn_engine.auth.signatures.hmac_signature import HmacSignature
from conn_engine.auth.signatures.jwt import JwtSignature
from conn_engine.auth.signatures.none import NoSignature
from conn_engine.auth.signatures.oauth1 import OAuth1
from conn_engine.auth.signatures.private_key import PublicKeySignature
from conn_engine.auth.signatures.request_scope import SigningContext

__all__ = [
    "AwsSigV4",
    "HmacSignature",
    "JwtSignature",
    "NoSignature",
    "OAuth1",
    "PublicKeySignature",
    "Signature",
    "SigningContext",
]

Signature: TypeAlias = NoSignature | HmacSignature | PublicKeySignature | JwtSignature | AwsSigV4 | OAuth1
