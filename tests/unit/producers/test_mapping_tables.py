"""Tables in all the forms that people export them in."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from producers.errors import UnreadableInput
from producers.mapping.tables import Layout, Record, read_table
from producers.rows import Rejected

ROWS = [["Nom", "E-mail"], ["Hélène", "h@example.org"], ["Zoé œuvre", ""]]


def write(folder: Path, content: bytes | str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, **layout: Any) -> tuple[list[str], list[list[str]], list[Rejected]]:
    table = read_table(path, Layout(**layout))
    rows = list(table.rows)
    records = [list(one.cells) for one in rows if isinstance(one, Record)]
    return table.columns, records, [one for one in rows if isinstance(one, Rejected)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encoding_and_separator_are_found(tmp_path: Path, encoding: str, separator: str, end: str) -> None:
    text = end.join(separator.join(row) for row in ROWS) + end
    columns, records, rejected = read(write(tmp_path, text.encode(encoding)))
    assert [columns, *records] == ROWS
    assert rejected == []


def test_encoding_and_separator_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b;c\né,1;2\n".encode("cp1252"))
    assert read(path, encoding="cp1252", separator=";")[:2] == (["a,b", "c"], [["é,1", "2"]])
    with pytest.raises(UnreadableInput, match="not encoded in utf-8"):
        read(path, encoding="utf-8")


def test_names_of_columns_may_stand_below_other_lines(tmp_path: Path) -> None:
    columns, records, _ = read(write(tmp_path, "Extraction du 24/11\n\nA;B;\n1;2;\n\n3;4;\n"), header=3)
    assert (columns, records) == (["A", "B"], [["1", "2"], ["3", "4"]])
    with pytest.raises(UnreadableInput, match="no line 9"):
        read(write(tmp_path, "A;B\n"), header=9)


def test_lines_are_those_of_the_file_even_after_cells_of_several_lines(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, 'A;B\n"un\ndeux";2\n\n3;4\n'), Layout())
    assert [(one.place.line, one.raw) for one in table.rows] == [(2, '"un\ndeux";2'), (5, "3;4")]


def test_a_quotation_mark_that_never_closes_loses_its_own_row_alone(tmp_path: Path) -> None:
    _, records, rejected = read(write(tmp_path, 'A;B\n1;2\n"3;4\n5;6\n7;8"x\n9;10\n'))
    assert records == [["1", "2"], ["5", "6"], ["7", '8"x'], ["9", "10"]]
    assert [(one.place.line, one.raw) for one in rejected] == [(3, '"3;4')]


def test_rows_of_another_width_and_rows_cut_within_a_character_are_rejected(tmp_path: Path) -> None:
    _, records, rejected = read(write(tmp_path, "A;B\n1\n1;2;3\n1;2;;\n1;é".encode()[:-1]))
    assert records == [["1", "2", "", ""][:2]]
    assert [one.place.line for one in rejected] == [2, 3, 5]


def test_cells_that_mean_nothing_are_empty(tmp_path: Path) -> None:
    assert read(write(tmp_path, "A;B\nNA; x \n"), empty=frozenset({"NA"}))[1] == [["", "x"]]


def test_columns_never_read_are_neither_in_cells_nor_in_rejected_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "Nom;Montant brut;Heures\nZoé;214,73;3\nZoé;214,73\n")
    table = read_table(path, Layout(never_read=("*montant*",)))
    whole, cut = table.rows
    assert table.columns == ["Nom", "Heures"]
    assert isinstance(whole, Record)
    assert (whole.cells, whole.raw) == (["Zoé", "3"], "Zoé;3")
    assert isinstance(cut, Rejected)
    assert cut.raw == ""


def test_json_lines_are_read_by_the_path_of_their_values(tmp_path: Path) -> None:
    lines = '{"user": {"mail": "a"}, "n": 1.0, "ok": true}\n\n[1]\n{"n": null, "s": [1, {"t": "x"}]}\n{"n": 2'
    columns, records, rejected = read(write(tmp_path, lines, "t.jsonl"))
    assert columns == ["user.mail", "n", "ok", "s.0", "s.1.t"]
    assert records == [["a", "1", "true", "", ""], ["", "", "", "1", "x"]]
    assert [(one.place.line, one.reason) for one in rejected] == [
        (3, "The line is not a JSON object."),
        (5, "The line is not a JSON object."),
    ]


def test_json_lines_with_values_for_keys_are_refused(tmp_path: Path) -> None:
    lines = "\n".join(f'{{"k{number}": 1}}' for number in range(2001))
    with pytest.raises(UnreadableInput, match="more than 2000 columns"):
        read(write(tmp_path, lines, "t.jsonl"))


def workbook(folder: Path, *rows: list[Any]) -> Path:
    book = Workbook()
    book.active.title = "Feuille"
    for row in rows:
        book.active.append(row)
    book.create_sheet("Autre").append(["X"])
    path = folder / "t.xlsx"
    book.save(path)
    return path


def test_excel_s_own_values_become_texts(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        ["Date", "Heure", "Durée", "Jour", "N", "F", "Vrai", "Vide"],
        [datetime(2026, 11, 24, 9, 30), time(9, 30), timedelta(hours=26, minutes=5), date(2026, 11, 24), 4, 2.5, True],
        [],
        ["x"],
    )
    columns, records, _ = read(path)
    assert columns[-1] == "Vide"
    assert records == [
        ["2026-11-24 09:30:00", "09:30:00", "26:05:00", "2026-11-24", "4", "2.5", "true", ""],
        ["x", *[""] * 7],
    ]


def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["A"], ["1"])
    assert read(path, sheet="Autre")[0] == ["X"]
    with pytest.raises(UnreadableInput, match="no sheet 'Ici'; it has 'Feuille', 'Autre'"):
        read(path, sheet="Ici")


@pytest.mark.parametrize("part", [0, 100, -40])
def test_a_workbook_that_was_cut_is_told_in_a_sentence(tmp_path: Path, part: int) -> None:
    path = workbook(tmp_path, ["A"], ["1"])
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(UnreadableInput, match="no Excel workbook, or was cut"):
        read(path)


def test_files_that_cannot_be_read_are_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="cannot be read"):
        read(tmp_path / "absent.csv")
    with pytest.raises(UnreadableInput, match=r"neither \.csv"):
        read(write(tmp_path, "", "t.xls"))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd\ufeff"), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5), st.sampled_from(",;\t|"))
def test_whatever_csv_can_write_is_read_back(tmp_path_factory: Any, rows: list[list[str]], separator: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(["A", "B", "C"])
    writer.writerows(rows)
    path = write(tmp_path_factory.mktemp("t"), text.getvalue())
    _, records, rejected = read(path)
    assert rejected == []
    assert records == [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


@given(
    st.binary(max_size=200) | st.text(alphabet='A;,"\n\r\0é\x85 ', max_size=40).map(str.encode),
    st.sampled_from(["csv", "jsonl"]),
)
def test_whatever_a_file_holds_it_is_read_or_refused_in_a_sentence(
    tmp_path_factory: Any, raw: bytes, kind: str
) -> None:
    path = write(tmp_path_factory.mktemp("t"), raw, f"t.{kind}")
    try:
        table = read_table(path, Layout())
        rows = list(table.rows)
    except UnreadableInput:
        return
    assert all(len(row.cells) == len(table.columns) for row in rows if isinstance(row, Record))
    lines = [row.place.line for row in rows]
    assert lines == sorted(set(lines))
