"""What looks like an e-mail address, a phone number or a person's name, judged by its form alone.

Every verdict on a short text is remembered, because the texts of a tenant's statements repeat. The work grows with the
length of a text and no faster, whatever it holds: texts come from outside.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Final, Literal
from urllib.parse import unquote

import phonenumbers

Kind = Literal["address", "phone", "name"]

REMEMBERED_CHARACTERS: Final = 500
"""How long a text may be whose verdict is remembered."""
_MOST_CANDIDATES: Final = 50  # of a text with more of what may be phone numbers, no more is asked

_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}")
_BEFORE_AT = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]\Z")
# Numbers that begin as phone numbers are written, internationally or with the national 0: no date, no decimal, no part
# of an identifier does.
_PHONE = re.compile(
    r"(?<!\w)(?:\+\s?|00\s?)[1-9](?:[\s.\-()]{0,3}\d){6,13}(?!\w)"
    r"|(?<!\w)(?<!\d[.,:])\(?0\)?\s?[1-9](?:[\s.\-]?\d){7,10}(?!\w)"
    r"|(?<![\w/])0[1-9](?:/\d\d){4}(?![\w/])"
)
_DATE = re.compile(
    r"(?<!\d)\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d(?!\d)|(?<!\d)(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}(?!\d)"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"]+")
_WORD = re.compile(r"[^\W_]+")
_COMBINING = re.compile(r"[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u0652\u20d0-\u20ff]+")


def list_words(text: str) -> frozenset[str]:
    """Return the words of a text that is written in this package."""
    return frozenset(text.split())


# Path segments whose next one says who; of the second kind only where that is the last one, because vocabularies have
# such segments too (…/profiles/training/v1.0).
_PEOPLE: Final = list_words(
    "user users utilisateur utilisateurs people person persons personne personnes learner learners apprenant "
    "apprenants student students etudiant etudiants eleve eleves stagiaire stagiaires trainee trainees teacher "
    "teachers enseignant enseignants formateur formateurs intervenant intervenants employee employees"
)
_PEOPLE_AT_THE_END: Final = list_words(
    "profile profiles profil profils member members membre membres account accounts compte comptes author authors "
    "auteur auteurs contact contacts speaker speakers"
)
_NEVER_A_NAME: Final = list_words("me self current login logout new search list index all")
# Keys whose value says who: the whole key, without what parts its words.
_TELLING: Final = list_words(
    "name names nom noms fullname displayname realname nomcomplet nomprenom prenomnom firstname lastname givenname "
    "familyname surname middlename nickname prenom prenoms nomdefamille nomusage nomdusage username useremail userid "
    "user login identifiant email emails mail mails emailaddress mailaddress courriel adressemail adressecourriel "
    "phone phonenumber phonenumbers tel telephone mobile mobilephone portable fax author auteur creator createur owner "
    "proprietaire student studentname studentid learner learnername learnerid trainee traineename stagiaire apprenant "
    "eleve etudiant teacher teachername instructor instructorname enseignant formateur intervenant trainer trainername "
    "speaker speakername tutor tuteur participant participantname attendee employee employeeid employeename matricule "
    "numen nir ine birthdate dateofbirth datedenaissance contact contactname contactemail"
)


def detect(text: str, region: str) -> Kind | None:
    """Return what in a text looks like it says who somebody is, None when nothing does.

    `region` is the country (ISO 3166, two letters) whose phone numbers may be written without +.
    """
    return _detect_briefly(text, region) if len(text) <= REMEMBERED_CHARACTERS else _detect(text, region)


def detect_in_iri(iri: str, region: str) -> Kind | None:
    """Return what in an IRI looks like it says who: what `detect` finds, and a path or query that names a person."""
    if len(iri) <= REMEMBERED_CHARACTERS:
        return _detect_in_iri_briefly(iri, region)
    return _detect_contact(iri, region) or _find_person_in_iri(decode(iri))


def detect_in_term(iri: str, region: str) -> Kind | None:
    """Return what in an IRI of a vocabulary looks like an address or a phone number; its path names no person."""
    return _detect_in_term_briefly(iri, region) if len(iri) <= REMEMBERED_CHARACTERS else _detect_contact(iri, region)


@functools.lru_cache(maxsize=20_000)
def tells_person(key: str) -> bool:
    """Tell whether a key says that its value is a person, their name or how to reach them (`firstName`, `e-mail`)."""
    if len(key) > REMEMBERED_CHARACTERS:
        return False
    last = re.split(r"[/#]", key.rstrip("/#"))[-1]
    return "".join(_WORD.findall(fold(last))) in _TELLING


def fold(text: str) -> str:
    """Return a text in lower case, without accents and other marks on letters."""
    if text.isascii():
        return text.lower()
    return _COMBINING.sub("", unicodedata.normalize("NFKD", text.casefold())).casefold()


def split_words(text: str) -> list[str]:
    """Return the words of a text, folded: runs of letters and digits."""
    return _WORD.findall(fold(decode(text)))


def decode(text: str) -> str:
    """Return a text with what is percent-encoded in it as characters, also where that was done twice."""
    for _ in range(2):
        if "%" not in text:
            break
        text = unquote(text)
    return text


@functools.lru_cache(maxsize=50_000)
def _detect_briefly(text: str, region: str) -> Kind | None:
    return _detect(text, region)


@functools.lru_cache(maxsize=50_000)
def _detect_in_iri_briefly(iri: str, region: str) -> Kind | None:
    return _detect_contact(iri, region) or _find_person_in_iri(decode(iri))


@functools.lru_cache(maxsize=20_000)
def _detect_in_term_briefly(iri: str, region: str) -> Kind | None:
    return _detect_contact(iri, region)


def _detect(text: str, region: str) -> Kind | None:
    found = _detect_contact(text, region)
    if found is None and "://" in text and any(_find_person_in_iri(link) for link in _LINK.findall(decode(text))):
        return "name"
    return found


def _detect_contact(text: str, region: str) -> Kind | None:
    text = decode(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "@" in text and _has_address(text):
        return "address"
    return "phone" if _has_phone(text, region) else None


def _has_address(text: str) -> bool:
    place = text.find("@")
    while place >= 0:
        if place and _BEFORE_AT.match(text, place - 1, place) and _DOMAIN.match(text, place + 1):
            return True
        place = text.find("@", place + 1)
    return False


def _has_phone(text: str, region: str) -> bool:
    if not _PHONE.search(text):
        return False
    for count, match in enumerate(_PHONE.finditer(_DATE.sub("/", _UUID.sub("/", text)))):
        if count == _MOST_CANDIDATES:
            return True
        try:
            number = phonenumbers.parse(match[0], region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return True
    return False


def _find_person_in_iri(iri: str) -> Kind | None:
    scheme, colon, rest = iri.partition(":")
    if not colon:
        return None
    if scheme.lower() in ("mailto", "acct", "xmpp", "sip", "sips"):
        return "address"
    if scheme.lower() in ("tel", "sms"):
        return "phone"
    path, _, query = rest.partition("#")[0].partition("?")
    if path.startswith("//") and "@" in path[2:].partition("/")[0]:
        return "name"
    for pair in re.split(r"[&;]", query) if query else ():
        key, equals, value = pair.partition("=")
        if equals and value and tells_person(key):
            return "name"
    return _find_person_in_path([part for part in path.split("/") if part])


def _find_person_in_path(parts: list[str]) -> Kind | None:
    for place, part in enumerate(parts):
        if part[0] in "~@" and len(part) > 1:
            return "name"
        word = fold(part)
        after = fold(parts[place + 1]) if place + 1 < len(parts) else ""
        says_who = word in _PEOPLE or (word in _PEOPLE_AT_THE_END and place + 2 == len(parts))
        if says_who and after and after not in _NEVER_A_NAME:
            return "name"
    return None
