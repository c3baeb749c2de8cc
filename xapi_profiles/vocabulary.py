"""The IRIs that statements are made of, so that no other module spells one out.

Plain strings, because an IRI is most often a key or a value of a statement's JSON and orjson refuses keys
of any other type. `docs/vocabulary.md` says what ours mean and which form our statements have.
"""

from __future__ import annotations

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
    COMMENTED: Final = _ADL + "verbs/commented"
    EXPERIENCED: Final = _ADL + "verbs/experienced"
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

    EVENT: Final = _STREAMS + "event"
    PLACE: Final = _STREAMS + "place"
    BADGE: Final = _STREAMS + "badge"
    ORGANIZATION: Final = _STREAMS + "organization"

    VIRTUAL_CLASSROOM: Final = _W3ID + "virtual-classroom/activity-types/virtual-classroom"
    CAMERA: Final = _W3ID + "virtual-classroom/activity-types/camera"
    MICRO: Final = _W3ID + "virtual-classroom/activity-types/micro"
    SCREEN: Final = _W3ID + "virtual-classroom/activity-types/screen"

    FACE_TO_FACE_DISCUSSION: Final = _W3ID + "acrossx/activities/face-to-face-discussion"
    WEBPAGE: Final = _W3ID + "acrossx/activities/webpage"
    E_BOOK: Final = _W3ID + "acrossx/activities/e-book"
    LEARNING_PLAN: Final = _W3ID + "acrossx/activities/learning-plan"

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


class Category:
    """Activities that a statement carries in `contextActivities.category` to say which profile it follows."""

    VIDEO: Final = _W3ID + "video"
    VIRTUAL_CLASSROOM: Final = _W3ID + "virtual-classroom"
    LMS: Final = _W3ID + "lms"
    CMI5: Final = _W3ID + "cmi5/context/categories/cmi5"
    CMI5_MOVE_ON: Final = _W3ID + "cmi5/context/categories/moveon"
    TRAINING: Final = JALON + "profiles/training/v1.0"


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


VERB_ALIASES: Final = MappingProxyType(
    {
        **{
            _STREAMS + "schema/1.0/" + name: _STREAMS + name
            for name in (
                "schedule",
                "join",
                "leave",
                "checkin",
                "cancel",
                "start",
                "share",
                "unshare",
                "submit",
            )
        },
        _W3ID + "tla/verbs/scheduled": Verb.SCHEDULE,
    }
)
"""Other spellings in circulation -> the spelling used here."""


def canonical_verb(iri: str) -> str:
    """Return the spelling of a verb's IRI used here: `iri` itself unless it is a known alias."""
    return VERB_ALIASES.get(iri, iri)
