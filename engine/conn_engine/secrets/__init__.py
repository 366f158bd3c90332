"""Secret values and the redactor: what no file, log, recording or traceback may hold. `vault` stores credentials."""

from conn_engine.secrets.secret import (
    REDACTED,
    NumberingRedactor,
    Redactor,
    Secret,
    Vault,
    is_numbered,
    mask_short,
    secret_name,
    unnumbered,
)

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
