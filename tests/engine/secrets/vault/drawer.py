"""A keyring for tests, and the key of their encrypted files."""

import keyring.backend
import keyring.errors

__all__ = ["KEY", "Drawer"]

KEY = "a long passphrase for tests"


class Drawer(keyring.backend.KeyringBackend):
    """A keyring that lives in a dictionary, through the package's own interface for backends."""

    priority = 9
    name = "drawer"

    def __init__(self, largest: int = 10**9) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.largest = largest

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        if len(password) > self.largest:
            raise keyring.errors.PasswordSetError(f"too large: {password}")
        self.entries[service, username] = password

    def delete_password(self, service, username):
        if (service, username) not in self.entries:
            raise keyring.errors.PasswordDeleteError("not there")
        del self.entries[service, username]
