"""How a finished request is signed. `Signature` is the list of kinds: a new one is a class and its name here.

`sign(request, scope, moment)` gives the request with its signature. It runs last, over the encoded request; `Moment`
fixes time and random values once per request. How credentials are got and put into a request otherwise is `auth`'s.
"""

from typing import TypeAlias

from conn_engine.auth.signatures.aws_sigv4 import AwsSigV4
from conn_engine.auth.signatures.by_private_key import EcdsaSignature, Ed25519Signature, RsaSignature
from conn_engine.auth.signatures.hmac_signature import HmacSignature
from conn_engine.auth.signatures.jwt import JwtSignature
from conn_engine.auth.signatures.moment import SigningContext
from conn_engine.auth.signatures.none import NoSignature
from conn_engine.auth.signatures.oauth1 import OAuth1

__all__ = [
    "AwsSigV4",
    "EcdsaSignature",
    "Ed25519Signature",
    "HmacSignature",
    "JwtSignature",
    "NoSignature",
    "OAuth1",
    "RsaSignature",
    "Signature",
    "SigningContext",
]

Signature: TypeAlias = (
    NoSignature | HmacSignature | RsaSignature | EcdsaSignature | Ed25519Signature | JwtSignature | AwsSigV4 | OAuth1
)
