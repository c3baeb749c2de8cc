"""A keyed digest of a statement that is equal exactly when the specification calls two statements the same.

It decides, at a known id, between "the same again" (a success) and "another one" (409), and can be stored beside the
id because without the tenant's key it tells nothing (promise 3). What counts is in xAPI 1.0.3, Data 2.3.1, and is
listed at `fingerprint`.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from identity.pseudonyms import normalise_mbox
from xapi_profiles.datatypes import truncate_duration
from xapi_profiles.json_text import dump_canonical_json

FINGERPRINT_CHARACTERS = 32

_SET_BY_THE_STORE = frozenset({"id", "stored", "authority", "version"})
# How orjson ends a number that may equal an integer: 1.0, or 1e+16 and above. Inside a string it only costs the slow
# way. Two patterns, because each begins with a literal, which `re` finds ten times as fast as an alternative.
_WHOLE = re.compile(rb"\.0[,\]}]")
_LARGE = re.compile(rb"e\+1[6-9][,\]}]")
# The integers that orjson can write.
_LEAST, _MOST = -(2**63), 2**64 - 1


def fingerprint(statement: dict[str, Any], key: bytes) -> str:
    """Return 32 hexadecimal characters, equal for two statements that match under `key`.

    The statement is valid (xapi_profiles has checked it); take it before the store adds a `timestamp`.
    Ignored, as the specification has it: id, stored, authority and version; verb.display; activities'
    definitions; the order of keys and of a group's members; how a timestamp is written (the instant counts); the
    case of mbox, mbox_sha1sum and UUIDs; what a duration's seconds have beyond hundredths (Data 4.6). Besides, as they
    mean the same: a single context activity and an array of it; `objectType` where it says the default; 1 and 1.0.
    Everything else counts: an agent's name, the kind of its identifier, how else a duration is written, attachments'
    metadata.
    """
    sent = {name: value for name, value in statement.items() if name not in _SET_BY_THE_STORE}
    projection = _of_statement(sent)
    content = dump_canonical_json(projection)
    if _WHOLE.search(content) or _LARGE.search(content):
        content = dump_canonical_json(_with_one_form_of_numbers(projection))
    return hashlib.blake2b(content, digest_size=FINGERPRINT_CHARACTERS // 2, key=key).hexdigest()


def _of_statement(statement: dict[str, Any]) -> dict[str, Any]:
    new = dict(statement)
    new["actor"] = _of_agent(new["actor"])
    if "display" in new["verb"]:
        new["verb"] = {name: value for name, value in new["verb"].items() if name != "display"}
    new["object"] = _of_object(new["object"])
    if "duration" in new.get("result", ()):
        new["result"] = {**new["result"], "duration": truncate_duration(new["result"]["duration"])}
    if "context" in new:
        new["context"] = _of_context(new["context"])
    if "timestamp" in new:
        new["timestamp"] = _instant(new["timestamp"])
    return new


def _of_object(target: dict[str, Any]) -> dict[str, Any]:
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        return _of_activity(target)
    if kind in ("Agent", "Group"):
        # Here "Agent" is no default: without it the object would be an activity.
        return {**_of_agent(target), "objectType": kind}
    if kind == "SubStatement":
        return _of_statement(target)
    if kind == "StatementRef":
        return _with_lower_case(target, "id")
    return target


def _of_activity(activity: dict[str, Any]) -> dict[str, Any]:
    if "definition" not in activity and "objectType" not in activity:
        return activity
    new = dict(activity)
    new.pop("definition", None)
    if new.get("objectType") == "Activity":
        del new["objectType"]
    return new


def _of_agent(agent: dict[str, Any]) -> dict[str, Any]:
    new = dict(agent)
    if "mbox" in new:
        new["mbox"] = normalise_mbox(new["mbox"])
    elif "mbox_sha1sum" in new:
        new = _with_lower_case(new, "mbox_sha1sum")
    if new.get("objectType") == "Agent":
        del new["objectType"]
    if "member" in new:
        new["member"] = sorted(
            (_of_agent(member) for member in new["member"]),
            key=dump_canonical_json,
        )
    return new


def _of_context(context: dict[str, Any]) -> dict[str, Any]:
    new = dict(context)
    if "contextActivities" in new:
        new["contextActivities"] = {
            relation: [_of_activity(activity) for activity in (found if isinstance(found, list) else [found])]
            for relation, found in new["contextActivities"].items()
        }
    if "registration" in new:
        new["registration"] = new["registration"].lower()
    if "statement" in new:
        new["statement"] = _with_lower_case(new["statement"], "id")
    for name in ("instructor", "team"):
        if name in new:
            new[name] = _of_agent(new[name])
    for name, role in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in new:
            new[name] = [{**entry, role: _of_agent(entry[role])} for entry in new[name]]
    return new


def _with_lower_case(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {**item, name: item[name].lower()}


def _instant(timestamp: str) -> str:
    try:
        moment = datetime.fromisoformat(timestamp)
        if moment.tzinfo is not UTC:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return timestamp
    return moment.isoformat()


def _with_one_form_of_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with_one_form_of_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_one_form_of_numbers(item) for item in value]
    if type(value) is float and value.is_integer() and _LEAST <= value <= _MOST:
        return int(value)
    return value
