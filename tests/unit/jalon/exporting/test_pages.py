"""The pages that a person reads."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from html.parser import HTMLParser

from identity.retention import Periods, Rule
from identity.tenants import Tenant
from jalon.exporting.pages import StatementPage, write_cover
from jalon.exporting.subject import Counts
from tests.statements import make_statement

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TENANT = Tenant("institut", "Institut <b>d'essai</b>", "Indian/Reunion", NOW)


class Reader(HTMLParser):
    """Collects the text and the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_cover_tells_in_both_languages_what_is_held_and_for_how_long() -> None:
    periods = Periods((Rule("media", 90, verbs=("https://e.org/watched",)), Rule("statements", 1825)))
    page = Reader(write_cover(TENANT, NOW, asdict(Counts(statements=17, documents=3)), periods))
    assert "Institut <b>d'essai</b>" in page.text  # as text
    assert "b" not in page.tags
    assert "2026-11-26 16:00" in page.text  # in the tenant's time zone
    for told in ("17", "1825 jours après réception", "1825 days after receipt", "media: 90 days", "no period is set"):
        assert told in page.text
    assert page.tags.isdisjoint({"script", "link", "img", "a"})


def test_a_page_of_statements_runs_nothing_that_a_statement_holds() -> None:
    written: list[str] = []
    page = StatementPage(written.append, TENANT)
    page.add(
        make_statement(
            timestamp="2026-11-26T12:00:00Z",
            verb={"id": "https://e.org/v", "display": {"en": "saw", "fr": "<script>alert(1)</script>"}},
            object={"id": "https://e.org/<img>", "definition": {"name": {"de": "Kurs"}}},
            result={"success": True, "score": {"scaled": 0.5}, "response": "<img src=x onerror=alert(1)>"},
        ),
        is_theirs=True,
        voided=True,
    )
    page.end()
    read = Reader("".join(written))
    assert read.tags.isdisjoint({"script", "img", "a"})
    assert "onerror" not in read.attributes
    for told in (
        "<script>alert(1)</script>",
        "2026-11-26 16:00:00",
        "Kurs (https://e.org/<img>)",
        "scaled: 0.5",
        "annulé",
    ):
        assert told in read.text
