"""Live activity: is anything coming in, from where, how fresh is it, and is every statement accounted for?

What is told exactly here is about systems: how many statements a source sent, and when. Who watches over them has to
see one statement that came, or did not. Of learners, and of what they do, this board tells groups only.
"""

# ruff: noqa: RUF001, S608 (typographic French; SQL made of constants of this package, no value from outside)
from __future__ import annotations

from typing import Any

from grafana.dashboards.disclosure import INSIDE, tell_in_steps, tell_statements
from grafana.dashboards.language import Language, explain_steps, name_expectations, name_few, name_verbs, speak
from grafana.dashboards.layout import Row, build_dashboard
from grafana.dashboards.panels import (
    AT_LEAST,
    BLUE,
    COUNT,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SECONDS,
    VIOLET,
    Column,
    barchart,
    heatmap,
    piechart,
    stat,
    table,
    timeseries,
)
from grafana.dashboards.panels import (
    MOMENT as MOMENT_UNIT,
)
from grafana.dashboards.sql import JOIN_PERSONS, MOMENT, PERSON, SOURCE, STANDING, VERB

# PREWHERE picks the range before FINAL settles two copies of an id. Copies come from a race between partitions, moments
# apart, so both lie in the range, and the cost is that of the range instead of that of the whole table.
TOTALS = f"""{INSIDE}
SELECT
    count() AS statements,
    {tell_in_steps(f"uniqExactIf({PERSON}, recent.actor != '')")} AS learners,
    uniqExact(source) AS sources
FROM
(
    SELECT actor, stored, source FROM statements FINAL
    PREWHERE $__timeFilter_ms(stored)
    WHERE {STANDING}
) AS recent
{JOIN_PERSONS}
"""

FRESHNESS = f"""
SELECT if(count() = 0, NULL, greatest(0, dateDiff('millisecond', max(stored), {MOMENT}) / 1000)) AS age
FROM statements
WHERE stored <= $__toTime_ms
"""

DEAD_LETTERS = """
SELECT count() AS dead
FROM dead_letters FINAL
WHERE $__timeFilter_ms(at)
"""

PER_MINUTE = f"""
SELECT $__timeInterval(stored) AS time, {SOURCE} AS origin, count() * 60 / $__interval_s AS statements
FROM statements FINAL
PREWHERE $__timeFilter_ms(stored)
WHERE {STANDING}
GROUP BY time, origin
ORDER BY time, origin
"""

BY_SOURCE = f"""
SELECT {SOURCE} AS origin, count() AS statements
FROM statements FINAL
PREWHERE $__timeFilter_ms(stored)
WHERE {STANDING}
GROUP BY origin
ORDER BY statements DESC, origin
"""

# What fewer than k learners did in a session is left out; what no learner did (a session is scheduled) is not. To check
# in and to join are one word: apart, they would tell who is in the room and who is remote where that may not be told.
_DEED = f"if({VERB} IN ('checkin', 'join'), 'arrive', {VERB})"

BY_VERB = f"""{INSIDE}
SELECT word, sum(if(learners = 0, amount, {tell_statements("amount", "learners")})) AS statements
FROM
(
    SELECT word, session, count() AS amount, uniqExactIf({PERSON}, recent.actor != '') AS learners
    FROM
    (
        SELECT {_DEED} AS word, session, actor, stored FROM statements FINAL
        PREWHERE $__timeFilter_ms(stored)
        WHERE {STANDING}
    ) AS recent
    {JOIN_PERSONS}
    GROUP BY word, session
    HAVING learners = 0 OR learners >= k
)
GROUP BY word
ORDER BY statements DESC, word
LIMIT 10
"""

BY_SOURCE_AND_TIME = f"""
SELECT $__timeInterval(stored) AS time, {SOURCE} AS origin, count() AS statements
FROM statements FINAL
PREWHERE $__timeFilter_ms(stored)
WHERE {STANDING}
GROUP BY time, origin
ORDER BY time, origin
"""

# The latest of each source, not the latest statements: these are one person's each.
LATEST_BY_SOURCE = f"""
SELECT
    {SOURCE} AS origin,
    max(stored) AS latest,
    greatest(0, dateDiff('millisecond', latest, {MOMENT}) / 1000) AS age,
    count() AS statements
FROM statements FINAL
PREWHERE $__timeFilter_ms(stored)
WHERE {STANDING}
GROUP BY origin
ORDER BY latest DESC, origin
"""

# What was stored before statements were checked is not counted.
CONFORMANCE = f"""
SELECT
    {SOURCE} AS origin,
    countIf(conformance = 'conformant') AS conformant,
    countIf(conformance = 'nonconformant') AS nonconformant,
    countIf(conformance = 'unclaimed') AS unclaimed
FROM statements FINAL
PREWHERE $__timeFilter_ms(stored)
WHERE conformance != '' AND {STANDING}
GROUP BY origin
ORDER BY count() DESC, origin
"""

# A template says what somebody did: what fewer than k learners did so in a session is left out, as by verb, and the
# moment is no closer than the hour.
FAILED_RULES = f"""{INSIDE}
SELECT
    {SOURCE} AS origin,
    concat(
        extract(template, '([^/#]+)/?$'), if(template = '', '', ' · '), extract(profile, '([^/]+/[^/#]+)/?$')
    ) AS form,
    replaceRegexpAll(extract(failed_rule, '^(.*): expected '), '[a-z]+://[^\\x27"]*[/#]', '…/') AS place,
    extract(failed_rule, '^.*: (expected .*)$') AS problem,
    sum(if(learners = 0, amount, {tell_statements("amount", "learners")})) AS statements,
    toStartOfHour(max(last)) AS latest
FROM
(
    SELECT
        source, profile, template, failed_rule, session,
        count() AS amount, uniqExactIf({PERSON}, recent.actor != '') AS learners, max(recent.stored) AS last
    FROM
    (
        SELECT source, profile, template, failed_rule, session, actor, stored FROM statements FINAL
        PREWHERE $__timeFilter_ms(stored)
        WHERE conformance = 'nonconformant' AND {STANDING}
    ) AS recent
    {JOIN_PERSONS}
    GROUP BY source, profile, template, failed_rule, session
    HAVING learners = 0 OR learners >= k
)
GROUP BY source, profile, template, failed_rule
ORDER BY statements DESC, origin, form, place, problem
LIMIT 20
"""

LEDGER = f"""
SELECT
    {SOURCE} AS origin,
    sum(accepted) AS total_accepted,
    sum(ledger.stored) AS total_stored,
    sum(duplicate) AS total_duplicate,
    sum(dead) AS total_dead,
    toInt64(total_accepted) - total_stored - total_duplicate - total_dead AS gap
FROM ledger FINAL
WHERE $__timeFilter_ms(at)
GROUP BY origin
ORDER BY origin
"""

LEDGER_GAP = """
SELECT sum(abs(difference)) AS gap
FROM
(
    SELECT toInt64(sum(accepted)) - sum(ledger.stored) - sum(duplicate) - sum(dead) AS difference
    FROM ledger FINAL
    WHERE $__timeFilter_ms(at)
    GROUP BY source
)
"""


def build_live(language: Language) -> dict[str, Any]:
    """Return the dashboard of live activity in one language."""
    say = speak(language)
    statements = Column("statements", say("Traces", "Statements"), COUNT, 0, BLUE)
    rate = Column("statements", say("Traces par minute", "Statements a minute"), COUNT, 0)
    source = Column("origin", "Source", width=125)
    time = Column("time", say("Heure", "Time"))
    gap_texts = {"0": say("équilibré", "balanced")}
    gap = Column(
        "gap", say("Écart", "Gap"), COUNT, 0, texts=gap_texts, colors={"0": GREEN}, steps=[(None, GREEN), (1, RED)]
    )
    totals = stat(
        say("Traces reçues", "Statements received"),
        TOTALS,
        [
            statements,
            Column("learners", say("Apprenants actifs", "Active learners"), AT_LEAST, 0, VIOLET, few=name_few(say)),
            Column("sources", "Sources", COUNT, 0, GREY),
        ],
        about=say(
            "Traces enregistrées dans la période, apprenants et sources distincts. ",
            "Statements stored in the range, distinct learners and sources. ",
        )
        + explain_steps(say),
    )
    freshness = stat(
        say("Fraîcheur", "Freshness"),
        FRESHNESS,
        [
            Column(
                "age",
                say("depuis la dernière trace", "since the last statement"),
                SECONDS,
                1,
                steps=[(None, GREEN), (60, ORANGE), (600, RED)],
            )
        ],
        about=say(
            "Temps écoulé depuis l’enregistrement de la dernière trace.", "Time since the last statement was stored."
        ),
    )
    dead = stat(
        say("Mises de côté", "Set aside"),
        DEAD_LETTERS,
        [
            Column(
                "dead",
                say("traces à examiner", "statements to look at"),
                COUNT,
                0,
                steps=[(None, GREEN), (1, ORANGE), (100, RED)],
            )
        ],
        about=say(
            "Traces qui n’ont pas pu être traitées, gardées avec leur motif.",
            "Statements that could not be processed, kept with the reason.",
        ),
    )
    balance = stat(
        say("Registre", "Ledger"),
        LEDGER_GAP,
        [
            Column(
                "gap",
                say("écart du registre", "gap in the ledger"),
                COUNT,
                0,
                texts=gap_texts,
                steps=[(None, GREEN), (1, RED)],
            )
        ],
        about=say(
            "Reçues = enregistrées + doublons + mises de côté, source par source.",
            "Accepted = stored + duplicates + set aside, source by source.",
        ),
    )
    per_minute = timeseries(
        say("Traces par minute, par source", "Statements a minute, by source"),
        PER_MINUTE,
        [time, rate],
        bars=True,
        stacked=True,
        label="origin",
        about=say("Débit d’enregistrement.", "Rate of storage."),
    )
    by_source = piechart(say("Par source", "By source"), BY_SOURCE, [source, statements], by_row=True)
    by_verb = barchart(
        say("Par action", "By verb"),
        BY_VERB,
        Column("word", "Action" if language == "fr" else "Verb", texts=name_verbs(say)),
        [Column("statements", say("Traces", "Statements"), AT_LEAST, 0, BLUE)],
        about=say(
            "Les dix verbes les plus fréquents, sans ce que trop peu d’apprenants ont fait dans une séance. ",
            "The ten most frequent verbs, without what too few learners did in a session. ",
        )
        + explain_steps(say),
    )
    rhythm = heatmap(
        say("Rythme par source", "Rhythm by source"),
        BY_SOURCE_AND_TIME,
        time,
        statements,
        label="origin",
        least_interval="10m",
        about=say(
            "Nombre de traces par tranche de dix minutes au moins.", "Statements in steps of ten minutes or more."
        ),
    )
    latest = table(
        say("Dernière trace de chaque source", "Latest statement of each source"),
        LATEST_BY_SOURCE,
        [
            source,
            Column("latest", say("Reçue", "Received"), MOMENT_UNIT, width=170),
            Column("age", say("Depuis", "Since"), SECONDS, 0, steps=[(None, GREEN), (600, ORANGE), (86400, GREY)]),
            statements,
        ],
        about=say(
            "Sources de la période ; « depuis » se compte jusqu’à la fin de la période ou jusqu’à maintenant.",
            "Sources of the range; “since” counts to the end of the range, or to now.",
        ),
    )
    ledger = table(
        say("Contrôle du registre", "Ledger check"),
        LEDGER,
        [
            source,
            Column("total_accepted", say("Reçues", "Accepted"), COUNT, 0),
            Column("total_stored", say("Enregistrées", "Stored"), COUNT, 0, width=115),
            Column("total_duplicate", say("Doublons", "Duplicates"), COUNT, 0),
            Column("total_dead", say("De côté", "Set aside"), COUNT, 0),
            gap,
        ],
        about=say("Reçues = enregistrées + doublons + mises de côté.", "Accepted = stored + duplicates + set aside."),
    )
    conformance = barchart(
        say("Conformité par source", "Conformance by source"),
        CONFORMANCE,
        source,
        [
            Column("conformant", say("Conformes", "Conformant"), COUNT, 0, GREEN),
            Column("nonconformant", say("Non conformes", "Nonconformant"), COUNT, 0, RED),
            Column("unclaimed", say("Sans profil", "Of no profile"), COUNT, 0, GREY),
        ],
        stacked=True,
        about=say(
            "Traces confrontées aux profils dont elles se réclament ; aucune n’est écartée pour cela.",
            "Statements held against the profiles that they claim; none is set aside for it.",
        ),
        empty=say("Aucune trace vérifiée sur cette période", "No statement was checked in this range"),
    )
    failed_rules = table(
        say("Règles non respectées", "Failed rules"),
        FAILED_RULES,
        [
            source,
            Column("form", say("Modèle, profil", "Template, profile"), width=230),
            Column("place", say("À cet endroit", "At this place")),
            Column("problem", say("Constat", "What is wrong"), width=225, texts=name_expectations(say)),
            Column("statements", say("Traces", "Statements"), AT_LEAST, 0, width=85),
            Column("latest", say("Dernière (heure)", "Latest (hour)"), MOMENT_UNIT, width=160),
        ],
        about=say(
            "Les vingt règles de profils le plus souvent enfreintes, sans ce que trop peu d’apprenants ont fait dans "
            "une séance. ",
            "The twenty rules of profiles that are broken most often, without what too few learners did in a session. ",
        )
        + explain_steps(say),
        empty=say("Aucune règle enfreinte, ou par trop peu d’apprenants", "No rule was broken, or by too few learners"),
    )
    rows = [
        Row(4, [(12, totals), (4, freshness), (4, dead), (4, balance)]),
        Row(7, [(16, per_minute), (8, by_source)]),
        Row(7, [(8, by_verb), (16, rhythm)]),
        Row(6, [(12, latest), (12, ledger)]),
        Row(6, [(8, conformance), (16, failed_rules)]),
    ]
    about = say("Ce qui arrive, d’où, avec quelle fraîcheur.", "What comes in, from where, how fresh.")
    return build_dashboard("live", say("Activité en direct", "Live activity"), about, language, rows, start="now-6h")
