"""Attendance and presence now: who is in the room and who is remote, session by session, and how long they stayed."""

# ruff: noqa: RUF001, S608 (typographic French; SQL made of constants of this package, no value from outside)
from __future__ import annotations

from typing import Any

from grafana.dashboards.language import Language, Say, speak
from grafana.dashboards.layout import Row, build_dashboard
from grafana.dashboards.panels import (
    BLUE,
    COUNT,
    GREEN,
    HALF_DAY,
    HOURS,
    ORANGE,
    SHARE,
    VIOLET,
    Column,
    Panel,
    barchart,
    heatmap,
    piechart,
    stat,
    table,
    timeseries,
)
from grafana.dashboards.sql import (
    ATTENDANCE_IN_RANGE,
    MOMENT,
    REGISTRATION_IN_RANGE,
    SLOT_IN_RANGE,
    STAY_END,
    name_or_last_word,
)

PRESENT_NOW = f"""
SELECT uniqExactIf(actor, modality = 'in-person') AS in_person, uniqExactIf(actor, modality = 'remote') AS remote
FROM presences
WHERE starts <= {MOMENT} AND {STAY_END} > {MOMENT}
"""

RUNNING_NOW = f"""
SELECT uniqExact(session) AS sessions
FROM slots
WHERE starts <= {MOMENT} AND ends > {MOMENT}
"""

REGISTERED = f"""
SELECT count() AS registered
FROM registrations
WHERE {REGISTRATION_IN_RANGE}
"""

ATTENDED_HOURS = f"""
SELECT sumIf(seconds, modality = 'in-person') / 3600 AS in_person, sumIf(seconds, modality = 'remote') / 3600 AS remote
FROM attendance
WHERE {ATTENDANCE_IN_RANGE}
"""

PRESENT_OVER_TIME = f"""
SELECT
    toDateTime(instant, 'UTC') AS time,
    uniqExactIf(actor, modality = 'in-person') AS in_person,
    uniqExactIf(actor, modality = 'remote') AS remote
FROM
(
    SELECT actor, modality, arrayJoin(range(
        toUInt32($__interval_s * ceil(
            greatest(toUnixTimestamp64Milli(starts) / 1000, toFloat64(toUnixTimestamp($__fromTime))) / $__interval_s
        )),
        least(toUInt32(ceil(toUnixTimestamp64Milli({STAY_END}) / 1000)), toUInt32(toUnixTimestamp({MOMENT}) + 1)),
        toUInt32($__interval_s)
    )) AS instant
    FROM presences
    WHERE starts <= {MOMENT} AND {STAY_END} > $__fromTime_ms
)
GROUP BY time
ORDER BY time WITH FILL
    FROM toDateTime(intDiv(toUnixTimestamp($__fromTime) + $__interval_s - 1, $__interval_s) * $__interval_s, 'UTC')
    TO toDateTime(toUnixTimestamp({MOMENT}) + 1, 'UTC')
    STEP $__interval_s
"""

RUNNING_SESSIONS = f"""
SELECT
    {name_or_last_word("running.session_name", "running.session")} AS title,
    {name_or_last_word("running.module_name", "running.module")} AS module_title,
    decodeURLComponent(extract(running.place, '([^/#]+)/?$')) AS room,
    enrolled.registered AS registered,
    present.in_person AS in_person,
    present.remote AS remote,
    if(enrolled.registered = 0, NULL, present.expected / enrolled.registered) AS rate
FROM
(
    SELECT session, any(slots.session_name) AS session_name, any(slots.module_name) AS module_name,
        any(slots.module) AS module, any(slots.place) AS place, min(slots.starts) AS since
    FROM slots
    WHERE starts <= {MOMENT} AND ends > {MOMENT}
    GROUP BY session
) AS running
LEFT JOIN
(
    SELECT session, count() AS registered FROM registrations GROUP BY session
) AS enrolled ON running.session = enrolled.session
LEFT JOIN
(
    SELECT
        session,
        uniqExactIf(actor, modality = 'in-person') AS in_person,
        uniqExactIf(actor, modality = 'remote') AS remote,
        uniqExactIf(actor, (session, actor) IN (SELECT session, actor FROM registrations)) AS expected
    FROM presences
    WHERE starts <= {MOMENT} AND {STAY_END} > {MOMENT}
    GROUP BY session
) AS present ON running.session = present.session
ORDER BY since, title
"""

RATE_BY_SESSION = f"""
SELECT
    {name_or_last_word("any(enrolled.session_name)", "session")} AS title,
    countIf((session, actor) IN (SELECT session, actor FROM attendance WHERE {ATTENDANCE_IN_RANGE})) / count() AS rate
FROM
(
    SELECT session, session_name, actor
    FROM registrations
    WHERE session IN (SELECT session FROM slots WHERE {SLOT_IN_RANGE} AND starts <= {MOMENT})
) AS enrolled
GROUP BY session
ORDER BY rate DESC, title
LIMIT 20
"""

PRESENT_BY_HALF_DAY = f"""
SELECT
    half_days.since AS time,
    {name_or_last_word("any(present.module_name)", "present.module")} AS module_title,
    uniqExact(present.actor) AS learners
FROM
(
    SELECT half_day, module, module_name, actor FROM attendance WHERE {ATTENDANCE_IN_RANGE}
) AS present
INNER JOIN
(
    SELECT half_day, min(slots.starts) AS since FROM slots GROUP BY half_day
) AS half_days ON present.half_day = half_days.half_day
GROUP BY time, present.module
ORDER BY time, module_title
"""


def build_attendance(language: Language) -> dict[str, Any]:
    """Return the dashboard of attendance and presence in one language."""
    say = speak(language)
    rows = [
        Row(4, _figures(say)),
        Row(11, [(9, _presence(say)), (15, _sessions(say))]),
        Row(13, [(10, _rates(say)), (9, _half_days(say)), (5, _shares(say))]),
    ]
    about = say("Qui est là maintenant, en salle et à distance.", "Who is there now, in the room and remotely.")
    title = say("Présence et assiduité", "Attendance and presence")
    return build_dashboard("attendance", title, about, language, rows, start="now/d", end="now/d")


def _modalities(say: Say, unit: str, decimals: int) -> list[Column]:
    return [
        Column("in_person", say("en salle", "in the room"), unit, decimals, BLUE),
        Column("remote", say("à distance", "remote"), unit, decimals, ORANGE),
    ]


def _figures(say: Say) -> list[tuple[int, Panel]]:
    present = stat(
        say("Présents maintenant", "Present now"),
        PRESENT_NOW,
        _modalities(say, COUNT, 0),
        about=say(
            "Apprenants entrés et non sortis, à la fin de la période ou à cet instant si elle n’est pas finie.",
            "Learners who came and have not left, at the end of the range, or now if the range is not over.",
        ),
    )
    running = stat(
        say("Séances en cours", "Running now"),
        RUNNING_NOW,
        [Column("sessions", say("séances", "sessions"), COUNT, 0, VIOLET)],
    )
    registered = stat(
        say("Inscriptions", "Registrations"),
        REGISTERED,
        [Column("registered", say("inscrits aux séances", "to the sessions"), COUNT, 0, GREEN)],
        about=say(
            "Inscriptions, désistements déduits, aux séances de la période.",
            "Registrations, withdrawals deducted, to the sessions of the range.",
        ),
    )
    hours = stat(
        say("Heures suivies", "Attended hours"),
        ATTENDED_HOURS,
        _modalities(say, HOURS, 1),
        about=say("Temps de présence effectif, jamais le temps prévu.", "Time really attended, never planned time."),
    )
    return [(8, present), (4, running), (4, registered), (8, hours)]


def _presence(say: Say) -> Panel:
    columns = [Column("time", say("Heure", "Time")), *_modalities(say, COUNT, 0)]
    return timeseries(say("Présents au fil du temps", "Presence over time"), PRESENT_OVER_TIME, columns, stacked=True)


def _sessions(say: Say) -> Panel:
    return table(
        say("Séances en cours", "Sessions running now"),
        RUNNING_SESSIONS,
        [
            Column("title", say("Séance", "Session")),
            Column("module_title", "Module"),
            Column("room", say("Salle", "Room"), width=130),
            Column("registered", say("Inscrits", "Registered"), COUNT, 0, width=100),
            Column("in_person", say("En salle", "In the room"), COUNT, 0, BLUE, width=105),
            Column("remote", say("À distance", "Remote"), COUNT, 0, ORANGE, width=100),
            Column("rate", say("Taux", "Rate"), SHARE, 0, GREEN, width=130, bar=True),
        ],
        about=say("Taux : part des inscrits qui sont présents.", "Rate: share of the registered who are present."),
    )


def _rates(say: Say) -> Panel:
    return barchart(
        say("Taux de présence par séance", "Attendance rate by session"),
        RATE_BY_SESSION,
        Column("title", say("Séance", "Session")),
        [Column("rate", say("Taux de présence", "Attendance rate"), SHARE, 0, GREEN)],
        most=1,
        about=say(
            "Part des inscrits venus au moins une fois, séances commencées de la période.",
            "Share of the registered who came at least once, sessions of the range that have begun.",
        ),
    )


def _half_days(say: Say) -> Panel:
    return heatmap(
        say("Présents par demi-journée et module", "Present by half-day and module"),
        PRESENT_BY_HALF_DAY,
        Column("time", say("Demi-journée", "Half-day"), HALF_DAY),
        Column("learners", say("Apprenants", "Learners"), COUNT, 0),
        label="module_title",
        least_interval="12h",
    )


def _shares(say: Say) -> Panel:
    return piechart(
        say("Heures par modalité", "Hours by modality"), ATTENDED_HOURS, _modalities(say, HOURS, 1), by_row=False
    )
