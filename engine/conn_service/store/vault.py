"""Credentials in the database, encrypted, for workers on several machines.

Each document is encrypted with AES-256-GCM, under a key that scrypt makes from a passphrase and the database's salt.
The passphrase comes from the environment or the keyring, and is never in the database. The account is associated data,
so that rows cannot be exchanged. A row has the ID of its key, and the database the ID of the key for new rows.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from conn_engine.config import Workspace
from conn_engine.errors import CredentialError
from conn_engine.runtime.wiring import vault_of
from conn_engine.secrets import Vault
from conn_engine.secrets.vault import LayeredVault, RotatedKey, WorkspaceVault, find_usable_keyring
from conn_engine.secrets.vault.locks import Locks
from conn_service.store.advisory_locks import AdvisoryLocks
from conn_service.store.database import Migration, prepare_tables
from conn_service.store.slots import work_without_slot

__all__ = ["DatabaseVault", "VaultKeys", "WorkerVault", "open_database_vault", "read_vault_keys"]

_COST: Final = 2**15
_SHORTEST_KEY: Final = 8
_NONCE_BYTES: Final = 12
_KEY_ID_CHARACTERS: Final = 16
_ONLY: Final = 1
_SAVE_PAUSES: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_HINT: Final = (
    "set CONN_VAULT_KEY to its key, the same on every machine; the previous key belongs in CONN_VAULT_OLD_KEY"
)

_metadata = sa.MetaData()

_encryption = sa.Table(
    "conn_vault",
    _metadata,
    sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("key_id", sa.String(_KEY_ID_CHARACTERS), nullable=False),
)
"""One row: the salt of all keys, and the key that new rows are encrypted with."""

_credential = sa.Table(
    "conn_credential",
    _metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("key_id", sa.String(_KEY_ID_CHARACTERS), nullable=False),
    sa.Column("nonce", sa.LargeBinary, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)


def _create_tables(connection: Connection) -> None:
    _metadata.create_all(connection)


_MIGRATIONS: tuple[Migration, ...] = (_create_tables,)


class VaultKeys:
    """The passphrases of a vault: the current one, and previous ones that can still be read. Deriving a key takes a
    tenth of a second and is done once for each.

    Raises CredentialError for a short passphrase.
    """

    def __init__(self, current: str, previous: Sequence[str] = ()) -> None:
        if any(len(key) < _SHORTEST_KEY for key in (current, *previous)):
            raise CredentialError(
                f"the key of the vault is shorter than {_SHORTEST_KEY} characters",
                hint="use a longer random value",
                category="store",
            )
        self._passphrases = (current, *previous)
        self._derived: dict[bytes, dict[str, bytes]] = {}
        self._lock = Lock()

    def derive(self, salt: bytes) -> dict[str, bytes]:
        """Return the keys by their IDs, the current one first."""
        with self._lock:
            if salt not in self._derived:
                keys = [
                    hashlib.scrypt(text.encode(), salt=salt, n=_COST, r=8, p=1, dklen=32, maxmem=64 * 1024 * 1024)
                    for text in self._passphrases
                ]
                self._derived[salt] = {_name_key(key): key for key in keys}
            return self._derived[salt]


def read_vault_keys(environ: Mapping[str, str]) -> VaultKeys:
    """Return the keys in CONN_VAULT_KEY and CONN_VAULT_OLD_KEY, or the one in the keyring (service `conn vault`, user
    `key`). Raises CredentialError without one."""
    current = environ.get("CONN_VAULT_KEY", "")
    if not current and not environ.get("CONN_NO_KEYRING"):
        current = _read_keyring()
    if not current:
        raise CredentialError("the vault in the database needs a key, and none is set", hint=_HINT, category="store")
    previous = environ.get("CONN_VAULT_OLD_KEY", "")
    return VaultKeys(current, [previous] if previous else [])


def _read_keyring() -> str:
    backend = find_usable_keyring()
    if backend is None:
        return ""
    from keyring.errors import KeyringError

    try:
        return backend.get_password("conn vault", "key") or ""
    except KeyringError:
        raise CredentialError(
            "the key of the vault cannot be read from the keyring",
            hint="unlock the keyring, or set CONN_VAULT_KEY",
            category="store",
        ) from None


class DatabaseVault:
    """The credentials of one workspace in a database (`Vault`). Threads, processes and machines may share it.

    Errors of the database itself are raised as they are, for a worker that repeats a step, and for `translate_errors`.
    """

    kind = "database"

    def __init__(self, engine: Engine, keys: VaultKeys, workspace: str = "") -> None:
        prepare_tables(engine, "vault", _MIGRATIONS)
        self._engine = engine
        self._keys = keys
        self._workspace = workspace
        dialect: Any = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._insert = dialect.insert
        if engine.dialect.name == "postgresql":
            self._locks: Locks | AdvisoryLocks = AdvisoryLocks(engine, "conn-vault")
        else:  # all users of a file are on its machine
            self._locks = Locks(Path(str(engine.url.database)).parent / "vault-locks")

    def load(self, account: str) -> dict[str, Any] | None:
        """Return the account's document, or None. Raises CredentialError for another key, or a changed row."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_credential).where(self._find(account))).first()
            return None if row is None else self._decrypt(connection, row)

    def save(self, account: str, document: Mapping[str, Any]) -> None:
        """Store the document, encrypted with the key of the database. Raises CredentialError if that is unknown.

        If the database does not respond, this tries again for half a minute: the vendor has taken back the token that a
        renewed one replaces. A worker that has lost its slot meanwhile stores it, too.
        """
        with work_without_slot():
            for pause in _SAVE_PAUSES:
                try:
                    return self._save(account, document)
                except (sa.exc.OperationalError, sa.exc.InterfaceError):
                    time.sleep(pause)
            return self._save(account, document)

    def _save(self, account: str, document: Mapping[str, Any]) -> None:
        with self._engine.begin() as connection:
            values = self._encrypt(self._find_key(connection), self._workspace, account, dict(document))
            names = {"workspace": self._workspace, "account": account}
            statement = self._insert(_credential).values(**names, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=list(names), set_=values))

    def delete(self, account: str) -> bool:
        """Delete the document. Return whether there was one."""
        with self._engine.begin() as connection:
            return connection.execute(sa.delete(_credential).where(self._find(account))).rowcount > 0

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return a lock for one thread of one process of one machine at a time."""
        return self._locks.hold(f"{self._workspace}\n{account}" if self._workspace else account)

    def rotate(self) -> RotatedKey:
        """Encrypt the documents of all workspaces with the current key, and use it from now on, all at once: a process
        that is killed meanwhile has changed nothing.

        Processes that know only the previous key cannot read them afterwards. Raises CredentialError for a document
        whose key is unknown.
        """
        with self._engine.begin() as connection:
            _lock_encryption(connection)
            salt, _ = self._read_encryption(connection)
            current, key = next(iter(self._keys.derive(salt).items()))
            rows = connection.execute(sa.select(_credential)).all()
            old = [row for row in rows if row.key_id != current]
            for row in old:
                document = self._decrypt(connection, row)
                values = self._encrypt((current, key), row.workspace, row.account, document)
                place = (_credential.c.workspace == row.workspace) & (_credential.c.account == row.account)
                connection.execute(sa.update(_credential).where(place).values(values))
            connection.execute(sa.update(_encryption).values(key_id=current))
        return RotatedKey(len(old), len(rows) - len(old))

    def _find(self, account: str) -> sa.ColumnElement[bool]:
        return (_credential.c.workspace == self._workspace) & (_credential.c.account == account)

    def _find_key(self, connection: Connection) -> tuple[str, bytes]:
        """Return the key for new rows, with its ID."""
        _lock_encryption(connection)
        salt, key_id = self._read_encryption(connection)
        keys = self._keys.derive(salt)
        if key_id not in keys:
            raise CredentialError(
                f"the vault in the database has another key (ID {key_id})", hint=_HINT, category="store"
            )
        return key_id, keys[key_id]

    def _read_encryption(self, connection: Connection) -> tuple[bytes, str]:
        """Return the salt and the ID of the key for new rows. The first user of a database chooses them."""
        query = sa.select(_encryption.c.salt, _encryption.c.key_id)
        row = connection.execute(query).first()
        if row is None:
            salt = secrets.token_bytes(16)
            key_id = next(iter(self._keys.derive(salt)))
            statement = self._insert(_encryption).values(only=_ONLY, salt=salt, key_id=key_id)
            connection.execute(statement.on_conflict_do_nothing())
            row = connection.execute(query).one()
        return bytes(row.salt), row.key_id

    def _encrypt(self, key: tuple[str, bytes], workspace: str, account: str, document: Any) -> dict[str, Any]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key_id, raw = key
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps(document).encode()
        content = AESGCM(raw).encrypt(nonce, plain, _name_row(workspace, account, key_id))
        return {"key_id": key_id, "nonce": nonce, "content": content}

    def _decrypt(self, connection: Connection, row: Any) -> dict[str, Any]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._keys.derive(self._read_encryption(connection)[0]).get(row.key_id)
        if key is None:
            raise CredentialError(
                f'the credential of account "{row.account}" in the database is encrypted with another key '
                f"(ID {row.key_id})",
                hint=_HINT,
                category="store",
            )
        try:
            plain = AESGCM(key).decrypt(
                bytes(row.nonce), bytes(row.content), _name_row(row.workspace, row.account, row.key_id)
            )
        except InvalidTag:
            raise CredentialError(
                f'the credential of account "{row.account}" in the database was changed, and cannot be used',
                hint=f"log in again: conn auth login {row.account} --store URL",
            ) from None
        document: dict[str, Any] = json.loads(plain)
        return document


class WorkerVault(LayeredVault):
    """The vault of a worker: the environment, then the database for accounts that have a credential there, and the
    store of this machine for the others."""

    def __init__(self, local: LayeredVault, engine: Engine, workspace: Workspace, environ: Mapping[str, str]) -> None:
        super().__init__(local.environment, lambda: local.store)
        prepare_tables(engine, "vault", _MIGRATIONS)
        self._engine = engine
        self._name = _name_workspace(workspace)
        self._workspace = workspace
        self._environ = environ
        self._opening = Lock()
        self._database: LayeredVault | None = None

    @property
    def database(self) -> LayeredVault:
        """The credentials in the database, opened once. Raises CredentialError without a key."""
        with self._opening:
            if self._database is None:
                self._database = open_database_vault(self._engine, self._workspace, self._environ)
            return self._database

    def stores_login(self, account: str) -> bool:
        """Return whether a new credential of an account belongs in the database: it may serve several machines, or has
        one of the account already."""
        if self.environment.has(account):
            return False
        return self._engine.dialect.name == "postgresql" or self._is_stored(account)

    def get_login_vault(self, account: str) -> LayeredVault:
        """Return where a new credential of an account is stored: in the database if `stores_login`, else on this
        machine. Raises CredentialError without a key for the database."""
        return self.database if self.stores_login(account) else self

    def _get_vault(self, account: str) -> Vault:
        if not self.environment.has(account) and self._is_stored(account):
            return self.database._get_vault(account)
        return super()._get_vault(account)

    def _is_stored(self, account: str) -> bool:
        place = (_credential.c.workspace == self._name) & (_credential.c.account == account)
        with self._engine.connect() as connection:
            return connection.execute(sa.select(_credential.c.key_id).where(place)).first() is not None


def open_database_vault(engine: Engine, workspace: Workspace, environ: Mapping[str, str]) -> LayeredVault:
    """Return the vault of a workspace in a database, which the environment overrides. Raises CredentialError without a
    key.

    A workspace with an ID has credentials of its own. Its folder does not matter, because machines have different ones.
    """
    keys = read_vault_keys(environ)
    store = WorkspaceVault(lambda name: DatabaseVault(engine, keys, name), _name_workspace(workspace))
    return LayeredVault(vault_of(workspace, environ).environment, lambda: store)


def _name_workspace(workspace: Workspace) -> str:
    return workspace.settings.id or ""


def _lock_encryption(connection: Connection) -> None:
    """Let no other transaction change the key for new rows, or use it."""
    connection.execute(sa.update(_encryption).values(only=_ONLY))


def _name_key(key: bytes) -> str:
    return hashlib.sha256(b"conn vault key" + key).hexdigest()[:_KEY_ID_CHARACTERS]


def _name_row(workspace: str, account: str, key_id: str) -> bytes:
    return json.dumps(["conn vault", 1, workspace, account, key_id]).encode()
