"""What can go wrong with releases, by who must act.

StoreFault         the store is missing, damaged, or made by a newer version      exit 3
StoreUnreachable   the database does not answer, or is busy                      exit 4
StoreRefused       the database does not take the user or the password           exit 5
ReleaseRefused     a check says no: a secret, an error, a breaking change        exit 1
ChannelMoved       somebody else moved the channel meanwhile                     exit 1
"""

from conn_engine.errors import ConfigurationError, ConnError, CredentialError, TransportError

__all__ = ["ChannelMovedError", "ReleaseRefusedError", "StoreFault", "StoreRefusedError", "StoreUnreachableError"]


class StoreFault(ConfigurationError):
    """The store cannot be used as it is."""


class StoreUnreachableError(TransportError):
    """The database does not answer in time. Trying again may help."""


class StoreRefusedError(CredentialError):
    """The database refuses the user."""


class ReleaseRefusedError(ConnError):
    """A release is not made or not promoted: what the checks found stands against it."""

    exit_code = 1


class ChannelMovedError(ConnError):
    """A channel serves another release than the one that a promotion or rollback was decided on."""

    exit_code = 1
