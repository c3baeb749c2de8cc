"""Pathways: what people choose, what they follow, in which order, and what they do on their own."""

# ruff: noqa: RUF001, S608 (typographic French; SQL made of constants of this package, no value from outside)
from __future__ import annotations

from typing import Any

from grafana.dashboards.disclosure import (
    HOURS_BY_MODALITY,
    INSIDE,
    add_up,
    add_up_in_steps,
    estimate_seconds,
    list_attended_half_days,
    list_registered_groups,
    step_down,
    tell_in_steps,
    tell_statements,
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

_NOBODY = "arrayReduce('uniqExactState', emptyArrayString())"

# One line per fact: what is planned, how large the groups of the registered are, how many came and for how long.
_FACTS = f"""
    SELECT 'planned' AS kind, pathway, pathway_name, session, 0 AS learners, 0. AS seconds, 0 AS half_days,
        {_NOBODY} AS actors
    FROM slots WHERE {SLOT_IN_RANGE}
    UNION ALL
    SELECT 'registered', pathway, pathway_name, session, learners, 0., 0, {_NOBODY}
    FROM ({list_registered_groups(REGISTRATION_IN_RANGE)})
    UNION ALL
    SELECT 'attended', pathway, any(came.pathway_name), session, uniqExactMerge(came.actors),
        {estimate_seconds("came.seconds", "came.learners")}, countIf(came.learners >= k),
        uniqExactMergeState(came.actors)
    FROM ({list_attended_half_days(ATTENDANCE_IN_RANGE)}) AS came
    GROUP BY pathway, session
"""

_CAME = "kind = 'attended'"
_HOURS = f"if(countIf({_CAME}) > 0 AND sum(half_days) = 0, NULL, sum(seconds) / 3600)"
_ATTENDED = add_up_in_steps("facts.learners", _CAME)

# Somebody who came to several sessions is one learner here; nobody is counted for a session to which fewer than k came.
# Never more than the steps of the sessions add up to: of learners who came to one each, they are all that may be told.
_COUNTED = f"least(uniqExactMergeIf(facts.actors, {_CAME} AND facts.learners >= k), ifNull({_ATTENDED}, 0))"
_LEARNERS = f"if(countIf({_CAME}) > 0 AND {_COUNTED} = 0, NULL, {tell_in_steps(_COUNTED)})"

TOTALS = f"""{INSIDE}
SELECT
    uniqExactIf(pathway, pathway != '') AS pathways,
    uniqExact(session) AS sessions,
    {add_up("facts.learners", "facts.learners", "kind = 'registered'")} AS registered,
    {_LEARNERS} AS learners,
    {_HOURS} AS hours
FROM ({_FACTS}) AS facts
"""

PATHWAYS = f"""{INSIDE}
SELECT
    {name_or_last_word("max(facts.pathway_name)", "facts.pathway")} AS title,
    uniqExact(session) AS sessions,
    {add_up("learners", "learners", "kind = 'registered'")} AS registered,
    {_ATTENDED} AS attended,
    {_HOURS} AS hours
FROM ({_FACTS}) AS facts
WHERE facts.pathway != ''
GROUP BY facts.pathway
ORDER BY registered DESC NULLS LAST, title
LIMIT 50
"""

REGISTRATIONS_BY_PATHWAY = f"""{INSIDE}
SELECT {name_or_last_word("max(chosen.pathway_name)", "chosen.pathway")} AS title,
    {add_up("chosen.learners", "chosen.learners")} AS registered
FROM ({list_registered_groups(REGISTRATION_IN_RANGE)}) AS chosen
WHERE chosen.pathway != ''
GROUP BY chosen.pathway
ORDER BY registered DESC NULLS LAST, title
LIMIT 12
"""

HOURS_BY_PATHWAY = f"""{INSIDE}
SELECT
    {name_or_last_word("max(followed.pathway_name)", "followed.pathway")} AS title,
    {HOURS_BY_MODALITY}
FROM ({list_attended_half_days(ATTENDANCE_IN_RANGE)}) AS followed
WHERE followed.pathway != ''
GROUP BY followed.pathway
ORDER BY ifNull(in_person, 0) + ifNull(remote, 0) + ifNull(together, 0) DESC, title
LIMIT 12
"""

MODULES_CHOSEN = f"""{INSIDE}
SELECT {name_or_last_word("max(chosen.module_name)", "chosen.module")} AS title,
    {add_up("chosen.learners", "chosen.learners")} AS registered
FROM ({list_registered_groups(REGISTRATION_IN_RANGE)}) AS chosen
WHERE chosen.module != ''
GROUP BY chosen.module
ORDER BY registered DESC NULLS LAST, title
LIMIT 10
"""

# Each learner's modules in the order first attended, then every module beside the one that followed it.
MODULE_FLOW = f"""{INSIDE}
SELECT {name_or_last_word("pair.1.2", "pair.1.1")} AS origin, {name_or_last_word("pair.2.2", "pair.2.1")} AS next,
    {step_down("count()")} AS learners
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
HAVING count() >= k
ORDER BY learners DESC, origin, next
LIMIT 30
"""

# Self-paced: said so by the statement, or belonging to no session.
_SELF_PACED = "(modality = 'asynchronous' OR session = '')"

SELF_PACED_OVER_TIME = f"""{INSIDE}
SELECT
    $__timeInterval(timestamp) AS time,
    {tell_in_steps("uniqExact(actor)")} AS learners,
    if(uniqExact(actor) < k, NULL, {tell_statements("count()", "uniqExact(actor)")}) AS statements
FROM current_statements
WHERE $__timeFilter_ms(timestamp) AND {_SELF_PACED}
GROUP BY time
ORDER BY time
"""

SELF_PACED_RESOURCES = f"""{INSIDE}
SELECT
    {name_or_last_word("max(used.activity_name)", "used.activity")} AS title,
    {step_down("uniqExact(actor)")} AS learners,
    {tell_statements("count()", "uniqExact(actor)")} AS statements
FROM
(
    SELECT activity, activity_name, actor
    FROM current_statements
    WHERE $__timeFilter_ms(timestamp) AND {_SELF_PACED}
) AS used
GROUP BY used.activity
HAVING uniqExact(actor) >= k
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
    few = name_few(say)
    return stat(
        say("Sur la période", "In the range"),
        TOTALS,
        [
            Column("pathways", say("parcours", "pathways"), COUNT, 0, VIOLET),
            Column("sessions", say("séances", "sessions"), COUNT, 0, BLUE),
            Column("registered", say("inscriptions", "registrations"), COUNT, 0, GREEN, few=few),
            Column("learners", say("apprenants venus", "learners who came"), AT_LEAST, 0, ORANGE, few=few),
            Column("hours", say("heures suivies", "attended hours"), ABOUT, 0, GREY, few=few),
        ],
        about=say(
            "Séances dont une demi-journée au moins tombe dans la période. ",
            "Sessions with at least one half-day in the range. ",
        )
        + explain_estimate(say)
        + explain_steps(say),
    )


def _pathways(say: Say) -> Panel:
    few = name_few(say)
    return table(
        say("Parcours", "Pathways"),
        PATHWAYS,
        [
            Column("title", say("Parcours", "Pathway")),
            Column("sessions", say("Séances", "Sessions"), COUNT, 0, width=100),
            Column("registered", say("Inscriptions", "Registrations"), COUNT, 0, width=120, few=few),
            Column("attended", say("Présences", "Attended"), AT_LEAST, 0, width=110, few=few),
            Column("hours", say("Heures suivies", "Attended hours"), ABOUT, 0, width=140, few=few),
        ],
        about=say(
            "Présences : couples séance–apprenant où l’apprenant est venu. ",
            "Attended: pairs of session and learner in which the learner came. ",
        )
        + explain_estimate(say)
        + explain_steps(say),
    )


def _registrations(say: Say) -> Panel:
    return barchart(
        say("Inscriptions par parcours", "Registrations by pathway"),
        REGISTRATIONS_BY_PATHWAY,
        Column("title", say("Parcours", "Pathway")),
        [Column("registered", say("Inscriptions", "Registrations"), COUNT, 0, GREEN, few=name_few(say))],
        about=explain_few(say),
    )


def _hours(say: Say) -> Panel:
    few = name_few(say)
    return barchart(
        say("Heures suivies par parcours et modalité", "Attended hours by pathway and modality"),
        HOURS_BY_PATHWAY,
        Column("title", say("Parcours", "Pathway")),
        [
            Column("in_person", say("en salle", "in the room"), ABOUT, 0, BLUE, few=few),
            Column("remote", say("à distance", "remote"), ABOUT, 0, ORANGE, few=few),
            Column("together", say("en salle ou à distance", "either"), ABOUT, 0, GREY, few=few),
        ],
        stacked=True,
        about=explain_together(say) + explain_estimate(say) + explain_few(say),
    )


def _modules(say: Say) -> Panel:
    return piechart(
        say("Modules choisis", "Modules chosen"),
        MODULES_CHOSEN,
        [
            Column("title", "Module"),
            Column("registered", say("Inscriptions", "Registrations"), COUNT, 0, few=name_few(say)),
        ],
        by_row=True,
        about=explain_few(say),
    )


def _flow(say: Say) -> Panel:
    return table(
        say("D’un module au suivant", "From one module to the next"),
        MODULE_FLOW,
        [
            Column("origin", "Module"),
            Column("next", say("Module suivant", "Next module")),
            Column("learners", say("Apprenants", "Learners"), AT_LEAST, 0, width=110),
        ],
        about=say(
            "Modules suivis par un même apprenant, dans l’ordre de sa première présence. ",
            "Modules followed by one learner, in the order of first attendance. ",
        )
        + explain_steps(say),
    )


def _self_paced(say: Say) -> Panel:
    few = name_few(say)
    return timeseries(
        say("Activité en autonomie", "Self-paced activity"),
        SELF_PACED_OVER_TIME,
        [
            Column("time", say("Heure", "Time")),
            Column("learners", say("Apprenants", "Learners"), AT_LEAST, 0, VIOLET, few=few),
            Column("statements", say("Traces", "Statements"), AT_LEAST, 0, GREY, few=few),
        ],
        bars=True,
        least_interval="1h",
        about=say("Traces hors de toute séance. ", "Statements outside any session. ") + explain_steps(say),
    )


def _resources(say: Say) -> Panel:
    return table(
        say("Ressources les plus utilisées", "Most used resources"),
        SELF_PACED_RESOURCES,
        [
            Column("title", say("Ressource", "Resource")),
            Column("learners", say("Apprenants", "Learners"), AT_LEAST, 0, width=110),
            Column("statements", say("Traces", "Statements"), AT_LEAST, 0, width=90),
        ],
        about=explain_steps(say),
    )
