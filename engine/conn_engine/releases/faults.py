"""Errors of releases, by who has to act.

StoreFault              the store is missing, damaged, or created by a newer version   exit 3
StoreUnreachableError   the database does not respond, or is busy                      exit 4
StoreRefusedError       the database rejects the user or the password                  exit 5
ReleaseRefusedError     a check failed: a secret, an error, a breaking change          exit 1
ChannelMovedError       another user has moved the channel in the meantime             exit 1
"""

from conn_engine.errors import ConfigurationError, ConnError, CredentialError, TransportError

__all__ = ["ChannelMovedError", "ReleaseRefusedError", "StoreFault", "StoreRefusedError", "StoreUnreachableError"]


class StoreFault(ConfigurationError):
    """The store cannot be used as it is."""


class StoreUnreachableError(TransportError):
    """The database does not respond in time. Trying again may help."""


class StoreRefusedError(CredentialError):
    """The database rejects the user or the password."""


class ReleaseRefusedError(ConnError):
    """A release is not created or not promoted, because of the findings of its checks."""

    exit_code = 1


class ChannelMovedError(ConnError):
    """A channel serves a different release than when the promotion or rollback was decided."""

    exit_code = 1
