"""The IRIs that statements are made of, so that no other module spells one out.

Plain strings, because an IRI is most often a key or a value of a statement's JSON and orjson refuses keys
of any other type. `docs/vocabulary.md` says what ours mean and which form our statements have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

JALON: Final = "https://w3id.org/jalon/xapi/"

_ADL = "http://adlnet.gov/expapi/"
_STREAMS = "http://activitystrea.ms/"
_TINCAN = "http://id.tincanapi.com/"
_W3ID = "https://w3id.org/xapi/"
_FRENCH = "http://vocab.xapi.fr/"
_JISC = "http://xapi.jisc.ac.uk/"


class Verb:
    """Verbs, by the vocabulary that defines them."""

    ATTENDED: Final = _ADL + "verbs/attended"
    REGISTERED: Final = _ADL + "verbs/registered"
    INITIALIZED: Final = _ADL + "verbs/initialized"
    TERMINATED: Final = _ADL + "verbs/terminated"
    COMPLETED: Final = _ADL + "verbs/completed"
    PASSED: Final = _ADL + "verbs/passed"
    FAILED: Final = _ADL + "verbs/failed"
    SCORED: Final = _ADL + "verbs/scored"
    ANSWERED: Final = _ADL + "verbs/answered"
    ASKED: Final = _ADL + "verbs/asked"
    COMMENTED: Final = _ADL + "verbs/commented"
    EXPERIENCED: Final = _ADL + "verbs/experienced"
    INTERACTED: Final = _ADL + "verbs/interacted"
    LAUNCHED: Final = _ADL + "verbs/launched"
    PROGRESSED: Final = _ADL + "verbs/progressed"
    VOIDED: Final = _ADL + "verbs/voided"

    SCHEDULE: Final = _STREAMS + "schedule"
    JOIN: Final = _STREAMS + "join"
    LEAVE: Final = _STREAMS + "leave"
    CHECKIN: Final = _STREAMS + "checkin"
    CANCEL: Final = _STREAMS + "cancel"
    START: Final = _STREAMS + "start"
    SHARE: Final = _STREAMS + "share"
    UNSHARE: Final = _STREAMS + "unshare"
    SUBMIT: Final = _STREAMS + "submit"

    UNREGISTERED: Final = _TINCAN + "verb/unregistered"
    RATED: Final = _TINCAN + "verb/rated"
    VIEWED: Final = _TINCAN + "verb/viewed"
    EARNED: Final = _TINCAN + "verb/earned"
    DOWNLOADED: Final = _TINCAN + "verb/downloaded"

    EVALUATED: Final = _W3ID + "acrossx/verbs/evaluated"
    POSTED: Final = _W3ID + "acrossx/verbs/posted"
    EDITED: Final = _W3ID + "acrossx/verbs/edited"
    SEARCHED: Final = _W3ID + "acrossx/verbs/searched"
    ACCESSED: Final = _W3ID + "netc/verbs/accessed"
    UPLOADED: Final = _W3ID + "netc/verbs/uploaded"
    LOGGED_IN: Final = _W3ID + "adl/verbs/logged-in"
    LOGGED_OUT: Final = _W3ID + "adl/verbs/logged-out"
    SATISFIED: Final = _W3ID + "adl/verbs/satisfied"
    WAIVED: Final = _W3ID + "adl/verbs/waived"
    ABANDONED: Final = _W3ID + "adl/verbs/abandoned"
    PLAYED: Final = _W3ID + "video/verbs/played"
    PAUSED: Final = _W3ID + "video/verbs/paused"
    SEEKED: Final = _W3ID + "video/verbs/seeked"
    STOPPED: Final = _W3ID + "virtual-classroom/verbs/stopped"
    REACTED: Final = _W3ID + "virtual-classroom/verbs/reacted"
    UNREACTED: Final = _W3ID + "virtual-classroom/verbs/unreacted"
    CREATED: Final = _W3ID + "dod-isd/verbs/created"

    NAVIGATED_IN: Final = _FRENCH + "verbs/navigated-in"

    TAUGHT: Final = JALON + "verbs/taught"


class ActivityType:
    """Types of activities, by the vocabulary that defines them."""

    COURSE: Final = _ADL + "activities/course"
    MODULE: Final = _ADL + "activities/module"
    LESSON: Final = _ADL + "activities/lesson"
    ASSESSMENT: Final = _ADL + "activities/assessment"
    INTERACTION: Final = _ADL + "activities/cmi.interaction"
    MEETING: Final = _ADL + "activities/meeting"
    FILE: Final = _ADL + "activities/file"
    LINK: Final = _ADL + "activities/link"
    PROFILE: Final = _ADL + "activities/profile"
    OBJECTIVE: Final = _ADL + "activities/objective"

    EVENT: Final = _STREAMS + "event"
    PLACE: Final = _STREAMS + "place"
    BADGE: Final = _STREAMS + "badge"
    ORGANIZATION: Final = _STREAMS + "organization"

    VIRTUAL_CLASSROOM: Final = _W3ID + "virtual-classroom/activity-types/virtual-classroom"
    CAMERA: Final = _W3ID + "virtual-classroom/activity-types/camera"
    MICRO: Final = _W3ID + "virtual-classroom/activity-types/micro"
    SCREEN: Final = _W3ID + "virtual-classroom/activity-types/screen"

    VIDEO: Final = _W3ID + "video/activity-type/video"
    CMI5_BLOCK: Final = _W3ID + "cmi5/activitytype/block"

    FACE_TO_FACE_DISCUSSION: Final = _W3ID + "acrossx/activities/face-to-face-discussion"
    WEBPAGE: Final = _W3ID + "acrossx/activities/webpage"
    E_BOOK: Final = _W3ID + "acrossx/activities/e-book"
    LEARNING_PLAN: Final = _W3ID + "acrossx/activities/learning-plan"
    MESSAGE: Final = _W3ID + "acrossx/activities/message"

    TRAINING_PROGRAM: Final = _FRENCH + "activities/training-program"
    TRAINING_MODULE: Final = _FRENCH + "activities/training-module"
    TRAINING_PHASE: Final = _FRENCH + "activities/training-phase"
    TRAINING_SEQUENCE: Final = _FRENCH + "activities/training-sequence"
    FACE_TO_FACE: Final = _FRENCH + "activities/face-to-face"
    LIVE_SESSION: Final = _FRENCH + "activities/live-session"
    SURVEY: Final = _FRENCH + "activities/survey"
    QUIZ: Final = _FRENCH + "activities/quiz"

    WEBINAR: Final = _TINCAN + "activitytype/webinar"
    LMS: Final = _TINCAN + "activitytype/lms"
    SECTION: Final = _TINCAN + "activitytype/section"
    DISCUSSION: Final = _TINCAN + "activitytype/discussion"
    DOCUMENT: Final = _TINCAN + "activitytype/document"
    RESOURCE: Final = _TINCAN + "activitytype/resource"

    # The types that the institution's own activities have in our statements.
    SESSION: Final = EVENT
    PATHWAY: Final = TRAINING_PROGRAM
    ROOM: Final = PLACE


class Extension:
    """Keys of extensions: those of public vocabularies, and ours where none exists."""

    PLANNED_START_TIME: Final = _TINCAN + "extension/planned-start-time"
    PLANNED_DURATION: Final = _TINCAN + "extension/planned-duration"
    LOCATION: Final = _TINCAN + "extension/location"
    TRAINING_PROVIDER: Final = _TINCAN + "extension/training-provider"
    QUALITY_RATING: Final = _TINCAN + "extension/quality-rating"

    CMI5_SESSION_ID: Final = _W3ID + "cmi5/context/extensions/sessionid"
    PROGRESS: Final = _W3ID + "cmi5/result/extensions/progress"
    STARTING_DATE: Final = _W3ID + "lms/extensions/starting-date"
    ENDING_DATE: Final = _W3ID + "lms/extensions/ending-date"
    ROLE: Final = _W3ID + "lms/extensions/role"
    SUBREGISTRATION: Final = _W3ID + "profiles/extensions/subregistration"

    VIDEO_TIME: Final = _W3ID + "video/extensions/time"
    VIDEO_TIME_FROM: Final = _W3ID + "video/extensions/time-from"
    VIDEO_TIME_TO: Final = _W3ID + "video/extensions/time-to"
    VIDEO_PROGRESS: Final = _W3ID + "video/extensions/progress"
    VIDEO_PLAYED_SEGMENTS: Final = _W3ID + "video/extensions/played-segments"
    VIDEO_LENGTH: Final = _W3ID + "video/extensions/length"
    VIDEO_SESSION_ID: Final = _W3ID + "video/extensions/session-id"

    ATTENDANCE_LATE: Final = _JISC + "attendance_late"
    ATTENDANCE_CATEGORY: Final = _JISC + "attendance_category"
    EVENT_MANDATORY: Final = _JISC + "event_mandatory"

    MODALITY: Final = JALON + "extensions/modality"
    ROOM: Final = JALON + "extensions/room"
    ORG_UNIT: Final = JALON + "extensions/org-unit"
    CORPS: Final = JALON + "extensions/corps"
    HALF_DAY: Final = JALON + "extensions/half-day"
    EVIDENCE: Final = JALON + "extensions/evidence"
    CONNECTION: Final = JALON + "extensions/connection"
    BOOKING: Final = JALON + "extensions/booking"
    CAPACITY: Final = JALON + "extensions/capacity"
    ROOM_KIND: Final = JALON + "extensions/room-kind"


class Category:
    """Activities that a statement carries in `contextActivities.category` to say which profile it follows."""

    VIDEO: Final = _W3ID + "video"
    VIRTUAL_CLASSROOM: Final = _W3ID + "virtual-classroom"
    LMS: Final = _W3ID + "lms"
    CMI5: Final = _W3ID + "cmi5/context/categories/cmi5"
    CMI5_MOVE_ON: Final = _W3ID + "cmi5/context/categories/moveon"
    TRAINING: Final = JALON + "profiles/training/v1.0"
    VIRTUAL_CLASSROOM_PROFILE: Final = JALON + "profiles/virtual-classroom/v1.0"
    SURVEYS: Final = JALON + "profiles/surveys/v1.0"
    RESOURCES: Final = JALON + "profiles/resources/v1.0"
    ROOMS: Final = JALON + "profiles/rooms/v1.0"
    ASSESSMENTS: Final = JALON + "profiles/assessments/v1.0"


class Modality(StrEnum):
    """How a session is planned, or how somebody took part: the value of `Extension.MODALITY`.

    HYBRID only makes sense for a session: a person is in the room or remote at any one time.
    """

    IN_PERSON = "in-person"
    REMOTE = "remote"
    HYBRID = "hybrid"
    ASYNCHRONOUS = "asynchronous"


class Evidence(StrEnum):
    """What an `attended` statement is founded on: the value of `Extension.EVIDENCE`."""

    CONNECTION = "connection"
    CHECK_IN = "check-in"
    SIGN_IN_SHEET = "sign-in-sheet"
    DECLARED = "declared"


def _respell(bases: Iterable[str], names: Iterable[str], canonical: str) -> dict[str, str]:
    return {base + name: canonical + name for name in names for base in bases}


_STREAMS_1 = _STREAMS + "schema/1.0/"
_EDLM = "https://xapi.edlm/profiles/edlm-lms/concepts/"
_OTHER_ADL = ("https://adlnet.gov/expapi/", "http://www.adlnet.gov/expapi/", "https://www.adlnet.gov/expapi/")

VERB_ALIASES: Final = MappingProxyType(
    {
        # The address that Activity Streams 1.0 gave its words, as Moodle's plugin and many older tools write it.
        **_respell(
            (_STREAMS_1,),
            ("schedule", "join", "leave", "checkin", "cancel", "start", "share", "unshare", "submit"),
            _STREAMS,
        ),
        # ADL's host with https or www.
        **_respell(
            [base + "verbs/" for base in _OTHER_ADL],
            (
                "attended",
                "registered",
                "initialized",
                "terminated",
                "completed",
                "passed",
                "failed",
                "scored",
                "answered",
                "asked",
                "commented",
                "experienced",
                "interacted",
                "launched",
                "progressed",
                "voided",
            ),
            _ADL + "verbs/",
        ),
        # Words of Activity Streams for which another vocabulary's is used here (most are declared exact matches).
        **{
            base + name: verb
            for base in (_STREAMS, _STREAMS_1)
            for name, verb in {
                "access": Verb.ACCESSED,
                "attend": Verb.ATTENDED,
                "complete": Verb.COMPLETED,
                "create": Verb.CREATED,
                "experience": Verb.EXPERIENCED,
                "interact": Verb.INTERACTED,
                "play": Verb.PLAYED,
                "satisfy": Verb.SATISFIED,
                "search": Verb.SEARCHED,
                "terminate": Verb.TERMINATED,
            }.items()
        },
        _ADL + "verbs/shared": Verb.SHARE,
        _ADL + "verbs/unregistered": Verb.UNREGISTERED,
        _TINCAN + "verb/paused": Verb.PAUSED,
        "http://specification.openbadges.org/xapi/verbs/earned": Verb.EARNED,
        _W3ID + "dod-isd/verbs/edited": Verb.EDITED,
        _W3ID + "tla/verbs/registered": Verb.REGISTERED,
        _W3ID + "tla/verbs/scheduled": Verb.SCHEDULE,
        _W3ID + "tla/verbs/scored": Verb.SCORED,
        # Coming and going on a platform, as Moodle's plugin has written it over the years.
        _EDLM + "verbs/enrolled": Verb.REGISTERED,
        _EDLM + "verbs/login": Verb.LOGGED_IN,
        _EDLM + "verbs/logout": Verb.LOGGED_OUT,
        "https://brindlewaye.com/xAPITerms/verbs/loggedin": Verb.LOGGED_IN,
        "https://brindlewaye.com/xAPITerms/verbs/loggedin/": Verb.LOGGED_IN,
        "https://brindlewaye.com/xAPITerms/verbs/loggedout": Verb.LOGGED_OUT,
        "https://brindlewaye.com/xAPITerms/verbs/loggedout/": Verb.LOGGED_OUT,
    }
)
"""Other spellings of verbs in circulation -> the spelling used here. No target is itself an alias."""

TYPE_ALIASES: Final = MappingProxyType(
    {
        **_respell((_STREAMS_1,), ("event", "place", "badge", "organization"), _STREAMS),
        **_respell(
            [base + "activities/" for base in _OTHER_ADL],
            ("course", "module", "lesson", "assessment", "cmi.interaction", "meeting", "file", "link", "profile"),
            _ADL + "activities/",
        ),
        _STREAMS + "file": ActivityType.FILE,
        _STREAMS_1 + "file": ActivityType.FILE,
        _STREAMS + "video": ActivityType.VIDEO,
        _STREAMS_1 + "video": ActivityType.VIDEO,
        _W3ID + "acrossx/activities/video": ActivityType.VIDEO,
        _TINCAN + "activitytype/video": ActivityType.VIDEO,
        # cmi5 declares its course an exact match of ADL's; Moodle's plugin writes it for any course.
        _W3ID + "cmi5/activitytype/course": ActivityType.COURSE,
        _W3ID + "cmi5/activities/course": ActivityType.COURSE,
        "http://lrs.learninglocker.net/define/type/moodle/course": ActivityType.COURSE,
        _TINCAN + "activitytype/lms/module": ActivityType.MODULE,
        _TINCAN + "activitytype/lms/program": ActivityType.TRAINING_PROGRAM,
        _TINCAN + "activitytype/survey": ActivityType.SURVEY,
        _TINCAN + "activitytype/chat-message": ActivityType.MESSAGE,
        _EDLM + "activity-types/badge": ActivityType.BADGE,
        _FRENCH + "activities/web-page": ActivityType.WEBPAGE,
        _FRENCH + "activities/web-link": ActivityType.LINK,
    }
)
"""Other spellings of types of activities in circulation -> the spelling used here. No target is itself an alias."""


def canonical_verb(iri: str) -> str:
    """Return the spelling of a verb's IRI used here: `iri` itself unless it is a known alias."""
    return VERB_ALIASES.get(iri, iri)


def canonical_type(iri: str) -> str:
    """Return the spelling of an activity type's IRI used here: `iri` itself unless it is a known alias."""
    return TYPE_ALIASES.get(iri, iri)


def list_spellings(iris: Iterable[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Return some verbs' or types' IRIs in every spelling that is known; `aliases` are those of verbs or of types."""
    meant = {aliases.get(iri, iri) for iri in iris}
    return (*sorted(meant), *sorted(alias for alias, iri in aliases.items() if iri in meant))
