"""The pages of an export that a person reads: French and English, in one file each, without scripts.

Whatever a platform sent is text here: it is escaped, and a page that holds it runs and loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from identity.retention import ATTACHMENTS, DEAD_LETTERS, STATEMENTS, Periods
from identity.tenants import Tenant

_HEAD: Final = """<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b1b1b }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #bbb; padding: .4rem .6rem; text-align: left; vertical-align: top }}
section + section {{ border-top: 3px solid #1b1b1b; margin-top: 3rem }}
td {{ overflow-wrap: anywhere }}
.number {{ text-align: right }}
</style>
</head>
<body>
"""
_END: Final = "</body>\n</html>\n"

_Say = tuple[str, str]


def _say(french: str, english: str) -> _Say:
    return french, english


_LANGUAGES: Final = ("fr", "en")
_TITLE: Final[_Say] = _say("Données détenues sur vous", "Data held on you")
_INTRODUCTION: Final[_Say] = _say(
    "Voici ce que {institution} détient sur vous dans son registre d'apprentissage, au {at}. Les autres personnes y "
    "portent des noms inventés pour ce seul export ; de ce qu'elles ont fait, et où vous êtes seulement nommé, leurs "
    "résultats sont omis.",
    "This is what {institution} holds on you in its learning record store, as of {at}. Other people go by names made "
    "up for this export alone; of what they did, where you are only named, their results are left out.",
)
_COLUMNS: Final[tuple[_Say, ...]] = (
    ("Quoi", "What"),
    ("Combien", "How many"),
    ("Pourquoi", "Why"),
    ("Combien de temps", "For how long"),
    ("Où", "Where"),
)
_NO_PERIOD: Final[_Say] = _say(
    "aucune durée n'est fixée dans le registre : demandez-la à l'institution",
    "no period is set in the store: ask the institution",
)
_KEPT: Final[_Say] = _say("conservé", "kept")
_DAYS: Final[_Say] = _say("{days} jours après réception", "{days} days after receipt")
_RIGHTS: Final[_Say] = _say(
    "Vous pouvez demander à l'institution de rectifier ou d'effacer ces données, d'en limiter le traitement, ou vous y "
    "opposer ; et vous adresser à l'autorité de contrôle (en France : la CNIL).",
    "You may ask the institution to rectify or erase these data or to restrict their processing, or object to it; and "
    "you may turn to the supervisory authority.",
)
_FILES: Final[_Say] = _say(
    "Les fichiers .jsonl contiennent un statement xAPI par ligne et peuvent être importés dans tout autre registre "
    "(« jalon import » ou POST /statements) ; ceux de statements-with-attachments.jsonl avec leurs pièces jointes. "
    "manifest.json donne la taille et l'empreinte SHA-256 de chaque fichier.",
    "The .jsonl files hold one xAPI statement a line and can be imported into any other store (`jalon import`, or POST "
    "/statements); those of statements-with-attachments.jsonl together with their attachments. manifest.json gives the "
    "size and the SHA-256 of every file.",
)
_RECORD: Final[_Say] = _say(
    "suivre et attester la formation",
    "to follow training and to attest it",
)
_WORK: Final[_Say] = _say(
    "retrouver votre progression et vos réglages d'une séance à l'autre",
    "to find your progress and settings again from one session to the next",
)
_MEND: Final[_Say] = _say(
    "réparer ce qui n'a pas pu être traité, sans rien perdre",
    "to mend what could not be processed, and lose nothing",
)
_KNOW: Final[_Say] = _say(
    "vous reconnaître d'un système à l'autre",
    "to recognise you from one system to the next",
)
_ANSWER: Final[_Say] = _say(
    "pouvoir répondre de chaque accès à votre identité",
    "to be able to account for every access to your identity",
)

# Key of the counts, what it is, why it is held, the purposes whose periods hold, files.
_HELD: Final[tuple[tuple[str, _Say, _Say, tuple[str, ...], str], ...]] = (
    (
        "statements",
        ("Ce que vous avez fait, ou ce qui vous a été fait", "What you did, or what was done to you"),
        _RECORD,
        (STATEMENTS,),
        "statements.html, statements.jsonl, statements-with-attachments.jsonl",
    ),
    (
        "named_in",
        ("Ce que d'autres ont fait, où vous êtes nommé", "What others did, where you are named"),
        _RECORD,
        (STATEMENTS,),
        "statements.html, named-in.jsonl",
    ),
    ("voided", ("Dont annulés", "Voided ones of these"), _RECORD, (STATEMENTS,), "voided.jsonl"),
    ("attachments", ("Pièces jointes", "Attachments"), _RECORD, (STATEMENTS, ATTACHMENTS), "attachments/"),
    (
        "documents",
        ("Documents d'état et de profil", "State and profile documents"),
        _WORK,
        ("state", "agent-profile"),
        "documents/, documents.json",
    ),
    (
        "dead_letters",
        ("Envois non traités qui vous nomment", "Unprocessed messages that name you"),
        _MEND,
        (DEAD_LETTERS,),
        "dead-letters.json",
    ),
    (
        "forms",
        ("Noms et identifiants sous lesquels vous êtes connu", "Names and identifiers you are known by"),
        _KNOW,
        (STATEMENTS,),
        "person.json",
    ),
    (
        "accesses",
        ("Accès à votre identité, exports, demandes", "Accesses to your identity, exports, requests"),
        _ANSWER,
        (),
        "accesses.json",
    ),
)


def write_cover(tenant: Tenant, at: datetime, counts: Mapping[str, int], periods: Periods) -> str:
    """Return the first page: what is held, how much of it, why and for how long."""
    local = at.astimezone(ZoneInfo(tenant.timezone))
    sections = []
    for place, language in enumerate(_LANGUAGES):
        head = "".join(f"<th>{escape(column[place])}</th>" for column in _COLUMNS)
        rows = "".join(
            f'<tr><td>{escape(what[place])}</td><td class="number">{counts[key]}</td><td>{escape(why[place])}</td>'
            f"<td>{_tell_periods(purposes, periods, place)}</td><td>{escape(files)}</td></tr>\n"
            for key, what, why, purposes, files in _HELD
        )
        introduction = _INTRODUCTION[place].format(institution=tenant.name, at=f"{local:%Y-%m-%d %H:%M}")
        sections.append(
            f'<section lang="{language}">\n<h1>{escape(_TITLE[place])}</h1>\n<p>{escape(introduction)}</p>\n'
            f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
            f"<p>{escape(_FILES[place])}</p>\n<p>{escape(_RIGHTS[place])}</p>\n</section>\n"
        )
    return _HEAD.format(title=" / ".join(_TITLE)) + "".join(sections) + _END


def _tell_periods(purposes: tuple[str, ...], periods: Periods, place: int) -> str:
    if not purposes:
        return escape(_KEPT[place])
    told = []
    for purpose in purposes:
        days = periods.days_of(purpose)
        if days is not None:
            told.append(f"{purpose}: {_DAYS[place].format(days=days)}")
    if STATEMENTS in purposes:
        told += [
            f"{rule.purpose}: {_KEPT[place] if rule.days is None else _DAYS[place].format(days=rule.days)}"
            for rule in periods.named
        ]
    return "<br>".join(escape(one) for one in told) or escape(_NO_PERIOD[place])


class StatementPage:
    """The page of statements, a row each, written as they come."""

    def __init__(self, write: Callable[[str], None], tenant: Tenant) -> None:
        """Write the page's head."""
        self._write = write
        self._zone = ZoneInfo(tenant.timezone)
        title = "Activités enregistrées / Recorded activities"
        columns = (
            "Date",
            "Rôle / Role",
            "Verbe / Verb",
            "Objet / Object",
            "Résultat / Result",
            "Source",
            "Identifiant / Id",
        )
        head = "".join(f"<th>{escape(column)}</th>" for column in columns)
        write(_HEAD.format(title=title))
        write(f"<h1>{title}</h1>\n<p>{escape(tenant.name)}, {escape(tenant.timezone)}</p>\n")
        write(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n")

    def add(self, statement: Mapping[str, Any], *, is_theirs: bool, voided: bool) -> None:
        """Write a row."""
        role = "vous / you" if is_theirs else "nommé / named"
        cells = (
            self._tell_time(str(statement.get("timestamp", ""))),
            f"{role}, annulé / voided" if voided else role,
            _tell_text(statement["verb"].get("display")) or statement["verb"]["id"],
            _tell_object(statement["object"]),
            _tell_result(statement.get("result") or {}),
            str((statement.get("context") or {}).get("platform", "")),
            str(statement.get("id", "")),
        )
        self._write("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n")

    def end(self) -> None:
        """Write the page's end."""
        self._write("</tbody>\n</table>\n" + _END)

    def _tell_time(self, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S}" if moment.tzinfo else text


def _tell_text(texts: object) -> str:
    """Return a language map's French text, else the English, else any."""
    if not isinstance(texts, Mapping) or not texts:
        return ""
    for language in _LANGUAGES:
        for tag, text in texts.items():
            if str(tag).lower().partition("-")[0] == language:
                return str(text)
    return str(next(iter(texts.values())))


def _tell_object(target: Mapping[str, Any]) -> str:
    kind = target.get("objectType", "Activity")
    if kind == "SubStatement":
        verb = target["verb"]
        return f"{_tell_text(verb.get('display')) or verb['id']}: {_tell_object(target['object'])}"
    if kind in ("Agent", "Group"):
        account = target.get("account") or {}
        return str(target.get("name") or target.get("mbox") or account.get("name") or kind)
    name = _tell_text((target.get("definition") or {}).get("name"))
    identifier = str(target.get("id", ""))
    return f"{name} ({identifier})" if name else identifier


def _tell_result(result: Mapping[str, Any]) -> str:
    told = [f"{name}: {result[name]}" for name in ("completion", "success", "duration", "response") if name in result]
    told += [f"{name}: {value}" for name, value in (result.get("score") or {}).items()]
    return ", ".join(told)
