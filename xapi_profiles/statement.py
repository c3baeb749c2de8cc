"""The data model of a statement, one typed dictionary per object of the specification.

The types only *describe*: they are read by pydantic to validate, and by mypy, and a statement stays the very
dictionary that was parsed, so nothing is coerced, reordered or dumped anew. Typed dictionaries rather than
model classes because "absent" and "null" differ in xAPI, and because validating them builds no objects.

What depends on more than one property is in rules.py. 1.0.3 and 2.0.0 differ in the classes whose name ends
in 1 or 2: 2.0.0 adds contextAgents and contextGroups, and asks for RFC 3339 timestamps.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, with_config
from typing_extensions import TypedDict

from xapi_profiles import datatypes

STRICT: Final = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
TAG: Final = "\x00"
"""First character of the union tags, so that they are told apart from keys in an error's location."""

Iri = Annotated[str, AfterValidator(datatypes.check_iri)]
Uri = Annotated[str, AfterValidator(datatypes.check_uri)]
Mbox = Annotated[str, AfterValidator(datatypes.check_mbox)]
Sha1 = Annotated[str, AfterValidator(datatypes.check_sha1)]
Sha2 = Annotated[str, AfterValidator(datatypes.check_sha2)]
Uuid = Annotated[str, AfterValidator(datatypes.check_uuid)]
MediaType = Annotated[str, AfterValidator(datatypes.check_media_type)]
LanguageTag = Annotated[str, AfterValidator(datatypes.check_language_tag)]
Duration = Annotated[str, AfterValidator(datatypes.check_duration)]
Timestamp1 = Annotated[str, AfterValidator(datatypes.check_timestamp)]
Timestamp2 = Annotated[str, AfterValidator(datatypes.check_rfc3339_timestamp)]
Version1 = Annotated[str, Field(pattern=r"^1\.0(\.[0-9]+)?$")]
Version2 = Annotated[str, Field(pattern=r"^(1\.0(\.[0-9]+)?|2\.0\.[0-9]+)$")]
Number = Annotated[float, Field(allow_inf_nan=False)]

LanguageMap = dict[LanguageTag, str]
Extensions = Annotated[dict[Iri, Any], AfterValidator(datatypes.check_extensions)]


def _tag_of(default: str) -> Discriminator:
    """Choose a member of a union by objectType; what has none, or is no object at all, is a `default`."""

    def tag(value: object) -> str:
        kind = value.get("objectType", default) if isinstance(value, dict) else default
        return f"{TAG}{kind}"

    return Discriminator(tag, custom_error_type="object_type", custom_error_message="unknown objectType")


@with_config(STRICT)
class Account(TypedDict):
    """A user account on a system (2.4.2.4)."""

    homePage: Iri
    name: str


@with_config(STRICT)
class _Identified(TypedDict, total=False):
    name: str
    mbox: Mbox
    mbox_sha1sum: Sha1
    openid: Uri
    account: Account


@with_config(STRICT)
class Agent(_Identified, total=False):
    """A person or a system (2.4.2.1)."""

    objectType: Literal["Agent"]


@with_config(STRICT)
class Group(_Identified, total=False):
    """A collection of agents, identified or not (2.4.2.2)."""

    objectType: Required[Literal["Group"]]
    member: list[Agent]


Actor = Annotated[
    Annotated[Agent, Tag(TAG + "Agent")] | Annotated[Group, Tag(TAG + "Group")],
    _tag_of("Agent"),
]


@with_config(STRICT)
class Verb(TypedDict, total=False):
    """The action taken (2.4.3)."""

    id: Required[Iri]
    display: LanguageMap


@with_config(STRICT)
class InteractionComponent(TypedDict, total=False):
    """One choice, step, source... of an interaction (2.4.4.1)."""

    id: Required[str]
    description: LanguageMap


@with_config(STRICT)
class ActivityDefinition(TypedDict, total=False):
    """What an activity is, interactions included (2.4.4.1)."""

    name: LanguageMap
    description: LanguageMap
    type: Iri
    moreInfo: Iri
    extensions: Extensions
    interactionType: Literal[
        "true-false",
        "choice",
        "fill-in",
        "long-fill-in",
        "matching",
        "performance",
        "sequencing",
        "likert",
        "numeric",
        "other",
    ]
    correctResponsesPattern: list[str]
    choices: list[InteractionComponent]
    scale: list[InteractionComponent]
    source: list[InteractionComponent]
    target: list[InteractionComponent]
    steps: list[InteractionComponent]


@with_config(STRICT)
class Activity(TypedDict, total=False):
    """What was interacted with (2.4.4.1)."""

    objectType: Literal["Activity"]
    id: Required[Iri]
    definition: ActivityDefinition


@with_config(STRICT)
class StatementRef(TypedDict):
    """A pointer to another statement, present or not (2.4.4.3)."""

    objectType: Literal["StatementRef"]
    id: Uuid


@with_config(STRICT)
class Score(TypedDict, total=False):
    """The outcome of a graded activity (2.4.5.1)."""

    scaled: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
    raw: Number
    min: Number
    max: Number


@with_config(STRICT)
class Result(TypedDict, total=False):
    """A measured outcome (2.4.5)."""

    score: Score
    success: bool
    completion: bool
    response: str
    duration: Duration
    extensions: Extensions


def _one_or_many(value: object) -> str:
    return TAG + ("many" if isinstance(value, list) else "one")


Activities = Annotated[
    Annotated[Activity, Tag(TAG + "one")] | Annotated[list[Activity], Tag(TAG + "many")],
    Discriminator(_one_or_many),
]


@with_config(STRICT)
class ContextActivities(TypedDict, total=False):
    """The activities that a statement is related to (2.4.6.2)."""

    parent: Activities
    grouping: Activities
    category: Activities
    other: Activities


@with_config(STRICT)
class Context1(TypedDict, total=False):
    """What gives a statement more meaning (2.4.6)."""

    registration: Uuid
    instructor: Actor
    team: Group
    contextActivities: ContextActivities
    revision: str
    platform: str
    language: LanguageTag
    statement: StatementRef
    extensions: Extensions


RelevantTypes = Annotated[list[Iri], Field(min_length=1)]


@with_config(STRICT)
class ContextAgent(TypedDict, total=False):
    """An agent related to a statement, and in which capacity (2.0.0)."""

    objectType: Required[Literal["contextAgent"]]
    agent: Required[Agent]
    relevantTypes: RelevantTypes


@with_config(STRICT)
class ContextGroup(TypedDict, total=False):
    """A group related to a statement, and in which capacity (2.0.0)."""

    objectType: Required[Literal["contextGroup"]]
    group: Required[Group]
    relevantTypes: RelevantTypes


@with_config(STRICT)
class Context2(Context1, total=False):
    """What gives a statement more meaning, with the agents and groups that 2.0.0 adds."""

    contextAgents: list[ContextAgent]
    contextGroups: list[ContextGroup]


@with_config(STRICT)
class Attachment(TypedDict, total=False):
    """The description of a file that belongs to a statement (2.4.11)."""

    usageType: Required[Iri]
    display: Required[LanguageMap]
    description: LanguageMap
    contentType: Required[MediaType]
    length: Required[Annotated[int, Field(ge=0)]]
    sha2: Required[Sha2]
    fileUrl: Iri


SubObject = Annotated[
    Annotated[Activity, Tag(TAG + "Activity")]
    | Annotated[Agent, Tag(TAG + "Agent")]
    | Annotated[Group, Tag(TAG + "Group")]
    | Annotated[StatementRef, Tag(TAG + "StatementRef")],
    _tag_of("Activity"),
]


@with_config(STRICT)
class _Body(TypedDict, total=False):
    actor: Required[Actor]
    verb: Required[Verb]
    result: Result
    attachments: list[Attachment]


@with_config(STRICT)
class SubStatement1(_Body, total=False):
    """A statement as the object of another, without what a store would add (2.4.4.3)."""

    objectType: Required[Literal["SubStatement"]]
    object: Required[SubObject]
    context: Context1
    timestamp: Timestamp1


@with_config(STRICT)
class SubStatement2(_Body, total=False):
    """A sub-statement under the rules of 2.0.0."""

    objectType: Required[Literal["SubStatement"]]
    object: Required[SubObject]
    context: Context2
    timestamp: Timestamp2


@with_config(STRICT)
class _Stored(_Body, total=False):
    id: Uuid
    authority: Actor


@with_config(STRICT)
class Statement1(_Stored, total=False):
    """A statement under the rules of 1.0.3 (2.4)."""

    object: Required[
        Annotated[
            Annotated[Activity, Tag(TAG + "Activity")]
            | Annotated[Agent, Tag(TAG + "Agent")]
            | Annotated[Group, Tag(TAG + "Group")]
            | Annotated[StatementRef, Tag(TAG + "StatementRef")]
            | Annotated[SubStatement1, Tag(TAG + "SubStatement")],
            _tag_of("Activity"),
        ]
    ]
    context: Context1
    timestamp: Timestamp1
    stored: Timestamp1
    version: Version1


@with_config(STRICT)
class Statement2(_Stored, total=False):
    """A statement under the rules of 2.0.0."""

    object: Required[
        Annotated[
            Annotated[Activity, Tag(TAG + "Activity")]
            | Annotated[Agent, Tag(TAG + "Agent")]
            | Annotated[Group, Tag(TAG + "Group")]
            | Annotated[StatementRef, Tag(TAG + "StatementRef")]
            | Annotated[SubStatement2, Tag(TAG + "SubStatement")],
            _tag_of("Activity"),
        ]
    ]
    context: Context2
    timestamp: Timestamp2
    stored: Timestamp2
    version: Version2


PROPERTY_NAMES: Final = frozenset(
    name
    for kind in (
        Account,
        Agent,
        Group,
        Verb,
        InteractionComponent,
        ActivityDefinition,
        Activity,
        StatementRef,
        Score,
        Result,
        ContextActivities,
        ContextAgent,
        ContextGroup,
        Context2,
        Attachment,
        SubStatement2,
        Statement2,
    )
    for name in kind.__annotations__
)
"""Every property that the specification names: any other key in a statement is its sender's own."""
