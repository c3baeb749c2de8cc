from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import RowRejected, UnreadableInput
from producers.sphinx import Questionnaire, Scale, SphinxSource, guess_interaction
from producers.surveys import Survey
from tests.contract.producers.reading import PARIS


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (["1", "5", "", "3"], "likert"),
        (["0", "10"], "likert"),
        (["1", "12"], "choice"),
        (["Oui", "Non"], "choice"),
        (["Une phrase.\nUne autre."], "long-fill-in"),
        (["Oui", "x" * 61], "long-fill-in"),
        ([], "choice"),
    ],
)
def test_the_kind_of_a_question_shows_in_its_answers(answers: list[str], kind: str) -> None:
    assert guess_interaction(answers) == kind


def test_words_are_a_scale_from_the_worst_to_the_best() -> None:
    scale = Scale(words=("Pas du tout satisfait", "Peu satisfait", "Satisfait", "Très satisfait"))
    assert scale.score("TRES SATISFAIT") == {"scaled": 1.0, "raw": 4, "min": 1, "max": 4}
    assert scale.score("Pas du tout satisfait")["scaled"] == 0
    with pytest.raises(RowRejected, match="no word of the scale"):
        scale.score("4")


@given(st.integers(0, 10))
def test_a_number_is_scaled_between_the_ends_of_its_scale(points: int) -> None:
    score = Scale(0, 10).score(str(points))
    assert (score["scaled"], score["raw"]) == (points / 10, points)


@pytest.mark.parametrize("text", ["6", "0", "bien"])
def test_what_is_not_on_the_scale_is_rejected(text: str) -> None:
    with pytest.raises(RowRejected, match="A rating is not"):
        Scale().score(text)


@pytest.mark.parametrize("scale", [Scale(5, 1), Scale(words=("Seul",))])
def test_a_scale_of_one_point_is_refused(scale: Scale) -> None:
    with pytest.raises(UnreadableInput, match="A scale has"):
        SphinxSource([], Questionnaire(PARIS, Survey("E"), scale=scale))
