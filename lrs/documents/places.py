"""Which documents a request names: the three resources, their parameters, and the place that these make up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lrs.authentication import Caller, DocumentScope
from lrs.errors import BadRequest
from lrs.parameters import parse_agent, parse_instant, parse_iri, parse_uuid, read_parameters


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
    """Where documents of one tenant lie together. `agent` is a pseudonym; what a resource does not have is ""."""

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


def parse_asked(pairs: Iterable[tuple[str, str]], resource: Resource, method: str, caller: Caller) -> Asked:
    """Return what the parameters of a request ask for. Raises BadRequest."""
    reads = method in ("GET", "HEAD")
    known = {resource.id_parameter, *resource.required, *resource.optional}
    parameters = read_parameters(pairs, known | {"since"} if reads else known)
    needed = set(resource.required)
    if not reads and not (method == "DELETE" and resource.is_state):
        needed.add(resource.id_parameter)
    missing = sorted(needed - parameters.keys())
    if missing:
        raise BadRequest(f"{method} needs the parameter {missing[0]} here.", code="parameter-missing")
    document_id = parameters.get(resource.id_parameter)
    since = parameters.get("since")
    if document_id is not None and since is not None:
        raise BadRequest(
            f"since asks for a list of ids, and {resource.id_parameter} for one document: send one of them.",
            code="parameter-combination",
        )
    activity, agent, registration = (parameters.get(name) for name in ("activityId", "agent", "registration"))
    context = Context(
        resource.name,
        activity="" if activity is None else parse_iri("activityId", activity),
        agent="" if agent is None else parse_agent(agent, caller),
        registration="" if registration is None else str(parse_uuid("registration", registration)),
    )
    return Asked(context, document_id, None if since is None else parse_instant("since", since))
