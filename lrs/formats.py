"""The formats of GET statements other than `exact` (Communication 2.1.3, XAPI-00169 and XAPI-00171): pure functions.

`ids` leaves of agents, verbs and activities what identifies them. `canonical` gives activities the definition that
all statements together have given them, and of every language map one text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from identity.sealing import PSEUDONYM_HOME
from lrs.languages import choose_language

_IDENTIFIERS = ("objectType", "mbox", "mbox_sha1sum", "openid", "account")
_COMPONENT_LISTS = ("choices", "scale", "source", "target", "steps")
_RELATIONS = ("parent", "grouping", "category", "other")

Json = dict[str, Any]
Change = Callable[[Json], Json]


def reduce_to_ids(statement: Json) -> Json:
    """Return the statement with only identifiers of its agents, groups, verbs and activities."""
    return _change(
        statement,
        of_agent=_identify_agent,
        of_verb=lambda verb: {"id": verb["id"]},
        of_activity=lambda activity: {"id": activity["id"]},
    )


def make_canonical(statement: Json, definitions: Mapping[str, Json], languages: Sequence[str]) -> Json:
    """Return the statement with canonical definitions, and one text of each language map of verbs and activities."""

    def of_verb(verb: Json) -> Json:
        return {**verb, "display": _keep_one(verb["display"], languages)} if "display" in verb else verb

    def of_activity(activity: Json) -> Json:
        definition = definitions.get(activity["id"]) or activity.get("definition")
        return {**activity, "definition": translate_definition(definition, languages)} if definition else activity

    return _change(statement, of_agent=lambda agent: agent, of_verb=of_verb, of_activity=of_activity)


def rename_agents(statement: Json, names: Mapping[str, str]) -> Json:
    """Return the statement with pseudonyms replaced by those of `names`, in agents and groups at every place."""

    def of_agent(agent: Json) -> Json:
        account = agent.get("account")
        if isinstance(account, dict) and account.get("homePage") == PSEUDONYM_HOME and account.get("name") in names:
            agent = {**agent, "account": {**account, "name": names[account["name"]]}}
        if "member" in agent:
            agent = {**agent, "member": [of_agent(member) for member in agent["member"]]}
        return agent

    return _change(statement, of_agent=of_agent, of_verb=lambda verb: verb, of_activity=lambda activity: activity)


def merge_definitions(definitions: Iterable[Json]) -> Json:
    """Return what several definitions of one activity say together (XAPI-00254).

    A later one replaces what it names again; texts of a language map and extensions are kept one by one.
    """
    merged: Json = {}
    for definition in definitions:
        for name, value in definition.items():
            if name in ("name", "description", "extensions") and isinstance(merged.get(name), dict):
                merged[name] = {**merged[name], **value}
            else:
                merged[name] = value
    return merged


def translate_definition(definition: Json, languages: Sequence[str]) -> Json:
    """Return a definition with one text of each of its language maps."""
    translated = dict(definition)
    for name in ("name", "description"):
        if name in translated:
            translated[name] = _keep_one(translated[name], languages)
    for name in _COMPONENT_LISTS:
        if name in translated:
            translated[name] = [
                {**component, "description": _keep_one(component["description"], languages)}
                if "description" in component
                else component
                for component in translated[name]
            ]
    return translated


def list_activity_ids(statement: Json) -> list[str]:
    """Return the ids of the activities in a statement, sub-statement included."""
    found: dict[str, None] = {}

    def note(activity: Json) -> Json:
        found[activity["id"]] = None
        return activity

    _change(statement, of_agent=lambda agent: agent, of_verb=lambda verb: verb, of_activity=note)
    return list(found)


def _change(statement: Json, *, of_agent: Change, of_verb: Change, of_activity: Change) -> Json:
    """Return a copy of a statement with its agents, verbs and activities changed, at every place."""
    new = dict(statement)
    new["verb"] = of_verb(new["verb"])
    for name in ("actor", "authority"):
        if name in new:
            new[name] = of_agent(new[name])
    target = new["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        new["object"] = of_activity(target)
    elif kind in ("Agent", "Group"):
        new["object"] = of_agent(target)
    elif kind == "SubStatement":
        new["object"] = _change(target, of_agent=of_agent, of_verb=of_verb, of_activity=of_activity)
    if "context" in new:
        new["context"] = _change_context(new["context"], of_agent, of_activity)
    return new


def _change_context(context: Json, of_agent: Change, of_activity: Change) -> Json:
    new = dict(context)
    for name in ("instructor", "team"):
        if name in new:
            new[name] = of_agent(new[name])
    for name, role in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in new:
            new[name] = [{**entry, role: of_agent(entry[role])} for entry in new[name]]
    if "contextActivities" in new:
        related = dict(new["contextActivities"])
        for relation in _RELATIONS:
            found = related.get(relation)
            if isinstance(found, list):
                related[relation] = [of_activity(activity) for activity in found]
            elif found is not None:
                related[relation] = of_activity(found)
        new["contextActivities"] = related
    return new


def _identify_agent(agent: Json) -> Json:
    """Return what identifies an agent or group: of a group without identifier, its members'."""
    reduced = {name: agent[name] for name in _IDENTIFIERS if name in agent}
    if "member" in agent and reduced.keys() <= {"objectType"}:
        reduced["member"] = [_identify_agent(member) for member in agent["member"]]
    return reduced


def _keep_one(texts: Mapping[str, str], languages: Sequence[str]) -> dict[str, str]:
    tag = choose_language(texts, languages)
    return {} if tag is None else {tag: texts[tag]}
