"""Replaces every agent of a statement by a pseudonym and seals the original under that learner's own key.

What comes out may be stored, indexed and shown: without the vault nothing in it says who. With the vault `restore`
puts back the very agents that came in; once a learner's key is destroyed, every copy of theirs stays noise.
What the tenant's policy does not keep of the rest (identity/redaction.py) is sealed under the actor's key, and under
that of whom else it names: it is gone with the first of them erased.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from identity.boxes import bind, join_keys, open_box, seal_box
from identity.errors import UnidentifiedAgent, VaultUnavailable
from identity.keys import NONCE_BYTES, TenantKeys
from identity.policy import Policy
from identity.pseudonyms import PSEUDONYM_CHARACTERS, identify, older_pseudonyms, pseudonym
from identity.redaction import redact
from identity.redaction_mentions import list_mentions, may_hold
from identity.redaction_patches import Patch, put_back
from identity.redaction_places import Tell
from xapi_profiles.json_text import dump_json

PSEUDONYM_HOME = "https://w3id.org/jalon/pseudonyms"
"""The home page of the accounts that stand for people."""

_AND: Final = "+"  # between the pseudonyms of those whose keys it takes together
_DEFAULT: Final = Policy()
_ANONYMOUS = frozenset({"objectType", "member"})
_JOINT = ""  # stands where a pseudonym would, for what is sealed under the keys of all members of a group


@dataclass(frozen=True, slots=True)
class Sealed:
    """A statement without identities.

    `statement` is new and shares with the original what did not change; `text` is its JSON, and `redacted` tells
    whether anything but agents was taken out. `shown` is the same with all put back that was sealed but the agents:
    `statement` itself where no definition is among that. `actor` is the actor's pseudonym, "" for an anonymous group.
    `sealed` is a JSON array of [JSON pointer, pseudonym, base64 of nonce and ciphertext]; what was taken out beside the
    agents stands at the pointer "", under pseudonyms joined by "+". `originals` are the pseudonyms with the agents that
    stood for them, as JSON in clear: for seal_agent alone.
    """

    statement: dict[str, Any]
    text: str
    redacted: bool
    actor: str
    sealed: str
    shown: dict[str, Any] = field(repr=False)
    originals: tuple[tuple[str, bytes], ...] = field(repr=False)

    @property
    def owners(self) -> tuple[str, ...]:
        """The pseudonyms under whose keys together may be sealed what was taken out beside the agents."""
        found = (owner for pointer, owner, _ in orjson.loads(self.sealed) if not pointer)
        return tuple(sorted({name for owner in found for name in owner.split(_AND)})) or (self.actor,)


@dataclass(frozen=True, slots=True)
class _Position:
    """One original to seal: where it stood, whose it is, and which learners' keys it is sealed under."""

    pointer: str
    owner: str
    original: bytes
    under: tuple[str, ...]


class _Redacted(NamedTuple):
    """What Sealed says of a statement under the same names."""

    statement: dict[str, Any]
    shown: dict[str, Any]
    text: str
    redacted: bool


def pseudonymise(
    statements: Sequence[dict[str, Any]],
    keys: TenantKeys,
    learner_keys_of: Callable[[Mapping[str, Sequence[str]]], Mapping[str, bytes]],
    policy: Policy = _DEFAULT,
    rename: Callable[[int, tuple[str, ...]], str] | None = None,
) -> list[Sealed]:
    """Return the statements without identities, in order, as the policy has them; the originals are not touched.

    `learner_keys_of` is called once with the pseudonyms of the whole batch, each with those of the same identifier
    under the tenant's older keys, and returns a key for each (see Vault.learner_keys). `rename`, if given, returns
    which pseudonym is to stand, in the statement at that place of the batch, for an identifier that has these, the
    newest first (see Erased.name). Statements are JSON as parse_json holds it, and valid. Raises UnidentifiedAgent for
    an agent that cannot be replaced, VaultUnavailable when a key is lacking, and whatever `learner_keys_of` raises.
    """
    replaced: list[tuple[_Redacted, list[_Position]]] = []
    needed: dict[str, tuple[str, ...]] = {}
    count = 0
    for index, statement in enumerate(statements):
        replacement = _Replacement(keys, index, rename)
        pseudonymous = replacement.of_statement(statement, "")
        replaced.append((_redact(pseudonymous, replacement.positions, policy, keys), replacement.positions))
        needed.update(replacement.names)
        count += len(replacement.positions)
    learner_keys = learner_keys_of(needed) if needed else {}
    if len(learner_keys) < len(needed) or not needed.keys() <= learner_keys.keys():
        raise VaultUnavailable("The vault gave no key for a learner: nothing was sealed.")
    nonces = os.urandom(NONCE_BYTES * count)
    results: list[Sealed] = []
    start = 0
    for (statement, shown, text, redacted), positions in replaced:
        identifier = statement.get("id", "")
        entries: list[str] = []
        for position in positions:
            nonce = nonces[start : start + NONCE_BYTES]
            start += NONCE_BYTES
            key = join_keys(position.under, learner_keys)
            token = seal_box(position.original, key, bind(identifier, position.pointer), nonce)
            entries.append(f'["{position.pointer}","{position.owner}","{token}"]')
        originals = tuple(
            (position.owner, position.original)
            for position in positions
            if position.owner != _JOINT and position.pointer
        )
        actor = _pseudonym_of(statement.get("actor"))
        results.append(Sealed(statement, text, redacted, actor, f"[{','.join(entries)}]", shown, originals))
    return results


def try_policy(statement: dict[str, Any], keys: TenantKeys, policy: Policy, tell: Tell) -> None:
    """Tell what a policy would do with a statement that has its identities (see redact); nothing is sealed."""
    replacement = _Replacement(keys, 0)
    _redact(replacement.of_statement(statement, ""), replacement.positions, policy, keys, tell)


def _redact(
    statement: dict[str, Any],
    positions: list[_Position],
    policy: Policy,
    keys: TenantKeys,
    tell: Tell | None = None,
) -> _Redacted:
    """Return the statement as the policy has it; adds to the positions what there is to seal."""
    mentions = list_mentions((position.pointer, position.owner, position.original) for position in positions)
    text = dump_json(statement).decode()
    redacted, patches = redact(statement, policy, keys, mentions if may_hold(text, mentions) else (), tell)
    if redacted is statement:
        return _Redacted(statement, statement, text, redacted=False)
    by_owner: dict[tuple[str, ...], list[Patch]] = {}
    actor = set(_owners_of(statement["actor"]))
    for patch in patches:
        by_owner.setdefault(tuple(sorted(actor | patch.about)), []).append(patch)
    for under, theirs in by_owner.items():
        original = dump_json([[patch.path, patch.original, patch.is_key] for patch in theirs])
        positions.append(_Position("", _AND.join(under), original, under))
    shown = redacted
    if any("definition" in patch.path for patch in patches):
        shown = dict(redacted)
        put_back(shown, patches)
    return _Redacted(redacted, shown, dump_json(redacted).decode(), redacted=True)


def restore(statement: dict[str, Any], sealed: str, learner_keys: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the statement with that put back, byte for byte, whose key is in `learner_keys`.

    Where the key is gone, or is another one made since, the pseudonym stays, and so does what the policy put there.
    A group's own name, where nothing but its members identifies it, needs the keys of all of them.
    The arguments are not touched.
    """
    identifier = statement.get("id", "")
    restored = dict(statement)
    copies: dict[str, Any] = {"": restored}
    patches: list[tuple[list[str | int], Any, bool]] = []
    for pointer, owner, token in orjson.loads(sealed):
        if not pointer:
            patches += open_box(token, tuple(owner.split(_AND)), learner_keys, bind(identifier, pointer)) or ()
            continue
        above, _, name = pointer.rpartition("/")
        parent = _copy_at(above, copies)
        place = int(name) if isinstance(parent, list) else name
        current = parent[place]
        under = _members_of(current) if owner == _JOINT else (owner,)
        original = open_box(token, under, learner_keys, bind(identifier, pointer))
        if original is None:
            continue
        if "member" in original and original["member"] is None:
            original["member"] = current["member"]  # the members follow, each under a key of their own
        parent[place] = original
    put_back(restored, patches)
    return restored


def seal_agent(name: str, original: bytes, learner_key: bytes) -> str:
    """Seal one form in which the agent of a pseudonym was named (`Sealed.originals`), as base64."""
    return seal_box(original, learner_key, bind("agent", name), os.urandom(NONCE_BYTES))


def open_agent(name: str, sealed: str, learner_key: bytes) -> dict[str, Any] | None:
    """Return the agent that seal_agent was given, None when the key is another one made since."""
    agent: dict[str, Any] | None = open_box(sealed, (name,), {name: learner_key}, bind("agent", name))
    return agent


def seal_definition(activity: str, original: bytes, owners: Sequence[str], learner_keys: Mapping[str, bytes]) -> str:
    """Seal what a policy took out of an activity's definition, under the keys of all its owners together."""
    key = join_keys(owners, learner_keys)
    token = seal_box(original, key, bind("definition", activity), os.urandom(NONCE_BYTES))
    return orjson.dumps([_AND.join(owners), token]).decode()


def list_owners(sealed: str) -> list[str]:
    """Return whose keys open_definition needs."""
    owners: list[str] = orjson.loads(sealed)[0].split(_AND)
    return owners


def open_definition(activity: str, sealed: str, learner_keys: Mapping[str, bytes]) -> dict[str, Any] | None:
    """Return the definition that seal_definition was given, None when a key is gone or another one made since."""
    owners, token = orjson.loads(sealed)
    found: dict[str, Any] | None = open_box(
        token, tuple(owners.split(_AND)), learner_keys, bind("definition", activity)
    )
    return found


def find_persons(statement: dict[str, Any], keys: TenantKeys) -> list[tuple[str, tuple[str, ...]]]:
    """Return whom a statement names and where: JSON pointers, each with an identifier's pseudonyms, newest first.

    Raises UnidentifiedAgent.
    """
    replacement = _Replacement(keys, 0)
    replacement.of_statement(statement, "")
    return [
        (position.pointer, (position.owner, *replacement.names[position.owner]))
        for position in replacement.positions
        if position.owner != _JOINT
    ]


def pseudonyms_in(sealed: str) -> set[str]:
    """Return whose keys `restore` can use for this statement, to ask the vault for a page's at once."""
    return {name for _, owner, _ in orjson.loads(sealed) if owner != _JOINT for name in owner.split(_AND)}


def replace_authority(authority: dict[str, Any], keys: TenantKeys) -> dict[str, Any]:
    """Return an authority as it stands in a statement without identities. Raises UnidentifiedAgent."""
    statement: dict[str, Any] = _Replacement(keys, 0).of_statement({"authority": authority}, "")
    replaced: dict[str, Any] = statement["authority"]
    return replaced


def name_authority(authority: Mapping[str, Any]) -> str:
    """Return how an authority without identities is called in the store: 32 hexadecimal characters.

    An agent's pseudonym; for an application that acted for a user (a group of both) a digest of both pseudonyms, so
    that what one user wrote through an application is not taken for another's.
    """
    if "account" in authority:
        name: str = authority["account"]["name"]
        return name
    members = " ".join(member["account"]["name"] for member in authority["member"])
    return hashlib.sha256(members.encode()).hexdigest()[:PSEUDONYM_CHARACTERS]


class _Replacement:
    """Walks one statement and collects what there is to seal."""

    __slots__ = ("_index", "_keys", "_rename", "names", "positions")

    def __init__(
        self, keys: TenantKeys, index: int, rename: Callable[[int, tuple[str, ...]], str] | None = None
    ) -> None:
        self._keys = keys
        self._index = index
        self._rename = rename
        self.positions: list[_Position] = []
        self.names: dict[str, tuple[str, ...]] = {}
        """Every pseudonym given, with those of the same identifier under older keys."""

    def of_statement(self, statement: dict[str, Any], pointer: str) -> dict[str, Any]:
        new = dict(statement)
        for name in ("actor", "authority"):
            if name in statement:
                new[name] = self._of_agent(statement[name], f"{pointer}/{name}")
        target = statement.get("object")
        if isinstance(target, dict):
            kind = target.get("objectType")
            if kind in ("Agent", "Group"):
                new["object"] = self._of_agent(target, f"{pointer}/object")
            elif kind == "SubStatement":
                new["object"] = self.of_statement(target, f"{pointer}/object")
        context = statement.get("context")
        if isinstance(context, dict):
            new["context"] = self._of_context(context, f"{pointer}/context")
        return new

    def _of_context(self, context: dict[str, Any], pointer: str) -> dict[str, Any]:
        new = context
        for name in ("instructor", "team"):
            if name in context:
                new = {**new, name: self._of_agent(context[name], f"{pointer}/{name}")}
        for name, role in (("contextAgents", "agent"), ("contextGroups", "group")):
            if name in context:
                entries = [
                    {**entry, role: self._of_agent(entry.get(role), f"{pointer}/{name}/{place}/{role}")}
                    for place, entry in enumerate(context[name])
                ]
                new = {**new, name: entries}
        return new

    def _of_agent(self, agent: object, pointer: str) -> dict[str, Any]:
        if not isinstance(agent, dict):
            raise UnidentifiedAgent(self._index, pointer)
        if agent.get("objectType") == "Group" and "member" in agent:
            return self._of_group(agent, pointer)
        return self._of_one(agent, pointer)

    def _of_one(self, agent: dict[str, Any], pointer: str) -> dict[str, Any]:
        identifier = identify(agent)
        if identifier is None:
            raise UnidentifiedAgent(self._index, pointer)
        name = pseudonym(self._keys, identifier)
        older = older_pseudonyms(self._keys, identifier) if self._keys.older else ()
        if self._rename is not None and (renamed := self._rename(self._index, (name, *older))) != name:
            name, older = renamed, ()
        self.names[name] = older
        self.positions.append(_Position(pointer, name, dump_json(agent), (name,)))
        return _account(name, "Group" if agent.get("objectType") == "Group" else "Agent")

    def _of_group(self, group: dict[str, Any], pointer: str) -> dict[str, Any]:
        members = group["member"]
        if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
            raise UnidentifiedAgent(self._index, f"{pointer}/member")
        # The group is sealed without its members: they are sealed one by one, under keys of their own, so that
        # erasing one of them reaches this copy too.
        shell = {**group, "member": None}
        if identify(group) is not None:
            new = self._of_one(shell, pointer)
            new["member"] = self._of_members(members, pointer)
            return new
        if group.keys() <= _ANONYMOUS:
            return {**group, "member": self._of_members(members, pointer)}
        # Its name may name any of them: it opens with all their keys together, and is gone with the first erased.
        place = len(self.positions)
        new_members = self._of_members(members, pointer)
        new = {"objectType": "Group", "member": new_members}
        under = _members_of(new)
        if not under:
            raise UnidentifiedAgent(self._index, pointer)
        self.positions.insert(place, _Position(pointer, _JOINT, dump_json(shell), under))
        return new

    def _of_members(self, members: list[dict[str, Any]], pointer: str) -> list[dict[str, Any]]:
        return [self._of_one(member, f"{pointer}/member/{place}") for place, member in enumerate(members)]


def _account(name: str, kind: str) -> dict[str, Any]:
    return {"objectType": kind, "account": {"homePage": PSEUDONYM_HOME, "name": name}}


def _pseudonym_of(replaced: object) -> str:
    if not isinstance(replaced, dict) or "account" not in replaced:
        return ""
    name: str = replaced["account"]["name"]
    return name


def _owners_of(replaced: dict[str, Any]) -> tuple[str, ...]:
    return _members_of(replaced) if "account" not in replaced else (_pseudonym_of(replaced),)


def _members_of(group: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({_pseudonym_of(member) for member in group["member"]}))


def _copy_at(pointer: str, copies: dict[str, Any]) -> Any:  # noqa: ANN401 (an object or a list)
    node = copies.get(pointer)
    if node is None:
        above, _, name = pointer.rpartition("/")
        parent = _copy_at(above, copies)
        place = int(name) if isinstance(parent, list) else name
        node = parent[place].copy()
        parent[place] = node
        copies[pointer] = node
    return node
