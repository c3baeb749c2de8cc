"""Pathways: what people choose, what they follow, in which order, and what they do on their own."""

# ruff: noqa: RUF001, S608 (typographic French; SQL made of constants of this package, no value from outside)
from __future__ import annotations

from typing import Any

from grafana.dashboards.language import Language, Say, speak
from grafana.dashboards.layout import Row, build_dashboard
from grafana.dashboards.panels import (
    BLUE,
    COUNT,
    GREEN,
    GREY,
    HOURS,
    ORANGE,
    VIOLET,
    Column,
    Panel,
    barchart,
    piechart,
    stat,
    table,
    timeseries,
)
from grafana.dashboards.sql import ATTENDANCE_IN_RANGE, REGISTRATION_IN_RANGE, SLOT_IN_RANGE, name_or_last_word

# One line per fact: what is planned, who is registered, who attended and for how long.
_FACTS = f"""
    SELECT 'planned' AS kind, pathway, pathway_name, session, '' AS actor, 0. AS seconds
    FROM slots WHERE {SLOT_IN_RANGE}
    UNION ALL
    SELECT 'registered', pathway, pathway_name, session, actor, 0.
    FROM registrations WHERE {REGISTRATION_IN_RANGE}
    UNION ALL
    SELECT 'attended', pathway, pathway_name, session, actor, toFloat64(seconds)
    FROM attendance WHERE {ATTENDANCE_IN_RANGE}
"""

TOTALS = f"""
SELECT
    uniqExactIf(pathway, pathway != '') AS pathways,
    uniqExact(session) AS sessions,
    uniqExactIf((session, actor), kind = 'registered') AS registered,
    uniqExactIf(actor, kind = 'attended') AS learners,
    sum(seconds) / 3600 AS hours
FROM ({_FACTS})
"""

PATHWAYS = f"""
SELECT
    {name_or_last_word("max(facts.pathway_name)", "facts.pathway")} AS title,
    uniqExact(session) AS sessions,
    uniqExactIf((session, actor), kind = 'registered') AS registered,
    uniqExactIf((session, actor), kind = 'attended') AS attended,
    sum(seconds) / 3600 AS hours
FROM ({_FACTS}) AS facts
WHERE facts.pathway != ''
GROUP BY facts.pathway
ORDER BY registered DESC, title
LIMIT 50
"""

REGISTRATIONS_BY_PATHWAY = f"""
SELECT {name_or_last_word("max(chosen.pathway_name)", "chosen.pathway")} AS title, count() AS registered
FROM (SELECT pathway, pathway_name FROM registrations WHERE pathway != '' AND {REGISTRATION_IN_RANGE}) AS chosen
GROUP BY chosen.pathway
ORDER BY registered DESC, title
LIMIT 12
"""

HOURS_BY_PATHWAY = f"""
SELECT
    {name_or_last_word("max(followed.pathway_name)", "followed.pathway")} AS title,
    sumIf(seconds, modality = 'in-person') / 3600 AS in_person,
    sumIf(seconds, modality = 'remote') / 3600 AS remote
FROM
(
    SELECT pathway, pathway_name, modality, seconds FROM attendance WHERE pathway != '' AND {ATTENDANCE_IN_RANGE}
) AS followed
GROUP BY followed.pathway
ORDER BY in_person + remote DESC, title
LIMIT 12
"""

MODULES_CHOSEN = f"""
SELECT {name_or_last_word("max(chosen.module_name)", "chosen.module")} AS title, count() AS registered
FROM (SELECT module, module_name FROM registrations WHERE module != '' AND {REGISTRATION_IN_RANGE}) AS chosen
GROUP BY chosen.module
ORDER BY registered DESC, title
LIMIT 10
"""

# Each learner's modules in the order first attended, then every module beside the one that followed it.
MODULE_FLOW = f"""
SELECT {name_or_last_word("pair.1.2", "pair.1.1")} AS origin, {name_or_last_word("pair.2.2", "pair.2.1")} AS next,
    count() AS learners
FROM
(
    SELECT arrayJoin(arrayZip(arrayPopBack(modules), arrayPopFront(modules))) AS pair
    FROM
    (
        SELECT
            followed.actor AS actor,
            arrayMap(
                visit -> (visit.2, visit.3), arraySort(groupArray((followed.since, followed.module, followed.name)))
            ) AS modules
        FROM
        (
            SELECT
                visits.actor AS actor, visits.module AS module,
                max(visits.module_name) AS name, min(visits.half_day) AS since
            FROM
            (
                SELECT actor, module, module_name, half_day FROM attendance WHERE module != '' AND {ATTENDANCE_IN_RANGE}
            ) AS visits
            GROUP BY visits.actor, visits.module
        ) AS followed
        GROUP BY followed.actor
    )
)
GROUP BY origin, next
ORDER BY learners DESC, origin, next
LIMIT 30
"""

# Self-paced: said so by the statement, or belonging to no session.
_SELF_PACED = "(modality = 'asynchronous' OR session = '')"

SELF_PACED_OVER_TIME = f"""
SELECT $__timeInterval(timestamp) AS time, uniqExact(actor) AS learners, count() AS statements
FROM current_statements
WHERE $__timeFilter_ms(timestamp) AND {_SELF_PACED}
GROUP BY time
ORDER BY time
"""

SELF_PACED_RESOURCES = f"""
SELECT
    {name_or_last_word("max(used.activity_name)", "used.activity")} AS title,
    uniqExact(actor) AS learners,
    count() AS statements
FROM
(
    SELECT activity, activity_name, actor
    FROM current_statements
    WHERE $__timeFilter_ms(timestamp) AND {_SELF_PACED}
) AS used
GROUP BY used.activity
ORDER BY learners DESC, statements DESC, title
LIMIT 15
"""


def build_pathways(language: Language) -> dict[str, Any]:
    """Return the dashboard of pathways in one language."""
    say = speak(language)
    rows = [
        Row(4, [(24, _figures(say))]),
        Row(9, [(13, _pathways(say)), (11, _registrations(say))]),
        Row(8, [(12, _hours(say)), (12, _modules(say))]),
        Row(8, [(10, _flow(say)), (7, _self_paced(say)), (7, _resources(say))]),
    ]
    about = say(
        "Ce que l’on choisit, ce que l’on suit, dans quel ordre.", "What people choose and follow, in which order."
    )
    title = say("Parcours", "Pathways")
    return build_dashboard("pathways", title, about, language, rows, start="now-30d", end="now+30d", refresh="30s")


def _figures(say: Say) -> Panel:
    return stat(
        say("Sur la période", "In the range"),
        TOTALS,
        [
            Column("pathways", say("parcours", "pathways"), COUNT, 0, VIOLET),
            Column("sessions", say("séances", "sessions"), COUNT, 0, BLUE),
            Column("registered", say("inscriptions", "registrations"), COUNT, 0, GREEN),
            Column("learners", say("apprenants venus", "learners who came"), COUNT, 0, ORANGE),
            Column("hours", say("heures suivies", "attended hours"), HOURS, 0, GREY),
        ],
        about=say(
            "Séances dont une demi-journée au moins tombe dans la période.",
            "Sessions with at least one half-day in the range.",
        ),
    )


def _pathways(say: Say) -> Panel:
    return table(
        say("Parcours", "Pathways"),
        PATHWAYS,
        [
            Column("title", say("Parcours", "Pathway")),
            Column("sessions", say("Séances", "Sessions"), COUNT, 0, width=100),
            Column("registered", say("Inscriptions", "Registrations"), COUNT, 0, width=120),
            Column("attended", say("Présences", "Attended"), COUNT, 0, width=110),
            Column("hours", say("Heures suivies", "Attended hours"), HOURS, 1, width=140),
        ],
        about=say(
            "Présences : couples séance–apprenant où l’apprenant est venu.",
            "Attended: pairs of session and learner in which the learner came.",
        ),
    )


def _registrations(say: Say) -> Panel:
    return barchart(
        say("Inscriptions par parcours", "Registrations by pathway"),
        REGISTRATIONS_BY_PATHWAY,
        Column("title", say("Parcours", "Pathway")),
        [Column("registered", say("Inscriptions", "Registrations"), COUNT, 0, GREEN)],
    )


def _hours(say: Say) -> Panel:
    return barchart(
        say("Heures suivies par parcours et modalité", "Attended hours by pathway and modality"),
        HOURS_BY_PATHWAY,
        Column("title", say("Parcours", "Pathway")),
        [
            Column("in_person", say("en salle", "in the room"), HOURS, 0, BLUE),
            Column("remote", say("à distance", "remote"), HOURS, 0, ORANGE),
        ],
        stacked=True,
    )


def _modules(say: Say) -> Panel:
    return piechart(
        say("Modules choisis", "Modules chosen"),
        MODULES_CHOSEN,
        [Column("title", "Module"), Column("registered", say("Inscriptions", "Registrations"), COUNT, 0)],
        by_row=True,
    )


def _flow(say: Say) -> Panel:
    return table(
        say("D’un module au suivant", "From one module to the next"),
        MODULE_FLOW,
        [
            Column("origin", "Module"),
            Column("next", say("Module suivant", "Next module")),
            Column("learners", say("Apprenants", "Learners"), COUNT, 0, width=110),
        ],
        about=say(
            "Modules suivis par un même apprenant, dans l’ordre de sa première présence.",
            "Modules followed by one learner, in the order of first attendance.",
        ),
    )


def _self_paced(say: Say) -> Panel:
    return timeseries(
        say("Activité en autonomie", "Self-paced activity"),
        SELF_PACED_OVER_TIME,
        [
            Column("time", say("Heure", "Time")),
            Column("learners", say("Apprenants", "Learners"), COUNT, 0, VIOLET),
            Column("statements", say("Traces", "Statements"), COUNT, 0, GREY),
        ],
        bars=True,
        least_interval="1h",
        about=say("Traces hors de toute séance.", "Statements outside any session."),
    )


def _resources(say: Say) -> Panel:
    return table(
        say("Ressources les plus utilisées", "Most used resources"),
        SELF_PACED_RESOURCES,
        [
            Column("title", say("Ressource", "Resource")),
            Column("learners", say("Apprenants", "Learners"), COUNT, 0, width=110),
            Column("statements", say("Traces", "Statements"), COUNT, 0, width=90),
        ],
    )
