"""Attendance and presence now: who is in the room and who is remote, session by session, and how long they stayed."""

# ruff: noqa: RUF001, S608 (typographic French; SQL made of constants of this package, no value from outside)
from __future__ import annotations

from typing import Any

from grafana.dashboards.disclosure import (
    BY_MODALITY,
    HOURS_BY_MODALITY,
    INSIDE,
    PRESENT_BY_MODALITY,
    add_up,
    add_up_in_steps,
    add_up_parts_in_steps,
    list_attended_half_days,
    list_registered_groups,
    step_down,
    tell_in_steps,
)
from grafana.dashboards.language import (
    Language,
    Say,
    explain_estimate,
    explain_few,
    explain_steps,
    explain_together,
    name_few,
    speak,
)
from grafana.dashboards.layout import Row, build_dashboard
from grafana.dashboards.panels import (
    ABOUT,
    AT_LEAST,
    BLUE,
    COUNT,
    GREEN,
    GREY,
    HALF_DAY,
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

_THERE = f"starts <= {MOMENT} AND {STAY_END} > {MOMENT}"
_PRESENT_BY_SESSION = f"SELECT session, {BY_MODALITY} FROM presences WHERE {_THERE} GROUP BY session"

PRESENT_NOW = f"""{INSIDE}
SELECT {PRESENT_BY_MODALITY}
FROM ({_PRESENT_BY_SESSION})
"""

RUNNING_NOW = f"""
SELECT uniqExact(session) AS sessions
FROM slots
WHERE starts <= {MOMENT} AND ends > {MOMENT}
"""

REGISTERED = f"""{INSIDE}
SELECT {add_up("learners", "learners")} AS registered
FROM ({list_registered_groups(REGISTRATION_IN_RANGE)})
"""

ATTENDED_HOURS = f"""{INSIDE}
SELECT {HOURS_BY_MODALITY}
FROM ({list_attended_half_days(ATTENDANCE_IN_RANGE)})
"""

# An instant at which nobody is there has no row, and is filled in with zeros: what is hidden is -1 until then.
PRESENT_OVER_TIME = f"""{INSIDE}
SELECT time, nullIf(room, -1) AS in_person, nullIf(online, -1) AS remote, nullIf(either, -1) AS together
FROM
(
    SELECT
        time,
        toInt64(ifNull(told.in_person, -1)) AS room,
        toInt64(ifNull(told.remote, -1)) AS online,
        toInt64(ifNull(told.together, -1)) AS either
    FROM
    (
        SELECT toDateTime(instant, 'UTC') AS time, {PRESENT_BY_MODALITY}
        FROM
        (
            SELECT instant, session, {BY_MODALITY}
            FROM
            (
                SELECT session, actor, modality, arrayJoin(range(
                    toUInt32($__interval_s * ceil(
                        greatest(toUnixTimestamp64Milli(starts) / 1000, toFloat64(toUnixTimestamp($__fromTime)))
                            / $__interval_s
                    )),
                    least(
                        toUInt32(ceil(toUnixTimestamp64Milli({STAY_END}) / 1000)),
                        toUInt32(toUnixTimestamp({MOMENT}) + 1)
                    ),
                    toUInt32($__interval_s)
                )) AS instant
                FROM presences
                WHERE starts <= {MOMENT} AND {STAY_END} > $__fromTime_ms
            )
            GROUP BY instant, session
        )
        GROUP BY time
    ) AS told
    ORDER BY time WITH FILL
        FROM toDateTime(intDiv(toUnixTimestamp($__fromTime) + $__interval_s - 1, $__interval_s) * $__interval_s, 'UTC')
        TO toDateTime(toUnixTimestamp({MOMENT}) + 1, 'UTC')
        STEP $__interval_s
)
ORDER BY time
"""

_HERE = f"(session, actor) IN (SELECT session, actor FROM presences WHERE {_THERE})"

_NOT_APART = "-1"


def _tell_apart(count: str) -> str:
    return (
        f"multiIf(present.learners = 0, 0, present.learners < k, NULL, present.apart, "
        f"toInt64({step_down(count)}), {_NOT_APART})"
    )


RUNNING_SESSIONS = f"""{INSIDE}
SELECT
    {name_or_last_word("running.session_name", "running.session")} AS title,
    {name_or_last_word("running.module_name", "running.module")} AS module_title,
    decodeURLComponent(extract(running.place, '([^/#]+)/?$')) AS room,
    if(enrolled.groups > 0 AND enrolled.learners = 0, NULL, enrolled.learners) AS registered,
    {tell_in_steps("present.learners")} AS present,
    {_tell_apart("present.in_room")} AS in_person,
    {_tell_apart("present.online")} AS remote,
    if(enrolled.learners = 0, NULL, enrolled.here / enrolled.learners) AS rate
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
    SELECT session, count() AS groups, sumIf(each.learners, each.learners >= k) AS learners,
        {add_up_parts_in_steps("each.here", "each.learners")} AS here
    FROM ({list_registered_groups("1", f", countIf({_HERE}) AS here")}) AS each
    GROUP BY session
) AS enrolled ON running.session = enrolled.session
LEFT JOIN ({_PRESENT_BY_SESSION}) AS present ON running.session = present.session
ORDER BY since, title
"""

_CAME = f"(session, actor) IN (SELECT session, actor FROM attendance WHERE {ATTENDANCE_IN_RANGE})"
_BEGUN = f"session IN (SELECT session FROM slots WHERE {SLOT_IN_RANGE} AND starts <= {MOMENT})"

RATE_BY_SESSION = f"""{INSIDE}
SELECT title, if(registered = 0, NULL, expected / registered) AS rate
FROM
(
    SELECT
        {name_or_last_word("any(enrolled.session_name)", "session")} AS title,
        sumIf(enrolled.learners, enrolled.learners >= k) AS registered,
        {add_up_parts_in_steps("enrolled.came", "enrolled.learners")} AS expected
    FROM ({list_registered_groups(_BEGUN, f", countIf({_CAME}) AS came")}) AS enrolled
    GROUP BY session
)
ORDER BY rate DESC NULLS LAST, title
LIMIT 20
"""

PRESENT_BY_HALF_DAY = f"""{INSIDE}
SELECT
    half_days.since AS time,
    {name_or_last_word("any(present.module_name)", "present.module")} AS module_title,
    {add_up_in_steps("present.learners")} AS learners
FROM
(
    SELECT half_day, session, module, any(attendance.module_name) AS module_name, uniqExact(actor) AS learners
    FROM attendance
    WHERE {ATTENDANCE_IN_RANGE}
    GROUP BY half_day, session, module
) AS present
INNER JOIN
(
    SELECT half_day, if(max(scheduled), minIf(starts, scheduled), min(starts)) AS since
    FROM
    (
        SELECT half_day, starts, true AS scheduled FROM slots
        UNION ALL
        SELECT half_day, timestamp, false FROM told_attendance
    )
    GROUP BY half_day
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


def _modalities(say: Say, unit: str) -> list[Column]:
    return [
        Column("in_person", say("en salle", "in the room"), unit, 0, BLUE, few=name_few(say)),
        Column("remote", say("à distance", "remote"), unit, 0, ORANGE, few=name_few(say)),
        Column("together", say("en salle ou à distance", "either"), unit, 0, GREY, few=name_few(say)),
    ]


def _figures(say: Say) -> list[tuple[int, Panel]]:
    present = stat(
        say("Présents maintenant", "Present now"),
        PRESENT_NOW,
        _modalities(say, AT_LEAST),
        about=say(
            "Apprenants entrés et non sortis, à la fin de la période ou à cet instant si elle n’est pas finie. ",
            "Learners who came and have not left, at the end of the range, or now if the range is not over. ",
        )
        + explain_together(say)
        + explain_steps(say),
    )
    running = stat(
        say("Séances en cours", "Running now"),
        RUNNING_NOW,
        [Column("sessions", say("séances", "sessions"), COUNT, 0, VIOLET)],
    )
    registered = stat(
        say("Inscriptions", "Registrations"),
        REGISTERED,
        [Column("registered", say("inscrits aux séances", "to the sessions"), COUNT, 0, GREEN, few=name_few(say))],
        about=say(
            "Inscriptions, désistements déduits, aux séances de la période. ",
            "Registrations, withdrawals deducted, to the sessions of the range. ",
        )
        + explain_few(say),
    )
    hours = stat(
        say("Heures suivies", "Attended hours"),
        ATTENDED_HOURS,
        _modalities(say, ABOUT),
        about=say("Temps de présence effectif, jamais le temps prévu. ", "Time really attended, never planned time. ")
        + explain_together(say)
        + explain_estimate(say)
        + explain_few(say),
    )
    return [(8, present), (4, running), (4, registered), (8, hours)]


def _presence(say: Say) -> Panel:
    columns = [Column("time", say("Heure", "Time")), *_modalities(say, AT_LEAST)]
    return timeseries(
        say("Présents au fil du temps", "Presence over time"),
        PRESENT_OVER_TIME,
        columns,
        stacked=True,
        about=explain_together(say) + explain_steps(say),
    )


def _sessions(say: Say) -> Panel:
    few, not_apart = name_few(say), {_NOT_APART: "–"}
    return table(
        say("Séances en cours", "Sessions running now"),
        RUNNING_SESSIONS,
        [
            Column("title", say("Séance", "Session")),
            Column("module_title", "Module"),
            Column("room", say("Salle", "Room"), width=130),
            Column("registered", say("Inscrits", "Registered"), COUNT, 0, width=100, few=few),
            Column("present", say("Présents", "Present"), AT_LEAST, 0, width=100, few=few),
            Column("in_person", say("En salle", "In the room"), AT_LEAST, 0, BLUE, width=105, few=few, texts=not_apart),
            Column("remote", say("À distance", "Remote"), AT_LEAST, 0, ORANGE, width=100, few=few, texts=not_apart),
            Column("rate", say("Taux, au moins", "Rate, at least"), SHARE, 0, GREEN, width=130, bar=True, few=few),
        ],
        about=say("Taux : part des inscrits qui sont présents. ", "Rate: share of the registered who are present. ")
        + say("« – » : l’un des deux groupes est trop petit. ", "“–”: one of the two groups is too small. ")
        + explain_steps(say),
    )


def _rates(say: Say) -> Panel:
    return barchart(
        say("Taux de présence par séance", "Attendance rate by session"),
        RATE_BY_SESSION,
        Column("title", say("Séance", "Session")),
        [
            Column(
                "rate",
                say("Taux de présence, au moins", "Attendance rate, at least"),
                SHARE,
                0,
                GREEN,
                few=name_few(say),
            )
        ],
        most=1,
        about=say(
            "Part des inscrits venus au moins une fois, séances commencées de la période. ",
            "Share of the registered who came at least once, sessions of the range that have begun. ",
        )
        + explain_steps(say),
    )


def _half_days(say: Say) -> Panel:
    return heatmap(
        say("Présents par demi-journée et module", "Present by half-day and module"),
        PRESENT_BY_HALF_DAY,
        Column("time", say("Demi-journée", "Half-day"), HALF_DAY),
        Column("learners", say("Apprenants", "Learners"), AT_LEAST, 0, few=name_few(say)),
        label="module_title",
        least_interval="12h",
        about=explain_steps(say),
    )


def _shares(say: Say) -> Panel:
    return piechart(
        say("Heures par modalité", "Hours by modality"),
        ATTENDED_HOURS,
        _modalities(say, ABOUT),
        by_row=False,
        about=explain_together(say) + explain_estimate(say) + explain_few(say),
    )
