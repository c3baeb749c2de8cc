"""Bodies to begin with: what a page puts into its form, and what a reader of the description learns from."""

from __future__ import annotations

from typing import Any, Final

_STATEMENT: Final = {
    "actor": {"objectType": "Agent", "name": "Ada Lovelace", "mbox": "mailto:ada@example.org"},
    "verb": {"id": "http://adlnet.gov/expapi/verbs/attended", "display": {"en": "attended"}},
    "object": {
        "objectType": "Activity",
        "id": "https://example.org/activities/fractions",
        "definition": {"name": {"en": "Fractions"}, "type": "http://adlnet.gov/expapi/activities/lesson"},
    },
}
_SCORED: Final = {
    **_STATEMENT,
    "verb": {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"en": "completed"}},
    "result": {"completion": True, "score": {"scaled": 0.9}, "duration": "PT30M"},
    "timestamp": "2026-11-22T09:30:00.000Z",
}

SINGLE: Final[dict[str, Any]] = {"attended": {"summary": "Somebody attended a lesson", "value": _STATEMENT}}
STATEMENTS: Final[dict[str, Any]] = {
    **SINGLE,
    "many": {"summary": "Two statements at once", "value": [_STATEMENT, _SCORED]},
}

MULTIPART: Final = """\
--boundary\r
Content-Type: application/json\r
\r
{"actor": {"mbox": "mailto:ada@example.org"}, "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"}, \
"object": {"id": "https://example.org/activities/fractions"}, "attachments": [{ \
"usageType": "https://example.org/notes", "display": {"en": "Notes"}, "contentType": "text/plain", "length": 5, \
"sha2": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}]}\r
--boundary\r
Content-Type: text/plain\r
Content-Transfer-Encoding: binary\r
X-Experience-API-Hash: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r
\r
hello\r
--boundary--\r
"""

DOCUMENT: Final[dict[str, Any]] = {
    "application/json": {"schema": {}, "example": {"page": 3, "done": False}},
    "text/plain": {"schema": {"type": "string"}, "example": "page 3"},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    "*/*": {"schema": {}},
}
