"""Write the pages of a link as HTML, and the headers that keep them to themselves."""

import secrets
from functools import cached_property
from pathlib import Path

import jinja2
from markupsafe import Markup

from conn_service.connect.connect_page import ConnectPage
from conn_service.connect.settings import ConnectSettings

__all__ = ["PageRenderer"]

_FOLDER = Path(__file__).parent / "templates"
_USUAL = {"application": "", "label": "", "link": "", "url": "", "host": "", "is_done": False}


class PageRenderer:
    """Writes pages for a deployment. Every value is escaped, whatever it has been taken from."""

    def __init__(self, settings: ConnectSettings) -> None:
        self._settings = settings

    @cached_property
    def _environment(self) -> jinja2.Environment:
        return jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
        )

    @cached_property
    def _stylesheet(self) -> Markup:
        return Markup((_FOLDER / "connect.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of this package

    def render(self, page: ConnectPage, *, is_framed: bool = False) -> tuple[str, dict[str, str]]:
        """Return the HTML and the headers of a page. The stylesheet is the only other thing that a browser may use."""
        nonce = secrets.token_urlsafe(16)
        template = self._environment.get_template(f"{page.template}.html")
        text = template.render(_USUAL | page.values, nonce=nonce, stylesheet=self._stylesheet, is_framed=is_framed)
        return text, self._build_headers(nonce)

    def _build_headers(self, nonce: str) -> dict[str, str]:
        frames = " ".join(self._settings.frame_origins) or "'none'"
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
            f"frame-ancestors {frames}"
        )
        return {
            "content-security-policy": policy,
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "cross-origin-opener-policy": "same-origin",
            **({} if self._settings.frame_origins else {"x-frame-options": "DENY"}),
        }
