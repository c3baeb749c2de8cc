"""Which documents a request names: the three resources, their parameters, and the place that these make up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lrs.callers import Caller, DocumentScope
from lrs.errors import BadRequest, Forbidden
from lrs.parameters import parse_agent, parse_agent_written, parse_instant, parse_iri, parse_uuid, read_parameters


@dataclass(frozen=True, slots=True)
class Resource:
    """One of the document resources: what it is called, and which parameters name its documents."""

    name: str
    path: str
    scope: DocumentScope
    id_parameter: str
    required: frozenset[str]
    optional: frozenset[str] = frozenset()

    @property
    def is_state(self) -> bool:
        """Whether this is the state resource, which has rules of its own."""
        return self.scope == "state"


STATE = Resource(
    name="state",
    path="activities/state",
    scope="state",
    id_parameter="stateId",
    required=frozenset({"activityId", "agent"}),
    optional=frozenset({"registration"}),
)
ACTIVITY_PROFILE = Resource(
    name="activity-profile",
    path="activities/profile",
    scope="profile",
    id_parameter="profileId",
    required=frozenset({"activityId"}),
)
AGENT_PROFILE = Resource(
    name="agent-profile",
    path="agents/profile",
    scope="profile",
    id_parameter="profileId",
    required=frozenset({"agent"}),
)
RESOURCES = (STATE, ACTIVITY_PROFILE, AGENT_PROFILE)


@dataclass(frozen=True, slots=True)
class Context:
    """Where documents of one tenant lie together. `agent` is a pseudonym; what a resource does not have is "".

    Of an identifier that had pseudonyms under several keys it is the oldest that the vault has met: a rotation of the
    tenant's key moves no document.
    """

    resource: str
    activity: str = ""
    agent: str = ""
    registration: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about: one document where there is an id, else all of the context, or those stored `since`."""

    context: Context
    id: str | None
    since: datetime | None
    versions: tuple[str, ...] = ()
    """The pseudonyms of the agent, one for each key that the tenant has had, the newest first."""
    by_pseudonym: bool = False
    """Whether the agent is named by pseudonym: the documents may tell who that is."""


def parse_asked(pairs: Iterable[tuple[str, str]], resource: Resource, method: str, caller: Caller) -> Asked:
    """Return what the parameters of a request ask for. Raises BadRequest, Forbidden."""
    reads = method in ("GET", "HEAD")
    known = {resource.id_parameter, *resource.required, *resource.optional}
    needed = set(resource.required)
    if not reads and not (method == "DELETE" and resource.is_state):
        needed.add(resource.id_parameter)
    parameters = read_parameters(pairs, known | {"since"} if reads else known, required=needed)
    document_id = parameters.get(resource.id_parameter)
    since = parameters.get("since")
    if document_id is not None and since is not None:
        raise BadRequest(
            f"since asks for a list of ids, and {resource.id_parameter} for one document: send one of them.",
            code="parameter-combination",
        )
    parse = parse_agent_written if method in ("PUT", "POST") else parse_agent
    activity, registration = (parameters.get(name) for name in ("activityId", "registration"))
    agent = parse(parameters["agent"], caller) if "agent" in parameters else None
    by_pseudonym = agent is not None and agent.is_pseudonym
    if by_pseudonym and not caller.credential.sees_identities:
        raise Forbidden(
            "Documents may tell who a pseudonym stands for: name the agent by an identifier, "
            "or use a credential that sees identities."
        )
    context = Context(
        resource.name,
        activity="" if activity is None else parse_iri("activityId", activity),
        agent="" if agent is None else agent.pseudonym,
        registration="" if registration is None else str(parse_uuid("registration", registration)),
    )
    instant = None if since is None else parse_instant("since", since)
    return Asked(context, document_id, instant, () if agent is None else agent.versions, by_pseudonym)
