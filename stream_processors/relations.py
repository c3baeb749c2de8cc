"""What a statement is about: the agents and activities at every place of it, and the statement that it refers to.

From these come the terms it is found by, following the filters of GET statements (Communication 2.1.3), and the
definitions that activities are given. Pure: statements are read after pseudonymisation, so agents are pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from clickhouse.terms import name_term
from identity.hiding import hide_iri
from identity.keys import TenantKeys
from identity.sealing import name_authority

_RELATIONS = ("parent", "grouping", "category", "other")


def list_terms(statement: dict[str, Any], keys: TenantKeys) -> list[int]:
    """Return the terms that a pseudonymised, completed statement is found by, each once.

    Verbs and activities have the term of the IRI that would stand for theirs, whether or not the tenant's policy hid
    it: so a query finds both kinds with one term.
    """
    target = statement["object"]
    terms = [name_term("every"), name_term("verb", hide_iri(statement["verb"]["id"], keys))]
    agents = dict.fromkeys(list_subjects(statement))
    if target.get("objectType", "Activity") == "Activity":
        terms.append(name_term("activity", hide_iri(target["id"], keys)))
    terms += [name_term("agent", name) for name in agents]
    terms.append(name_term("authority", name_authority(statement["authority"])))
    authorities = dict.fromkeys(_agents_in(statement["authority"]))
    related = {**agents, **authorities, **dict.fromkeys(_related_agents(statement))}
    terms += [name_term("related-agent", name) for name in related]
    activities = dict.fromkeys(activity["id"] for activity in list_activities(statement))
    terms += [name_term("related-activity", hide_iri(name, keys)) for name in activities]
    registration = (statement.get("context") or {}).get("registration")
    if registration is not None:
        terms.append(name_term("registration", registration.lower()))
    if contents := dict.fromkeys(_list_contents(statement)):
        terms.append(name_term("attachment"))
        terms += [name_term("attachment", sha2) for sha2 in contents]
    return terms


def list_subjects(statement: dict[str, Any]) -> Iterator[str]:
    """Yield the pseudonyms of whom a pseudonymised statement is by or about: its actor and object, with members."""
    yield from _agents_in(statement["actor"])
    target = statement["object"]
    if target.get("objectType") in ("Agent", "Group"):
        yield from _agents_in(target)


def list_activities(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the activities of a statement: its object, those of its context, and of a sub-statement the same."""
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        yield target
    elif kind == "SubStatement":
        yield from list_activities(target)
    related = (statement.get("context") or {}).get("contextActivities") or {}
    for relation in _RELATIONS:
        found = related.get(relation)
        if isinstance(found, list):
            yield from found
        elif found is not None:
            yield found


def find_reference(statement: dict[str, Any]) -> UUID | None:
    """Return the id of the statement that is this one's object, None when its object is something else."""
    target = statement["object"]
    return UUID(target["id"]) if target.get("objectType") == "StatementRef" else None


def _list_contents(statement: dict[str, Any]) -> Iterator[str]:
    """Yield the hashes of a statement's attachments and of its sub-statement's."""
    for attachment in statement.get("attachments") or ():
        yield attachment["sha2"].lower()
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        yield from _list_contents(target)


def _related_agents(statement: dict[str, Any]) -> Iterator[str]:
    """Yield who is an agent anywhere in a statement or its sub-statement (`related_agents`), some more than once."""
    yield from _agents_in(statement["actor"])
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    if kind in ("Agent", "Group"):
        yield from _agents_in(target)
    elif kind == "SubStatement":
        yield from _related_agents(target)
    context = statement.get("context") or {}
    for name in ("instructor", "team"):
        if name in context:
            yield from _agents_in(context[name])
    for name, role in (("contextAgents", "agent"), ("contextGroups", "group")):
        for entry in context.get(name) or ():
            yield from _agents_in(entry[role])


def _agents_in(agent: dict[str, Any]) -> Iterator[str]:
    """Yield the pseudonyms of an agent or group and of its members."""
    if "account" in agent:
        yield agent["account"]["name"]
    for member in agent.get("member") or ():
        yield member["account"]["name"]
