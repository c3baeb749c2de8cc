"""A mapping file is checked whole, and its mistakes are told with their line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import WrongMapping
from producers.mapping import find_mapping, load_mapping
from producers.mapping.lines import Lines
from producers.mapping.texts import Column, bind, index_columns, parse_template

SCORE = '[statement.result.score]\nraw = "{Note}"'
WHOLE = """\
name = "courses"
key = ["Id"]

[common]
timestamp = "{Date}"
actor = { email = "{Mail}" }

[[statement]]
verb = "completed"
object = { id = "courses/{Id}", type = "course" }

[[statement]]
verb = "rated"

[statement.object]
module = "{Module}"

[statement.result.score]
raw = "{Note}"
"""


def load(folder: Path, text: str) -> Any:
    path = folder / "m.toml"
    path.write_text(text, "utf-8")
    return load_mapping(path)


def test_a_sound_file_is_loaded_with_what_is_common_to_its_statements(tmp_path: Path) -> None:
    loaded = load(tmp_path, WHOLE)
    assert [one.verb.text.constant.rsplit("/", 1)[1] for one in loaded.statements] == ["completed", "rated"]
    assert all(one.timestamp.text.columns == ("Date",) for one in loaded.statements)


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("key =", "keys =", 2, "'keys' is no key of a mapping (did you mean 'key'?)"),
        ('name = "courses"', 'name = "Cours 1"', 1, "a name is lower-case letters"),
        ('key = ["Id"]', "key = []", 2, "expected one at least"),
        ('key = ["Id"]', 'key = ["{Id}"]', 2, "the name of a column alone, without braces"),
        ('verb = "rated"', 'verb = "ratted"', 13, "'ratted' is no verb (did you mean 'rated'?)"),
        ('verb = "rated"', 'verbe = "rated"', 13, "'verbe' is no key of a mapping (did you mean 'verb'?)"),
        ('verb = "rated"', "verb = 5", 13, "'5' is no verb"),
        ('verb = "rated"', "verb = []", 13, "expected a text"),
        ('module = "{Module}"', 'module = "{Module"', 16, "a brace stands alone"),
        ('module = "{Module}"', 'module = "{}"', 16, "the name of a column"),
        ('module = "{Module}"', 'module = "{@1}"', 16, "@-names are for a [[statement]] with for-each"),
        ('module = "{Module}"', 'module = "x"\nsession = "y"', 15, "one of session, module"),
        ('raw = "{Note}"', 'raw = { text = "{Note}", divise = 2 }', 19, "'divise' is no key"),
        ('raw = "{Note}"', 'raw = { text = "{Note}", divide = 0 }', 19, "expected a number above 0"),
        ('type = "course"', 'type = "cours"', 10, "'cours' is no type of activity (did you mean 'course'?)"),
        (', type = "course"', "", 10, "an activity with an id has a type"),
        ('timestamp = "{Date}"', 'timestamp = { text = "{Date}", format = "%d %B" }', 5, "%B is not supported"),
        ('timestamp = "{Date}"', 'timestamp = { text = "{Date}", time-zone = "Mars" }', 5, "no IANA time zone"),
        ('email = "{Mail}"', "name = 'x'", 6, "an actor has an email, an account, or anonymous = true"),
        ('actor = { email = "{Mail}" }', "", 8, "actor is missing, here and in [common]"),
        (SCORE, "[statement.context]\n[[statement.when]]\ncolumn = 'A'", 19,
         "a condition has one test"),
        (SCORE, "[statement.context]\nmodality = 'en salle'", 19, "'en salle' is none of in-person"),
        (SCORE, "[statement.result]\nextensions.progres = '1'", 19, "did you mean 'progress'?"),
        (SCORE, "[statement.for-each]\ncolumns = '('", 19, "no regular expression"),
        ('raw = "{Note}"', 'when = [{ column = "Note", filled = true }]', 19, "it belongs to another one"),
        ('verb = "rated"', 'verb = "rated"\nwhen = [\n{ column = "A", filled = true },\n{ column = "B" },\n]', 16,
         "a condition has one test"),
        ("[common]", "[input]\nnever-read = ['*note*']\n[common]", 21, "the column 'Note' is never to be read"),
        ("[common]", "[input]\nencoding = 'ebcdic'\n[common]", 5, "expected 'utf-8'"),
        ("[common]", "[common", 4, "this is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, sentence: str) -> None:
    assert old in WHOLE
    with pytest.raises(WrongMapping) as refused:
        load(tmp_path, WHOLE.replace(old, new))
    assert f"m.toml, line {line}: " in str(refused.value)
    assert sentence in str(refused.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongMapping) as refused:
        load(tmp_path, WHOLE.replace('"rated"', '"ratted"').replace("key", "keys").replace('"course"', '"cours"'))
    lines = str(refused.value).splitlines()
    assert [line.partition("line ")[2].partition(":")[0] for line in lines] == ["1", "2", "10", "13"]


def test_a_file_that_is_not_there_or_not_utf_8_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongMapping, match="cannot be read"):
        load_mapping(tmp_path / "absent.toml")
    (tmp_path / "m.toml").write_bytes("name = 'é'".encode("cp1252"))
    with pytest.raises(WrongMapping, match="is not UTF-8"):
        load_mapping(tmp_path / "m.toml")


def test_an_unknown_shipped_mapping_is_told_with_those_that_there_are() -> None:
    assert find_mapping("payroll").is_file()
    with pytest.raises(WrongMapping, match=r"neither a mapping file .* digital-library, e-portfolio"):
        find_mapping("paie")


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=8)
)
LEAVES = st.one_of(
    st.integers(0, 99), st.booleans(), st.text("ab\"'#[]{}=,\n\\é", max_size=8), st.floats(0, 9, allow_nan=False)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def write_key(key: str) -> str:
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else {'"': '\\"', "\\": "\\\\"}.get(c, c) for c in key
    )
    return f'"{escaped}"'


def write(value: Any) -> str:
    if isinstance(value, str):
        if "'" not in value and "\n" in value:
            return f"'''\n{value}'''"
        return write_key(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        # Each element on a line of its own, as people write long lists.
        return "[ # a list\n" + "".join(f"{write(one)},\n" for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write_key(key)} = {write(one)}" for key, one in value.items()) + "}"
    return repr(value)


def find_paths(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from find_paths(inner, (*path, key))


@given(
    st.dictionaries(KEYS, VALUES, max_size=3),
    st.lists(st.dictionaries(KEYS, VALUES, max_size=3), min_size=1, max_size=3),
)
def test_every_key_of_any_document_is_found_on_its_line(top: dict[str, Any], tables: list[dict[str, Any]]) -> None:
    top.pop("t", None)
    text = "# a comment = 1\n" + "".join(f"{write_key(key)} = {write(value)} # end\n" for key, value in top.items())
    for table in tables:
        text += "\n[[t]]\n" + "".join(f"{write_key(key)} = {write(value)}\n" for key, value in table.items())
    document = tomllib.loads(text)
    lines, split = Lines(text), text.split("\n")
    for path, value in find_paths(document):
        at = split[lines.find(path) - 1]
        if isinstance(path[-1], str) and path != ("t",):
            assert write_key(path[-1]) in at
        elif path[0] == "t" and len(path) == 2:
            assert at == "[[t]]"
        elif not isinstance(value, list | dict | str):
            assert write(value) in at


def test_tables_and_dotted_keys_are_found() -> None:
    lines = Lines('[a.b]\nc.d = 1\n[[x]]\n[x.y]\nz = """\n[no]\nq = 1\n"""\n[[x]]\n[[x.w]]\nv = 2\n')
    found = [("a", "b"), ("a", "b", "c", "d"), ("x", 0), ("x", 0, "y", "z"), ("x", 1), ("x", 1, "w", 0, "v")]
    assert [lines.find(path) for path in found] == [1, 2, 3, 5, 9, 11]
    assert lines.find(("no", "q")) == 1
    assert lines.find(("x", 1, "absent")) == 9


@given(st.lists(st.one_of(st.text(), st.sampled_from(["{", "}", "Nom"]))))
def test_any_constant_can_be_written_and_read_back(parts: list[str]) -> None:
    text = "".join(parts)
    template = parse_template(text.replace("{", "{{").replace("}", "}}"))
    assert template.constant == text
    assert bind(template, {})(()) == text


def test_cells_stand_where_their_columns_are_named() -> None:
    template = parse_template("{Prénom}  {NOM} ({{x}})")
    assert template.parts == (Column("Prénom"), "  ", Column("NOM"), " ({x})")
    read = bind(template, index_columns(["nom", "Prénom"]))
    assert read(["Vaïsse", "Zoé"]) == "Zoé Vaïsse ({x})"
    assert read(["Vaïsse", ""]) == "Vaïsse ({x})"
    assert read(["", ""]) == ""


def test_an_iri_is_made_of_encoded_cells_and_of_all_of_them() -> None:
    read = bind(parse_template("a/{X}/{Y}"), index_columns(["X", "Y"]), iri=True)
    assert read(["1/2", "é ?"]) == "a/1%2F2/%C3%A9%20%3F"
    assert read(["1", ""]) == ""
    assert (
        bind(parse_template("{X}"), index_columns(["X"]), iri=True)(["https://a.example/b?c"])
        == "https://a.example/b?c"
    )
