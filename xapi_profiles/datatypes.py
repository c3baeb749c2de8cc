"""The specification's special data types: what an IRI, a timestamp, a duration... has to look like.

Each `check_*` returns the text it was given, or raises a PydanticCustomError whose message says what is
expected and never repeats the text. They serve the model in statement.py; `read_*` turn accepted texts into
values, so that whoever stores them accepts exactly what was accepted here.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any, Final

from pydantic_core import PydanticCustomError

WRONG_FORM: Final = "wrong_form"
WITHOUT_SCHEME: Final = "without_scheme"
TOO_DEEP: Final = "too_deep"
"""The types of the errors raised here; requirements.py finds the requirement that goes with them."""

MAX_LENGTH: Final = 500
"""The longest text that is looked at for a form whose texts are short: a hostile one of megabytes costs nothing."""
MAX_DEPTH: Final = 100
"""How deep the values of extensions may be nested: far beyond any use, and far below Python's recursion limit."""

# RFC 3987 without its per-part character classes: a scheme, no character that must be percent-encoded, one
# fragment at most. http and https also need a host, as their own definition has it.
_IRI_TEXT = r"[^\x00-\x20\x7f-\x9f<>\"{}|\\^`%#]*(?:%[0-9A-Fa-f]{2}[^\x00-\x20\x7f-\x9f<>\"{}|\\^`%#]*)*"
_IRI = re.compile(
    rf"(?:[Hh][Tt][Tt][Pp][Ss]?://[^/?#]|(?![Hh][Tt][Tt][Pp][Ss]?:)[A-Za-z][A-Za-z0-9+.\-]*:(?!#|$)){_IRI_TEXT}(?:#{_IRI_TEXT})?"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_MBOX = re.compile(
    r"mailto:[^\x00-\x20\x7f\"(),:;<>@\[\\\]]+@[A-Za-z0-9\-\u0080-\U0010ffff]+(?:\.[A-Za-z0-9\-\u0080-\U0010ffff]+)*"
)
_SHA1 = re.compile(r"[0-9A-Fa-f]{40}")
# SHA-224, 256, 384 and 512, in hexadecimal.
_SHA2 = re.compile(r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_MEDIA_TYPE = re.compile(
    r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+(?:[ \t]*;[ \t]*[\w!#$&^.+\-]+=(?:[\w!#$&^.+\-/:*'%]+|\"[^\"\\\r\n]*\"))*",
    re.ASCII,
)
# RFC 5646 section 2.1: language, extended languages, script, region, variants, extensions, private use; or
# private use alone; or one of the irregular tags that it keeps for the sake of the past.
_LANGUAGE_TAG = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(?:be-fr|be-nl|ch-de)",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = r"\d+(?:[.,]\d+)?"
# ISO 8601:2004(E) 4.4.3.2: only the last component may have a fraction, and weeks stand alone.
_DURATION = re.compile(
    rf"P(?!.*[.,]\d+[YMDH].)(?:(?P<weeks>{_NUMBER})W|(?=\d|T\d)"
    rf"(?:(?P<years>{_NUMBER})Y)?(?:(?P<months>{_NUMBER})M)?(?:(?P<days>{_NUMBER})D)?"
    rf"(?:T(?=\d)(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?(?:(?P<seconds>{_NUMBER})S)?)?)",
    re.ASCII,
)
_FRACTION_OF_SECONDS = re.compile(r"[.,](\d+)S\Z", re.ASCII)
_OFFSET = r"(?!-00:?(?:00)?$)[+\-](?:[01]\d|2[0-3])"
_ISO_8601 = re.compile(
    r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3])(?::[0-5]\d(?::(?:[0-5]\d|60)(?:[.,]\d+)?)?)?"
    rf"(?:Z|{_OFFSET}(?::?[0-5]\d)?)?"
    r"|\d{8}T(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:[.,]\d+)?)?)?"
    rf"(?:Z|{_OFFSET}(?:[0-5]\d)?)?",
    re.ASCII,
)
_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
    rf"(?:[Zz]|{_OFFSET}:[0-5]\d)",
    re.ASCII,
)
_LEAP_SECOND = re.compile(r"(T\d{2}(:?)[0-5]\d\2)60")
# ISO 8601 leaves years and months without a length; these are the Gregorian means.
_SECONDS: Final = {
    "years": 31_556_952.0,
    "months": 2_629_746.0,
    "weeks": 604_800.0,
    "days": 86_400.0,
    "hours": 3_600.0,
    "minutes": 60.0,
    "seconds": 1.0,
}


def check_iri(text: str) -> str:
    """Accept an absolute IRI (RFC 3987)."""
    if _IRI.fullmatch(text):
        return text
    if not _SCHEME.match(text):
        raise PydanticCustomError(WITHOUT_SCHEME, "expected an absolute IRI with its scheme, such as https://…")
    raise PydanticCustomError(
        WRONG_FORM, "expected a valid IRI: no spaces or other characters that have to be percent-encoded"
    )


def check_uri(text: str) -> str:
    """Accept an absolute URI: an IRI of ASCII characters."""
    if not text.isascii():
        raise PydanticCustomError(WRONG_FORM, "expected a URI, which has ASCII characters only")
    return check_iri(text)


def check_mbox(text: str) -> str:
    """Accept `mailto:` followed by one e-mail address."""
    if len(text) > MAX_LENGTH or not _MBOX.fullmatch(text):
        raise PydanticCustomError(WRONG_FORM, "expected mailto: followed by one e-mail address")
    return text


def check_sha1(text: str) -> str:
    """Accept the hexadecimal SHA-1 of a mailto IRI."""
    if not _SHA1.fullmatch(text):
        raise PydanticCustomError(WRONG_FORM, "expected a SHA-1 as 40 hexadecimal digits")
    return text


def check_sha2(text: str) -> str:
    """Accept a hexadecimal SHA-2 of 224, 256, 384 or 512 bits."""
    if not _SHA2.fullmatch(text):
        raise PydanticCustomError(WRONG_FORM, "expected a SHA-2 as 56, 64, 96 or 128 hexadecimal digits")
    return text


def check_uuid(text: str) -> str:
    """Accept a UUID in standard string form, of any version and in either case."""
    if not _UUID.fullmatch(text):
        raise PydanticCustomError(WRONG_FORM, "expected a UUID in standard form: 8-4-4-4-12 hexadecimal")
    return text


def check_media_type(text: str) -> str:
    """Accept an Internet media type with its parameters, such as `text/plain; charset=utf-8`."""
    if len(text) > MAX_LENGTH or not _MEDIA_TYPE.fullmatch(text):
        raise PydanticCustomError(WRONG_FORM, "expected an Internet media type, such as text/plain")
    return text


def check_language_tag(text: str) -> str:
    """Accept a well-formed language tag (RFC 5646), registered or not."""
    if len(text) > MAX_LENGTH or not _LANGUAGE_TAG.fullmatch(text):
        raise PydanticCustomError(WRONG_FORM, "expected a language tag (RFC 5646), such as fr or en-US")
    return text


def check_duration(text: str) -> str:
    """Accept an ISO 8601 duration in the format with designators (4.4.3.2)."""
    if len(text) > MAX_LENGTH or not _DURATION.fullmatch(text):
        raise PydanticCustomError(
            WRONG_FORM,
            "expected an ISO 8601 duration with designators, such as PT1H30M; weeks (P4W) stand alone",
        )
    return text


def check_timestamp(text: str) -> str:
    """Accept a timestamp of xAPI 1.0.3: a date and time of ISO 8601, extended or basic; no offset -00:00."""
    if len(text) > MAX_LENGTH or not _ISO_8601.fullmatch(text) or not _exists(text):
        raise PydanticCustomError(
            WRONG_FORM,
            "expected an ISO 8601 date and time that exists, with Z or an offset other than -00:00, "
            "such as 2026-11-22T09:30:00.000Z",
        )
    return text


def check_rfc3339_timestamp(text: str) -> str:
    """Accept a timestamp of xAPI 2.0: an RFC 3339 date and time with its offset, which is not -00:00."""
    if len(text) > MAX_LENGTH or not _RFC_3339.fullmatch(text) or not _exists(text):
        raise PydanticCustomError(
            WRONG_FORM,
            "expected an RFC 3339 date and time that exists, with Z or an offset other than -00:00, "
            "such as 2026-11-22T09:30:00.000Z",
        )
    return text


def check_extensions(extensions: dict[str, Any]) -> dict[str, Any]:
    """Accept extensions whose values are nested no deeper than MAX_DEPTH; whatever else they hold is theirs."""
    level: list[Any] = [value for value in extensions.values() if type(value) is dict or type(value) is list]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return extensions
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    raise PydanticCustomError(TOO_DEEP, f"expected extensions nested no deeper than {MAX_DEPTH} levels")


def read_timestamp(text: str) -> datetime:
    """Return the instant, in UTC, of a timestamp that `check_timestamp` or its 2.0 sibling accepts.

    A timestamp without an offset is taken as UTC. Digits beyond microseconds are cut off, and a leap second
    becomes the second before it. Raises ValueError for anything else.
    """
    instant = _instant(text) if _ISO_8601.fullmatch(text) or _RFC_3339.fullmatch(text) else None
    if instant is None:
        raise ValueError("not a timestamp that the specification allows")
    return instant


def read_duration(text: str) -> float:
    """Return the seconds of a duration that `check_duration` accepts; years and months count their means.

    Raises ValueError for anything else.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration that the specification allows")
    return sum(float(amount.replace(",", ".")) * _SECONDS[unit] for unit, amount in match.groupdict().items() if amount)


def truncate_duration(text: str) -> str:
    """Return a duration without what its seconds have beyond hundredths, which comparing leaves out (Data 4.6)."""
    return _FRACTION_OF_SECONDS.sub(lambda match: f".{match[1][:2]}".rstrip("0").rstrip(".") + "S", text)


def _exists(text: str) -> bool:
    try:
        # The usual case at a quarter of the cost of the full reading.
        return MINYEAR < datetime.fromisoformat(text).year < MAXYEAR or _instant(text) is not None
    except ValueError:
        return _instant(text) is not None


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(_LEAP_SECOND.sub(r"\g<1>59", text.upper()))
        # An instant whose UTC form lies outside the calendar cannot be ordered or stored.
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
