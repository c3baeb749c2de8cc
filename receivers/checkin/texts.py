"""The words of the tablet's pages, in both languages."""

# ruff: noqa: RUF001 (typographic French)
from __future__ import annotations

from grafana.dashboards.language import Language, speak


def get_texts(language: Language) -> dict[str, str]:
    """Return the texts of the pages in one language, by name."""
    say = speak(language)
    return {
        "title": say("Émargement", "Sign in"),
        "session": say("Session", "Session"),
        "choose_session": say("Votre session", "Your session"),
        "by_code": say("Votre code", "Your code"),
        "by_code_help": say("Les 8 chiffres que vous avez reçus", "The 8 digits that you were given"),
        "no_code": say("Sans code", "Without a code"),
        "by_email": say("Votre adresse électronique", "Your e-mail address"),
        "go": say("Valider", "Continue"),
        "erase": say("Effacer le dernier chiffre", "Erase the last digit"),
        "keypad": say("Pavé numérique", "Keypad"),
        "language": say("Langue", "Language"),
        "unknown-code": say(
            "Ce code n’est pas valable ici : vérifiez-le, ou adressez-vous à l’accueil.",
            "This code is not good here: check it, or ask at the desk.",
        ),
        "wrong-email": say(
            "Cette adresse n’est pas complète : vérifiez-la.", "This address is not complete: check it."
        ),
        "no-session": say("Choisissez votre session.", "Choose your session."),
        "too-many": say(
            "Trop d’essais : patientez un instant, puis réessayez.", "Too many attempts: wait a moment, then try again."
        ),
        "unavailable": say(
            "L’émargement ne répond pas : réessayez dans un instant.",
            "Signing in does not answer: try again in a moment.",
        ),
        "expired": say("Cette page a expiré : recommencez.", "This page has expired: start again."),
        "welcome": say("Bienvenue", "Welcome"),
        "arrived_at": say("Votre arrivée est notée à", "Your arrival is noted at"),
        "already": say("Votre arrivée est déjà notée", "Your arrival is noted already"),
        "leave_question": say("Quittez-vous la salle ?", "Are you leaving the room?"),
        "yes_leave": say("Oui, je pars", "Yes, I am leaving"),
        "no_stay": say("Non, je reste", "No, I am staying"),
        "goodbye": say("Au revoir", "Goodbye"),
        "left_at": say("Votre départ est noté à", "Your leave is noted at"),
        "next": say("Personne suivante", "Next person"),
        "unknown": say("Cette adresse n’est plus celle d’une salle.", "This address is no room’s, or no longer."),
        "unknown_help": say("Demandez un nouveau lien à l’administrateur.", "Ask the administrator for another link."),
        "closed": say("L’émargement est fermé pour l’instant.", "Signing in is closed at present."),
    }
