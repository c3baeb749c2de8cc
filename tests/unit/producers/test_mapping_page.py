"""The page of the mapping language shows a mapping that works, and every shipped mapping has a page."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from producers.errors import WrongMapping
from producers.mapping import MappingSource, list_shipped, load_mapping
from producers.naming import Naming
from producers.production import map_rows
from producers.rows import Rejected
from xapi_profiles.profile import load_profiles
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.validation import check_statements

PAGES = Path(__file__).parents[3] / "docs" / "sources"
PAGE = (PAGES / "map.md").read_text("utf-8")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The folder of the page's two files."""
    for kind in ("csv", "toml"):
        (text,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
        (tmp_path / f"evaluations.{kind}").write_text(text, "utf-8")
    return tmp_path


def read(folder: Path) -> list[tuple[str, str, str, object]]:
    loaded = load_mapping(folder / "evaluations.toml")
    source = MappingSource([folder / "evaluations.csv"], loaded, ZoneInfo("Europe/Paris"))
    naming, checker = Naming("institut"), ConformanceChecker(load_profiles())
    lines = []
    for one in map_rows(source, source.read(None), naming):
        assert not isinstance(one, Rejected)
        check_statements(one)
        assert checker.check(one).state == "conformant"
        actor = one["actor"].get("mbox") or one["actor"]["account"]["name"]
        target = one["object"]["id"].removeprefix(naming.home)
        lines.append((actor, one["verb"]["id"].rsplit("/", 1)[1], target, one["result"].get("score", {}).get("scaled")))
    return lines


def test_the_example_of_the_page_works(example: Path) -> None:
    ada = "mailto:ada@example.org"
    assert read(example) == [
        (ada, "scored", "/modules/7731", 0.725),
        (ada, "passed", "/modules/7731", None),
        (ada, "scored", "/competences/Coop%C3%A9rer", 0.75),
        (ada, "scored", "/competences/D%C3%A9cider", 0.5),
        ("A13", "scored", "/modules/7731", 0.45),
        ("A13", "scored", "/competences/Coop%C3%A9rer", 0.25),
    ]


def test_the_mistake_of_the_page_is_told_as_it_says(example: Path) -> None:
    path = example / "evaluations.toml"
    path.write_text(path.read_text("utf-8").replace('module = "{Module}"\nmod', 'module = "{Modul}"\nmod'), "utf-8")
    with pytest.raises(WrongMapping) as refused:
        read(example)
    (sentence,) = re.findall(r"^evaluations\.toml, line .*$", PAGE, re.MULTILINE)
    assert str(refused.value).endswith(sentence)


def test_every_shipped_mapping_has_a_page_which_the_page_of_the_language_names() -> None:
    for name in list_shipped():
        assert f"jalon produce map {name} " in (PAGES / f"{name}.md").read_text("utf-8")
        assert f"({name}.md)" in PAGE
