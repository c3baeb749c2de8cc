"""What of a statement a person is shown who asks what is held on them: all that is about them, and nobody else.

The right of access is not a way to read about others. So the originals of that person alone are put back, everybody
else goes by a name made up for this one export, and where the person is only named beside what somebody else did, what
came of it for that one is left out.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from identity.pseudonyms import PSEUDONYM_CHARACTERS, identify
from identity.sealing import PSEUDONYM_HOME, restore
from xapi_profiles.json_text import parse_json

OTHERS_HOME: Final = "https://w3id.org/jalon/others"
"""The home page of the accounts that stand for other people, in one export and nowhere else."""

_ROLES: Final = ("actor", "object")
_OF_THE_OTHER: Final = ("result", "attachments")


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement as the person is shown it. `alone`: nobody else is in it but who recorded it."""

    statement: dict[str, Any]
    is_theirs: bool
    alone: bool


def show(
    stored: str, sealed: str, learner_keys: Mapping[str, bytes], own: AbstractSet[str], alias: Callable[[str], str]
) -> Shown | None:
    """Return a stored statement as the person with the pseudonyms `own` is shown it.

    None when none of their originals in it can be opened: then nobody can tell any more that it is about them.
    """
    pseudonymised = parse_json(stored.encode())
    opened = restore(pseudonymised, sealed, learner_keys)
    if opened == pseudonymised:
        return None
    is_theirs = _is_about(pseudonymised, own)
    body = {name: value for name, value in pseudonymised.items() if name != "authority"}
    alone = _list_pseudonyms(body) <= own
    statement = opened if is_theirs else _leave_out(opened)
    return Shown(hide_others(statement, own, alias), is_theirs, alone)


def hide_others(value: Any, own: AbstractSet[str], alias: Callable[[str], str]) -> Any:  # noqa: ANN401 (any JSON)
    """Return JSON in which every pseudonym but the person's own is another name."""
    if isinstance(value, list):
        return [hide_others(one, own, alias) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("homePage") == PSEUDONYM_HOME and isinstance(value.get("name"), str) and value["name"] not in own:
        return {**value, "homePage": OTHERS_HOME, "name": alias(value["name"])}
    return {name: hide_others(one, own, alias) for name, one in value.items()}


def make_alias(key: bytes) -> Callable[[str], str]:
    """Return what makes up names: the same for the same pseudonym, and for nobody to undo without the key."""
    return lambda name: hmac.digest(key, name.encode(), "sha256").hex()[:PSEUDONYM_CHARACTERS]


def names_one_of(value: object, own: AbstractSet[str], names_of: Callable[[dict[str, Any]], Iterable[str]]) -> bool:
    """Whether an agent anywhere in some JSON is the person; `names_of` gives an agent's pseudonyms."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            if identify(one) is not None and not own.isdisjoint(names_of(one)):
                return True
            pending += one.values()
        elif isinstance(one, list):
            pending += one
    return False


def _is_about(statement: dict[str, Any], own: AbstractSet[str]) -> bool:
    """Whether the person did it or it was done to them, in the statement or in its sub-statement."""
    for role in _ROLES:
        target = statement[role]
        if target.get("objectType") == "SubStatement":
            if _is_about(target, own):
                return True
        elif not own.isdisjoint(_list_agents(target)):
            return True
    return False


def _list_agents(agent: dict[str, Any]) -> set[str]:
    found = {agent["account"]["name"]} if agent.get("account", {}).get("homePage") == PSEUDONYM_HOME else set()
    return found.union(*(_list_agents(member) for member in agent.get("member") or ()))


def _list_pseudonyms(value: object) -> set[str]:
    found: set[str] = set()
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            if one.get("homePage") == PSEUDONYM_HOME and isinstance(one.get("name"), str):
                found.add(one["name"])
            pending += one.values()
        elif isinstance(one, list):
            pending += one
    return found


def _leave_out(statement: dict[str, Any]) -> dict[str, Any]:
    """Return what somebody else did without what came of it for them."""
    kept = {name: value for name, value in statement.items() if name not in _OF_THE_OTHER}
    if isinstance(kept.get("context"), dict):
        kept["context"] = {name: value for name, value in kept["context"].items() if name != "extensions"}
    if kept["object"].get("objectType") == "SubStatement":
        kept["object"] = _leave_out(kept["object"])
    return kept
