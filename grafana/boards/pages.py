"""HTML of the boards: templates, texts and the places of scripts, put together."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from grafana.boards.assets import Assets
from grafana.boards.texts import get_texts
from grafana.dashboards.language import LANGUAGES, Language


class Pages:
    """Renders the templates of this package, everything escaped."""

    def __init__(self, assets: Assets) -> None:
        folder = files("grafana.boards").joinpath("templates")
        sources = {
            found.name: found.read_text(encoding="utf-8") for found in folder.iterdir() if found.name.endswith(".html")
        }
        self._templates = Environment(
            loader=DictLoader(sources),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["asset"] = assets.locate
        self._texts = {language: get_texts(language) for language in LANGUAGES}

    def get_texts(self, language: Language) -> dict[str, str]:
        """Return the texts of one language."""
        return self._texts[language]

    def render(self, template: str, language: Language, status: int = 200, **values: object) -> HTMLResponse:
        """Return a page; raises jinja2's errors when a template uses what it was not given."""
        text = self._templates.get_template(template).render(
            language=language, languages=LANGUAGES, texts=self._texts[language], **values
        )
        return HTMLResponse(text, status_code=status)
