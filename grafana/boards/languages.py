"""Which language a page is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana.dashboards.language import LANGUAGES, Language

if TYPE_CHECKING:
    from starlette.requests import Request


def choose_language(request: Request, own: str = "") -> Language:
    """Return the language asked for in the address, which the browser keeps; else that; else `own`; else French."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        request.session["language"] = asked
    kept = request.session.get("language", own)
    return next((language for language in LANGUAGES if language == kept), "fr")
