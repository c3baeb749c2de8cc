"""HTML of the tablet's pages, and the headers that keep a browser from taking anything from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from grafana.boards.assets import Assets
from grafana.dashboards.language import LANGUAGES, Language
from receivers.checkin.texts import get_texts

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # The address is a secret.
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
_HTTPS_ONLY: Final = {"strict-transport-security": "max-age=31536000"}


class Pages:
    """Renders the templates of this package, everything escaped. `public_url` is how browsers reach them."""

    def __init__(self, public_url: str) -> None:
        here = files("receivers.checkin")
        sources = {found.name: found.read_text(encoding="utf-8") for found in here.joinpath("templates").iterdir()}
        self.assets = Assets()
        self.assets.add({found.name: found.read_bytes() for found in here.joinpath("assets").iterdir()})
        public = urlsplit(public_url)
        prefix = public.path.rstrip("/")
        self._headers = _HEADERS | (_HTTPS_ONLY if public.scheme == "https" else {})
        self._templates = Environment(
            loader=DictLoader(sources),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["asset"] = lambda name: prefix + self.assets.locate(name)
        self._texts = {language: get_texts(language) for language in LANGUAGES}

    def render(
        self, template: str, language: Language, *, room: str = "", status: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page; raises jinja2's errors when a template uses what it was not given."""
        text = self._templates.get_template(template).render(
            language=language, languages=LANGUAGES, texts=self._texts[language], room=room, **values
        )
        return HTMLResponse(text, status_code=status, headers=self._headers)


def choose_language(request: Request) -> Language:
    """Return the language that the address asks for, French without."""
    asked = request.query_params.get("lang", "")
    return next((language for language in LANGUAGES if language == asked), "fr")
