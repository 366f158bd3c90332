"""Secret values and their removal from what leaves the process. `vault` stores the credentials of accounts."""

from conn_engine.secrets.documents import mask_short
from conn_engine.secrets.names import secret_name
from conn_engine.secrets.redaction import REDACTED, NumberingRedactor, Redactor, is_numbered, unnumbered
from conn_engine.secrets.secret import Secret, Vault

__all__ = [
    "REDACTED",
    "NumberingRedactor",
    "Redactor",
    "Secret",
    "Vault",
    "is_numbered",
    "mask_short",
    "secret_name",
    "unnumbered",
]
