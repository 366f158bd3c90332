"""Log in with a person's consent: open the vendor's page, receive the response, and exchange it for a token.

The engine (`runtime.login`) builds the URL and exchanges the code. The command stores the result.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from conn_cli.console import App
from conn_cli.loopback import is_local, open_listener
from conn_engine.auth import Consent, ConsentCredentials
from conn_engine.errors import UsageError
from conn_engine.urls import split_plain_url

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.runtime.login import AccountLogin
    from conn_engine.secrets import Vault
    from conn_engine.wire import Flow

__all__ = ["ConsentLogin", "open_browser"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConsentLogin:
    """One login of an account. `stored` has the fields of its client, if the connector does not set them."""

    app: App
    effective: "Effective"
    credentials: ConsentCredentials
    stored: Mapping[str, Any]
    vault: "Vault"
    browser: bool
    seconds: float

    def run(self) -> dict[str, Any]:
        """Return the document to store. Raises CredentialError if nobody consents in time."""
        from conn_engine.runtime.login import AccountLogin

        app = self.app
        login = AccountLogin(self.effective, self.credentials, self.stored, app.environ, app.clock, app.redactor)
        consent, answer = self._ask_in_browser(login)
        return self._run_flow(login.finish(consent, answer))

    def _ask_in_browser(self, login: "AccountLogin") -> tuple[Consent, dict[str, str]]:
        redirect_uri = login.find_redirect_uri()
        if redirect_uri is not None and not is_local(redirect_uri):
            consent = self._run_flow(login.begin(redirect_uri))
            self._show(consent)
            return consent, self._ask_for_address(redirect_uri)
        with open_listener(redirect_uri, self.credentials.redirect_port) as listener:
            consent = listener.consent = self._run_flow(login.begin(listener.redirect_uri))
            self._show(consent)
            self.app.err(f"waiting for the response at {listener.redirect_uri} ({self.seconds:g} s) ...")
            self.app.stderr.flush()
            return consent, listener.wait(consent, self.seconds)

    def _show(self, consent: Consent) -> None:
        # Call this before the redactor knows the document: the URL contains the ID of the client.
        if self.browser and open_browser(consent.url):
            self.app.err("opened in your browser; if no page appears, open this URL:")
        else:
            self.app.err("open this URL in a browser and grant access:")
        self.app.err(f"\n  {consent.url}\n")
        self.app.stderr.flush()

    def _ask_for_address(self, redirect_uri: str) -> dict[str, str]:
        """Prompt for the URL that the browser was sent to, which is not on this machine, and return its parameters."""
        app = self.app
        question = f"URL that the browser is sent to ({redirect_uri}?...)"
        if app.interactive:
            text = app.ask(question, secret=True)
        else:
            app.err(f"{question}, on standard input:")
            app.stderr.flush()
            text = app.stdin.readline(16_384)
        answer = dict(parse_qsl(split_plain_url(text.strip()).query, keep_blank_values=True, max_num_fields=50))
        if not answer:
            raise UsageError(
                "the URL has no response of the vendor in it",
                hint=f"paste it completely: it starts with {redirect_uri} and contains a code",
            )
        return answer

    def _run_flow(self, flow: "Flow[T]") -> T:
        from conn_engine.runtime.drive import finish
        from conn_engine.transport.live import Live

        app = self.app
        with Live(app.redactor, trust=app.workspace.trust, clock=app.clock) as transport:
            return finish(flow, transport, self.vault, app.clock, app.redactor)


def open_browser(url: str) -> bool:
    """Open the URL in a browser with a window. Returns whether there is one."""
    import os
    import webbrowser

    windows = sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    try:
        return windows and webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
