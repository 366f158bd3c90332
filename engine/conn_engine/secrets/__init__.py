"""Secret values and their removal from what leaves the process. `vault` stores the credentials of accounts."""

from conn_engine.secrets.documents import get_refresh_token, mask_short
from conn_engine.secrets.names import is_secret_name
from conn_engine.secrets.redaction import REDACTED, NumberingRedactor, Redactor, is_numbered, remove_numbers
from conn_engine.secrets.secret import Secret, Vault

__all__ = [
    "REDACTED",
    "NumberingRedactor",
    "Redactor",
    "Secret",
    "Vault",
    "get_refresh_token",
    "is_numbered",
    "is_secret_name",
    "mask_short",
    "remove_numbers",
]
