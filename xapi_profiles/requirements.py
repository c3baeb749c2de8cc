"""Which requirement of the specification a fault in a statement breaks, and what to expect instead.

The ids are those of the public requirement list, on which the conformance suite is built (XAPI-00001...);
where that has none, the section of the specification: `Data-2.4.4.1` (1.0.3, part two) or
`IEEE-9274.1.1-4.2.2.5` (2.0.0); and for limits that are ours, `Jalon-...`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from xapi_profiles.datatypes import TOO_DEEP, WITHOUT_SCHEME, WRONG_FORM

NO_NULL: Final = "XAPI-00001"
WRONG_TYPE: Final = "XAPI-00006"
WRONG_FORMAT: Final = "XAPI-00007"
UNKNOWN_KEY: Final = "XAPI-00008"
WRONG_CASE_OF_VALUE: Final = "XAPI-00009"
WRONG_CASE_OF_KEY: Final = "XAPI-00010"
NO_SCHEME: Final = "XAPI-00011"
BATCH: Final = "XAPI-00014"
DEPTH: Final = "Jalon-depth"
FAULTS: Final = "Jalon-faults"
REPEATED_ID: Final = "Communication-2.1.2"

_CONTEXT_2: Final = "IEEE-9274.1.1-4.2.2.5"

# By the end of a location, indexes left out: the longest entry that matches counts. "*" is a key of a map.
_RULES: Final[Mapping[tuple[str, ...], str]] = MappingProxyType(
    {
        ("actor",): "XAPI-00003",
        ("verb",): "XAPI-00004",
        ("object",): "XAPI-00005",
        ("id",): "XAPI-00027",
        ("timestamp",): "XAPI-00022",
        ("stored",): "XAPI-00023",
        ("authority",): "XAPI-00024",
        ("version",): "XAPI-00101",
        ("attachments",): "XAPI-00025",
        ("objectType",): "XAPI-00032",
        ("instructor", "objectType"): "XAPI-00087-2",
        ("team", "objectType"): "XAPI-00088",
        ("authority", "objectType"): "XAPI-00024",
        ("actor", "objectType"): "XAPI-00031",
        ("object", "objectType"): "XAPI-00046",
        ("member", "objectType"): "XAPI-00036",
        ("name",): "XAPI-00033",
        ("member",): "XAPI-00036",
        ("mbox",): "XAPI-00038",
        ("mbox_sha1sum",): "XAPI-00039",
        ("openid",): "XAPI-00040",
        ("account",): "XAPI-00041",
        ("account", "homePage"): "XAPI-00042",
        ("account", "name"): "XAPI-00043",
        ("verb", "id"): "XAPI-00044",
        ("verb", "display"): "XAPI-00045",
        ("object", "id"): "XAPI-00047",
        ("statement", "id"): "XAPI-00072",
        ("statement", "objectType"): "XAPI-00073",
        ("definition",): "XAPI-00048",
        ("definition", "interactionType"): "XAPI-00049",
        ("definition", "name"): "XAPI-00056",
        ("definition", "extensions"): "XAPI-00057",
        ("definition", "description"): "XAPI-00059",
        ("definition", "type"): "XAPI-00060",
        ("definition", "moreInfo"): "XAPI-00061",
        ("definition", "correctResponsesPattern"): "Data-2.4.4.1",
        **{
            ("definition", components, *rest): rule
            for components in ("choices", "scale", "source", "target", "steps")
            for rest, rule in (((), "Data-2.4.4.1"), (("id",), "Data-2.4.4.1"), (("description",), "XAPI-00062"))
        },
        ("result",): WRONG_TYPE,
        ("result", "success"): "XAPI-00074",
        ("result", "completion"): "XAPI-00075",
        ("result", "response"): "XAPI-00076",
        ("result", "duration"): "XAPI-00124",
        ("result", "extensions"): "XAPI-00078",
        ("result", "score"): "XAPI-00079",
        ("score", "scaled"): "XAPI-00083",
        ("score", "raw"): "XAPI-00082",
        ("score", "min"): "XAPI-00081",
        ("score", "max"): "XAPI-00080",
        ("context", "registration"): "XAPI-00087-1",
        ("context", "instructor"): "XAPI-00087-2",
        ("context", "team"): "XAPI-00088",
        ("context", "contextActivities"): "XAPI-00086",
        ("context", "revision"): "XAPI-00089",
        ("context", "platform"): "XAPI-00090",
        ("context", "language"): "XAPI-00091",
        ("context", "statement"): "XAPI-00092",
        **{("contextActivities", name): "XAPI-00094" for name in ("parent", "grouping", "category", "other")},
        **{("contextActivities", name, "id"): "XAPI-00094" for name in ("parent", "grouping", "category", "other")},
        ("contextAgents",): _CONTEXT_2,
        ("contextAgents", "objectType"): _CONTEXT_2,
        ("contextAgents", "agent"): _CONTEXT_2,
        ("contextGroups",): _CONTEXT_2,
        ("contextGroups", "objectType"): _CONTEXT_2,
        ("contextGroups", "group"): _CONTEXT_2,
        ("relevantTypes",): _CONTEXT_2,
        ("attachments", "length"): "XAPI-00102",
        ("attachments", "sha2"): "XAPI-00103",
        ("attachments", "fileUrl"): "XAPI-00104",
        ("attachments", "contentType"): "XAPI-00105",
        ("attachments", "display"): "XAPI-00106",
        ("attachments", "description"): "XAPI-00121",
        ("attachments", "usageType"): "XAPI-00107",
        ("extensions",): "XAPI-00120",
        ("extensions", "*"): "XAPI-00118",
        ("display", "*"): "XAPI-00121",
        ("name", "*"): "XAPI-00121",
        ("description", "*"): "XAPI-00121",
    }
)
_FORBIDDEN_IN_SUBSTATEMENT: Final = MappingProxyType(
    {"authority": "XAPI-00067", "version": "XAPI-00068", "stored": "XAPI-00069", "id": "XAPI-00070"}
)
_MESSAGES: Final = MappingProxyType(
    {
        "string_type": "expected a string",
        "bool_type": "expected true or false, without quotation marks",
        "float_type": "expected a number, without quotation marks",
        "int_type": "expected a whole number, without quotation marks",
        "finite_number": "expected a finite number",
        "dict_type": "expected an object",
        "list_type": "expected an array",
        "missing": "this property is required; add it",
        "extra_forbidden": "the specification has no such property here; remove it, or put it in extensions",
        "too_short": "expected one item at least; leave the property out if there is none",
        "greater_than_equal": "expected a number not below {ge}",
        "less_than_equal": "expected a number not above {le}",
        "literal_error": "expected {expected}, in this very spelling",
        "string_pattern_mismatch": "expected the version of xAPI that the statement follows, such as 1.0.0 or 2.0.0",
    }
)
# Every key of the model, to tell a key in the wrong case from an unknown one.
_KEYS: Final = MappingProxyType(
    {
        key.lower(): key
        for key in [
            "id",
            "actor",
            "verb",
            "object",
            "result",
            "context",
            "timestamp",
            "stored",
            "authority",
            "version",
            "attachments",
            "objectType",
            "name",
            "mbox",
            "mbox_sha1sum",
            "openid",
            "account",
            "homePage",
            "member",
            "display",
            "definition",
            "description",
            "type",
            "moreInfo",
            "extensions",
            "interactionType",
            "correctResponsesPattern",
            "choices",
            "scale",
            "source",
            "target",
            "steps",
            "score",
            "success",
            "completion",
            "response",
            "duration",
            "scaled",
            "raw",
            "min",
            "max",
            "registration",
            "instructor",
            "team",
            "contextActivities",
            "revision",
            "platform",
            "language",
            "statement",
            "parent",
            "grouping",
            "category",
            "other",
            "usageType",
            "contentType",
            "length",
            "sha2",
            "fileUrl",
            "contextAgents",
            "contextGroups",
            "agent",
            "group",
            "relevantTypes",
        ]
    }
)
_OWN_RULES: Final = MappingProxyType({WITHOUT_SCHEME: NO_SCHEME, TOO_DEEP: DEPTH})
_KINDS: Final = MappingProxyType(
    {kind.lower(): kind for kind in ("Activity", "Agent", "Group", "SubStatement", "StatementRef")}
)


def describe(
    kind: str, keys: tuple[str, ...], found: object, *, said: str, context: Mapping[str, Any], within: str
) -> tuple[str, str]:
    """Return the requirement that a fault found by pydantic breaks, and what is expected there.

    `kind` is pydantic's type of error and `said` its message, `keys` the location without indexes and
    `found` what was there; `within` is the objectType that the faulty object was taken for, if it has one.
    The message holds nothing of the statement but keys that the specification knows.
    """
    if kind == "extra_forbidden":
        return _describe_key(keys)
    if found is None and kind != "missing":
        return NO_NULL, "null is not allowed outside extensions; leave the property out"
    if kind == "object_type":
        return _describe_object_type(keys, found)
    if kind == "literal_error" and isinstance(found, str) and f"'{found.lower()}'" in str(context).lower():
        rule = WRONG_CASE_OF_VALUE
    elif within == "StatementRef" and keys[-1:] in (("id",), ("objectType",)):
        rule = "XAPI-00072" if keys[-1] == "id" else "XAPI-00073"
    elif kind in _OWN_RULES:
        rule = _OWN_RULES[kind]
    else:
        rule = _rule(keys) or (WRONG_FORMAT if kind == WRONG_FORM else WRONG_TYPE)
    message = _MESSAGES.get(kind)
    return rule, said if message is None else message.format(**context)


def _rule(keys: tuple[str, ...]) -> str | None:
    matches = (_RULES[keys[-length:]] for length in (3, 2, 1) if keys[-length:] in _RULES)
    return next(matches, None)


def _describe_key(keys: tuple[str, ...]) -> tuple[str, str]:
    key, parents = keys[-1], keys[:-1]
    meant = _KEYS.get(key.lower())
    if parents == ("object",) and key in _FORBIDDEN_IN_SUBSTATEMENT:
        return _FORBIDDEN_IN_SUBSTATEMENT[key], f"a sub-statement has no {key}; remove it"
    if meant is not None and meant != key:
        return WRONG_CASE_OF_KEY, f"keys are case-sensitive: expected {meant}"
    if parents[-1:] == ("contextActivities",):
        return "XAPI-00093", "expected no other key than parent, grouping, category and other"
    return UNKNOWN_KEY, _MESSAGES["extra_forbidden"]


def _describe_object_type(keys: tuple[str, ...], found: object) -> tuple[str, str]:
    if not isinstance(found, str):
        return _RULES[("objectType",)], _MESSAGES["string_type"]
    expected = "Agent or Group" if keys[-2:-1] != ("object",) else "Activity, Agent, Group or StatementRef"
    if keys == ("object", "objectType"):
        expected = "Activity, Agent, Group, StatementRef or SubStatement"
    elif found == "SubStatement" and keys[-2:-1] == ("object",):
        return "XAPI-00071", "a sub-statement's object is not a sub-statement itself"
    if found not in _KINDS.values() and found.lower() in _KINDS:
        return WRONG_CASE_OF_VALUE, f"expected {expected}, in this very spelling"
    return _rule(keys) or "XAPI-00031", f"expected {expected}"
