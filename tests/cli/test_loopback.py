"""The listener that a vendor sends a person back to, over real sockets."""

import socket
import time

import pytest

from conn_cli.loopback import Listener, open_listener
from conn_engine.auth import Consent

STATE = "a state of this login"


@pytest.fixture
def listener():
    with open_listener(None, None) as made:
        made.consent = Consent("https://auth.example.com/authorize", made.redirect_uri, STATE, None)
        yield made


def asked(listener: Listener, query: str) -> socket.socket:
    browser = socket.create_connection(("127.0.0.1", listener.port), timeout=60)
    browser.sendall(f"GET /callback?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return browser


@pytest.mark.parametrize(
    ("query", "words"), [("code=c", "The response has arrived"), ("error=access_denied", "Access was not granted")]
)
def test_the_page_is_there_before_the_answer_is(listener, query, words):
    # Who waits for the answer may end the process with it: nothing of the page may still have to be sent then.
    with asked(listener, f"{query}&state={STATE.replace(' ', '+')}") as browser:
        listener.wait(listener.consent, 10)
        browser.setblocking(False)
        page = browser.recv(65536).decode()
    assert words in page
    assert page.endswith("</html>")


def test_a_browser_that_hangs_up_has_answered(listener):
    asked(listener, f"code=c&state={STATE.replace(' ', '+')}").close()
    assert listener.wait(listener.consent, 10)["code"] == "c"


def test_a_strange_answer_is_none(listener):
    with asked(listener, "code=c&state=another") as browser:
        assert "does not belong" in browser.recv(65536).decode() + browser.recv(65536).decode()
    time.sleep(0.05)
    assert listener.answers.empty()
    assert listener.refused == 1
