"""The two languages of the boards: every text is written beside its translation, so that none is forgotten."""

# ruff: noqa: RUF001 (typographic French)
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from xapi_profiles.templates import Expectation

Language = Literal["fr", "en"]
Say = Callable[[str, str], str]

LANGUAGES: tuple[Language, ...] = get_args(Language)


def speak(language: Language) -> Say:
    """Return the function that picks, of a French and an English text, the one in `language`."""

    def say(french: str, english: str) -> str:
        return french if language == "fr" else english

    return say


def name_few(say: Say) -> str:
    """Return what stands where a figure would tell of too few learners."""
    return say("trop peu", "too few")


def explain_few(say: Say) -> str:
    """Return why a figure about learners may be missing."""
    return say(
        "Un groupe trop petit n’est ni montré ni compté : il désignerait des personnes.",
        "A group that is too small is neither shown nor counted: it would point at people.",
    )


def explain_steps(say: Say) -> str:
    """Return what a number with a plus sign means, and why a figure may be missing."""
    return say("« 10+ » : au moins 10. ", "“10+”: at least 10. ") + explain_few(say)


def explain_estimate(say: Say) -> str:
    """Return what hours with an approximate sign are."""
    return say("« ≈ » : estimation à partir de groupes arrondis. ", "“≈”: estimated from rounded groups. ")


def explain_together(say: Say) -> str:
    """Return why some learners and hours are not told by modality."""
    return say(
        "« En salle ou à distance » : là où l’un des deux groupes est trop petit. ",
        "“Either”: where one of the two groups is too small. ",
    )


def name_verbs(say: Say) -> Mapping[str, str]:
    """Return what a reader calls the last word of the verbs that the institute's sources use."""
    return {
        "answered": say("a répondu", "answered"),
        "arrive": say("est arrivé", "arrived"),
        "asked": say("a demandé", "asked"),
        "attempted": say("a tenté", "attempted"),
        "attended": say("a assisté", "attended"),
        "cancel": say("annulée", "cancelled"),
        "commented": say("a commenté", "commented"),
        "completed": say("a terminé", "completed"),
        "downloaded": say("a téléchargé", "downloaded"),
        "experienced": say("a consulté", "experienced"),
        "failed": say("a échoué", "failed"),
        "initialized": say("a commencé", "initialised"),
        "interacted": say("a interagi", "interacted"),
        "launched": say("a lancé", "launched"),
        "leave": say("est sorti", "left"),
        "passed": say("a réussi", "passed"),
        "paused": say("a mis en pause", "paused"),
        "played": say("a lu", "played"),
        "progressed": say("a progressé", "progressed"),
        "registered": say("s’est inscrit", "registered"),
        "responded": say("a répondu", "responded"),
        "schedule": say("planifiée", "scheduled"),
        "scored": say("a obtenu", "scored"),
        "seeked": say("s’est déplacé", "seeked"),
        "terminated": say("a quitté", "terminated"),
        "unregistered": say("s’est désinscrit", "unregistered"),
        "viewed": say("a vu", "viewed"),
        "voided": say("annulée", "voided"),
    }


def name_expectations(say: Say) -> Mapping[str, str]:
    """Return what a reader calls what is wrong where a rule of a profile fails."""
    return {
        Expectation.VALUE.value: say("manque", "is missing"),
        Expectation.NOTHING.value: say("ne devrait pas y être", "should not be there"),
        Expectation.ANY.value: say("aucune des valeurs attendues", "none of the expected values"),
        Expectation.ALL.value: say("une valeur non prévue", "a value that is not foreseen"),
        Expectation.NONE.value: say("une valeur exclue", "an excluded value"),
        Expectation.TEMPLATE.value: say("aucun modèle ne convient", "no template fits"),
    }
