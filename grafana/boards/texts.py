"""The words of the boards around the dashboards, in both languages."""

# ruff: noqa: RUF001 (typographic French)
from __future__ import annotations

from grafana.dashboards.language import Language, speak


def get_texts(language: Language) -> dict[str, str]:
    """Return the texts of pages and scripts in one language, by name."""
    say = speak(language)
    return {
        "product": "Jalon",
        "sign_in": say("Se connecter", "Sign in"),
        "sign_in_about": say("Les tableaux de bord de votre établissement", "Your institution’s boards"),
        "name": say("Identifiant", "Name"),
        "password": say("Mot de passe", "Password"),
        "sign_out": say("Se déconnecter", "Sign out"),
        "wrong": say("Identifiant ou mot de passe incorrect.", "Wrong name or password."),
        "blocked": say(
            "Trop d’essais : patientez ({minutes} min), puis réessayez.",
            "Too many attempts: wait ({minutes} min), then try again.",
        ),
        "stale": say("Cette page a expiré : recommencez.", "This page has expired: try again."),
        "unavailable": say(
            "Connexion impossible pour l’instant : réessayez.", "Signing in is not possible now: try again."
        ),
        "sign_in_provider": say("Se connecter via l’établissement", "Sign in via your institution"),
        "or": say("ou", "or"),
        "provider_unavailable": say(
            "Le service d’identité de l’établissement ne répond pas : réessayez.",
            "Your institution’s identity service does not answer: try again.",
        ),
        "refused": say("La connexion n’a pas abouti : recommencez.", "Signing in did not succeed: start again."),
        "unknown": say(
            "Votre compte d’établissement n’a pas accès à ces tableaux : demandez-le à l’administrateur.",
            "Your institution’s account has no access to these boards: ask the administrator for it.",
        ),
        "choose_tenant": say("Choisir un établissement", "Choose an institution"),
        "other_tenant": say("Autre établissement", "Another institution"),
        "away_no-role": say("Aucun accès", "No access"),
        "away_no-role_help": say(
            "Votre compte n’a accès à aucun établissement : demandez-le à l’administrateur.",
            "Your account has access to no institution: ask the administrator for it.",
        ),
        "away_closed": say("Établissement fermé", "Institution closed"),
        "away_closed_help": say(
            "Les tableaux de cet établissement ne sont pas ouverts pour l’instant : voyez avec l’administrateur.",
            "This institution’s boards are not open at present: see the administrator.",
        ),
        "away_unavailable": say("Indisponible pour l’instant", "Not available now"),
        "away_unavailable_help": say(
            "Les comptes ne peuvent pas être lus : réessayez dans un instant.",
            "The accounts cannot be read: try again in a moment.",
        ),
        "try_again": say("Réessayer", "Try again"),
        "not_found": say("Cette page n’existe pas.", "There is no such page."),
        "boards": say("Tableaux de bord", "Boards"),
        "language": say("Langue", "Language"),
        "range": say("Période", "Range"),
        "range_error": say("Cette période n’est pas valide.", "This range is not valid."),
        "from": say("Du", "From"),
        "to": say("au", "to"),
        "show": say("Afficher", "Show"),
        "other_range": say("Autre période…", "Other range…"),
        "now-1h": say("Dernière heure", "Last hour"),
        "now-6h": say("6 dernières heures", "Last 6 hours"),
        "now/d": say("Aujourd’hui", "Today"),
        "now-7d": say("7 derniers jours", "Last 7 days"),
        "now-30d": say("30 derniers jours", "Last 30 days"),
        "around": say("30 jours avant et après", "30 days before and after"),
        "theme": say("Thème clair ou sombre", "Light or dark theme"),
        "wall": say("Mode mural", "Wall mode"),
        "skip": say("Aller aux graphiques", "Skip to the charts"),
        "updated": say("Mis à jour à", "Updated at"),
        "paused": say("En pause", "Paused"),
        "offline": say("Le serveur ne répond pas : nouvel essai…", "The server does not answer: trying again…"),
        "loading": say("Chargement…", "Loading…"),
        "empty": say("Aucune donnée sur cette période", "No data in this range"),
        "none": "—",
        "few": say(
            "Moins de {fewest} apprenants : ni montré ni compté.",
            "Fewer than {fewest} learners: not shown, not counted.",
        ),
        "morning": say("matin", "a.m."),
        "afternoon": say("après-midi", "p.m."),
        "error_unreachable": say(
            "La base ne répond pas : les dernières données restent affichées.",
            "The database does not answer: the last data stay.",
        ),
        "error_refused": say(
            "La base refuse l’accès : prévenez l’administrateur.",
            "The database refuses access: tell the administrator.",
        ),
        "error_slow": say(
            "La requête est trop longue : réduisez la période.", "The query takes too long: choose a shorter range."
        ),
        "error_query": say(
            "Ce graphique ne peut pas être calculé : prévenez l’administrateur.",
            "This panel cannot be computed: tell the administrator.",
        ),
        "others": say("autres", "others"),
        "table_of": say("Données du graphique", "Data of the chart"),
        "noscript": say("Les graphiques ont besoin de JavaScript.", "The charts need JavaScript."),
    }
