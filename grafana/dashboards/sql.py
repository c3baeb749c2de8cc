"""The few SQL expressions that several panels share, so that a word such as "present" means one thing on every board.

Only macros of Grafana's ClickHouse data source are used. No query filters by tenant: the user that runs it sees one
database.
"""

# ruff: noqa: S608 (constants of this package, no value from outside)
from __future__ import annotations

# "Now" is the end of the range, or the present when the range goes on after it: a range in the past shows that instant.
MOMENT = "least($__toTime_ms, now64(3, 'UTC'))"

# A slot belongs to the range when it overlaps it.
SLOT_IN_RANGE = "starts < $__toTime_ms AND ends > $__fromTime_ms"

# Attended time has no hour of its own: it belongs to the range when its half-day of that session does. A half-day that
# was never scheduled belongs to the range in which it is first told to have been attended: as a whole, so that no
# choice of a range cuts a group in two.
ATTENDANCE_IN_RANGE = f"""(session, half_day) IN (
    SELECT session, half_day
    FROM
    (
        SELECT session, half_day, true AS scheduled, ({SLOT_IN_RANGE}) AS inside, starts AS since FROM slots
        UNION ALL
        SELECT session, half_day, false, false, timestamp FROM told_attendance
    )
    GROUP BY session, half_day
    HAVING if(max(scheduled), max(inside), $__timeFilter_ms(min(since)))
)"""

# A registration belongs to the range when its session does: as a whole, so that no choice of a range cuts a group in
# two. A session without timetable belongs to the range in which its first registration was made.
REGISTRATION_IN_RANGE = f"""(
    session IN (SELECT session FROM slots WHERE {SLOT_IN_RANGE})
    OR session IN (
        SELECT session FROM registrations WHERE session NOT IN (SELECT session FROM slots)
        GROUP BY session HAVING $__timeFilter_ms(min(registered_at))
    )
)"""

# A stay without a leave, outside any slot, is not believed for longer than half a day.
STAY_END = "ifNull(ends, addHours(starts, 12))"

# Sources are proper names: they read the same in every language.
SOURCE = """transform(
    toString(source),
    ['lrs', 'gaia', 'bigbluebutton', 'zoom', 'teams', 'magistere', 'mentor', 'pix', 'matomo'],
    ['LRS', 'GAIA', 'BigBlueButton', 'Zoom', 'Teams', 'M@gistère', 'Mentor', 'Pix', 'Matomo'],
    toString(source)
)"""

VERB = "extract(toString(verb), '([^/#]+)/?$')"


def name_or_last_word(name: str, iri: str) -> str:
    """Return the expression of a thing's display name or, where it has none, of the last word of its IRI."""
    return f"if({name} != '', {name}, decodeURLComponent(extract({iri}, '([^/#]+)/?$')))"


# What stands: not voided, or a voiding, which cannot be voided itself; and of nobody whom processing is paused for (as
# in the view `current_statements`). Where it is for nobody, no look-up is made.
STANDING = """(verb = 'http://adlnet.gov/expapi/verbs/voided' OR id NOT IN (SELECT target FROM voidings))
AND ((SELECT count() FROM persons WHERE restricted) = 0 OR id NOT IN (SELECT id FROM withheld_statements))"""

# Whom statements (named `recent`) count as, after JOIN_PERSONS.
PERSON = "if(persons.pseudonym = '', recent.actor, if(recent.stored < persons.since, persons.before, persons.person))"
JOIN_PERSONS = """ANY LEFT JOIN
(
    SELECT pseudonym, before, since, person FROM persons FINAL WHERE person != pseudonym
) AS persons ON recent.actor = persons.pseudonym"""
