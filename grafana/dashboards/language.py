"""The two languages of the boards: every text is written beside its translation, so that none is forgotten."""

# ruff: noqa: RUF001 (typographic French)
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

Language = Literal["fr", "en"]
Say = Callable[[str, str], str]

LANGUAGES: tuple[Language, ...] = get_args(Language)


def speak(language: Language) -> Say:
    """Return the function that picks, of a French and an English text, the one in `language`."""

    def say(french: str, english: str) -> str:
        return french if language == "fr" else english

    return say


def name_modalities(say: Say) -> Mapping[str, str]:
    """Return what a reader calls each modality of the statements."""
    return {
        "in-person": say("en salle", "in the room"),
        "remote": say("à distance", "remote"),
        "hybrid": say("hybride", "hybrid"),
        "asynchronous": say("en autonomie", "self-paced"),
    }


def name_verbs(say: Say) -> Mapping[str, str]:
    """Return what a reader calls the last word of the verbs that the institute's sources use."""
    return {
        "answered": say("a répondu", "answered"),
        "asked": say("a demandé", "asked"),
        "attempted": say("a tenté", "attempted"),
        "attended": say("a assisté", "attended"),
        "cancel": say("annulée", "cancelled"),
        "checkin": say("est entré", "checked in"),
        "commented": say("a commenté", "commented"),
        "completed": say("a terminé", "completed"),
        "downloaded": say("a téléchargé", "downloaded"),
        "experienced": say("a consulté", "experienced"),
        "failed": say("a échoué", "failed"),
        "initialized": say("a commencé", "initialised"),
        "interacted": say("a interagi", "interacted"),
        "join": say("a rejoint", "joined"),
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
