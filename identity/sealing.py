"""Replaces every agent of a statement by a pseudonym and seals the original under that learner's own key.

What comes out may be stored, indexed and shown: without the vault nothing in it says who. With the vault `restore`
puts back the very agents that came in; once a learner's key is destroyed, every copy of theirs stays noise.
Names inside extensions, activity definitions and free text are not looked at here.
"""

from __future__ import annotations

import binascii
import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity.errors import UnidentifiedAgent, VaultUnavailable
from identity.keys import NONCE_BYTES, TenantKeys
from identity.pseudonyms import PSEUDONYM_CHARACTERS, identify, pseudonym
from xapi_profiles.json_text import dump_json, parse_json

PSEUDONYM_HOME = "https://w3id.org/jalon/pseudonyms"
"""The home page of the accounts that stand for people."""

_ANONYMOUS = frozenset({"objectType", "member"})
_JOINT = ""  # stands where a pseudonym would, for what is sealed under the keys of all members of a group


@dataclass(frozen=True, slots=True)
class Sealed:
    """A statement without identities.

    `statement` is new and shares with the original what did not change. `actor` is the actor's pseudonym, "" for
    an anonymous group. `sealed` is a JSON array of [JSON pointer, pseudonym, base64 of nonce and ciphertext].
    `originals` are the pseudonyms with the agents that stood for them, as JSON in clear: for seal_agent alone.
    """

    statement: dict[str, Any]
    actor: str
    sealed: str
    originals: tuple[tuple[str, bytes], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Position:
    """One original to seal: where it stood, whose it is, and which learners' keys it is sealed under."""

    pointer: str
    owner: str
    original: bytes
    under: tuple[str, ...]


def pseudonymise(
    statements: Sequence[dict[str, Any]],
    keys: TenantKeys,
    learner_keys_of: Callable[[Iterable[str]], Mapping[str, bytes]],
) -> list[Sealed]:
    """Return the statements without identities, in order; the originals are not touched.

    `learner_keys_of` is called once with the pseudonyms of the whole batch and returns a key for each (see
    Vault.learner_keys). Statements are JSON as parse_json holds it, and valid. Raises UnidentifiedAgent for an agent
    that cannot be replaced, VaultUnavailable when a key is lacking, and whatever `learner_keys_of` raises.
    """
    replaced: list[tuple[dict[str, Any], list[_Position]]] = []
    needed: set[str] = set()
    count = 0
    for index, statement in enumerate(statements):
        replacement = _Replacement(keys, index)
        replaced.append((replacement.of_statement(statement, ""), replacement.positions))
        for position in replacement.positions:
            needed.update(position.under)
        count += len(replacement.positions)
    learner_keys = learner_keys_of(needed) if needed else {}
    if len(learner_keys) < len(needed) or not needed <= learner_keys.keys():
        raise VaultUnavailable("The vault gave no key for a learner: nothing was sealed.")
    nonces = os.urandom(NONCE_BYTES * count)
    results: list[Sealed] = []
    start = 0
    for statement, positions in replaced:
        identifier = statement.get("id", "")
        entries: list[str] = []
        for position in positions:
            nonce = nonces[start : start + NONCE_BYTES]
            start += NONCE_BYTES
            box = _cipher(_key_for(position.under, learner_keys)).encrypt(
                nonce, position.original, _binding(identifier, position.pointer)
            )
            token = binascii.b2a_base64(nonce + box, newline=False).decode()
            entries.append(f'["{position.pointer}","{position.owner}","{token}"]')
        originals = tuple((position.owner, position.original) for position in positions if position.owner != _JOINT)
        results.append(Sealed(statement, _pseudonym_of(statement.get("actor")), f"[{','.join(entries)}]", originals))
    return results


def restore(statement: dict[str, Any], sealed: str, learner_keys: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the statement with those agents put back, byte for byte, whose key is in `learner_keys`.

    Where the key is gone, or is another one made since, the pseudonym stays. A group's own name, where nothing but
    its members identifies it, needs the keys of all of them. The arguments are not touched.
    """
    identifier = statement.get("id", "")
    restored = dict(statement)
    copies: dict[str, Any] = {"": restored}
    for pointer, owner, token in orjson.loads(sealed):
        above, _, name = pointer.rpartition("/")
        parent = _copy_at(above, copies)
        place = int(name) if isinstance(parent, list) else name
        current = parent[place]
        under = _members_of(current) if owner == _JOINT else (owner,)
        original = _open(token, under, learner_keys, _binding(identifier, pointer))
        if original is None:
            continue
        if "member" in original and original["member"] is None:
            original["member"] = current["member"]  # the members follow, each under a key of their own
        parent[place] = original
    return restored


def seal_agent(name: str, original: bytes, learner_key: bytes) -> str:
    """Seal one form in which the agent of a pseudonym was named (`Sealed.originals`), as base64."""
    nonce = os.urandom(NONCE_BYTES)
    box = _cipher(learner_key).encrypt(nonce, original, _binding("agent", name))
    return binascii.b2a_base64(nonce + box, newline=False).decode()


def open_agent(name: str, sealed: str, learner_key: bytes) -> dict[str, Any] | None:
    """Return the agent that seal_agent was given, None when the key is another one made since."""
    return _open(sealed, (name,), {name: learner_key}, _binding("agent", name))


def pseudonyms_in(sealed: str) -> set[str]:
    """Return whose keys `restore` can use for this statement, to ask the vault for a page's at once."""
    return {owner for _, owner, _ in orjson.loads(sealed) if owner != _JOINT}


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

    __slots__ = ("_index", "_keys", "positions")

    def __init__(self, keys: TenantKeys, index: int) -> None:
        self._keys = keys
        self._index = index
        self.positions: list[_Position] = []

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


def _members_of(group: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({_pseudonym_of(member) for member in group["member"]}))


def _key_for(under: tuple[str, ...], learner_keys: Mapping[str, bytes]) -> bytes:
    if len(under) == 1:
        return learner_keys[under[0]]
    return hashlib.sha256(b"jalon group" + b"".join(learner_keys[name] for name in under)).digest()


def _binding(identifier: str, pointer: str) -> bytes:
    # Binds a sealed original to its statement and place, so that none can be moved to another.
    return f"{identifier}\n{pointer}".encode()


@functools.lru_cache(maxsize=50_000)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _open(
    token: str, under: tuple[str, ...], learner_keys: Mapping[str, bytes], binding: bytes
) -> dict[str, Any] | None:
    if not all(name in learner_keys for name in under):
        return None
    box = binascii.a2b_base64(token)
    try:
        plain = _cipher(_key_for(under, learner_keys)).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], binding)
    except InvalidTag:
        return None
    original: dict[str, Any] = parse_json(plain)
    return original


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
