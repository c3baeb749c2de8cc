"""Live activity: is anything coming in, from where, how fresh is it, and is every statement accounted for?"""

# ruff: noqa: RUF001, S608 (typographic French; SQL made of constants of this package, no value from outside)
from __future__ import annotations

from typing import Any

from grafana.dashboards.language import Language, name_modalities, name_verbs, speak
from grafana.dashboards.layout import Row, build_dashboard
from grafana.dashboards.panels import (
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
from grafana.dashboards.sql import MOMENT, SOURCE, STANDING, VERB, name_or_last_word

# PREWHERE picks the range before FINAL settles two copies of an id. Copies come from a race between partitions, moments
# apart, so both lie in the range, and the cost is that of the range instead of that of the whole table.
TOTALS = f"""
SELECT count() AS statements, uniqExactIf(actor, actor != '') AS learners, uniqExact(source) AS sources
FROM statements FINAL
PREWHERE $__timeFilter_ms(stored)
WHERE {STANDING}
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

BY_VERB = f"""
SELECT {VERB} AS word, count() AS statements
FROM statements FINAL
PREWHERE $__timeFilter_ms(stored)
WHERE {STANDING}
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

# A virtual classroom tells a session by its number alone: its name comes from where it was scheduled.
RECENT = f"""
SELECT
    stored,
    substring(actor, 1, 8) AS learner,
    {VERB} AS word,
    {name_or_last_word("activity_name", "activity")} AS object,
    multiIf(session_name != '', session_name, session != '', {name_or_last_word("scheduled.title", "session")}, '')
        AS session_title,
    toString(modality) AS how
FROM
(
    SELECT * FROM statements FINAL
    PREWHERE $__timeFilter_ms(stored)
    WHERE {STANDING}
    ORDER BY stored DESC, id
    LIMIT 25
) AS recent
LEFT JOIN (SELECT session, any(session_name) AS title FROM slots GROUP BY session) AS scheduled USING (session)
ORDER BY stored DESC, id
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
            Column("learners", say("Apprenants actifs", "Active learners"), COUNT, 0, VIOLET),
            Column("sources", "Sources", COUNT, 0, GREY),
        ],
        about=say(
            "Traces enregistrées dans la période, apprenants et sources distincts.",
            "Statements stored in the range, distinct learners and sources.",
        ),
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
        [statements],
        about=say("Les dix verbes les plus fréquents.", "The ten most frequent verbs."),
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
    recent = table(
        say("Activité récente", "Recent activity"),
        RECENT,
        [
            Column("stored", say("Heure", "Time"), MOMENT_UNIT, width=150),
            Column("learner", say("Apprenant", "Learner"), width=100),
            Column("word", say("Action", "Verb"), width=130, texts=name_verbs(say)),
            Column("object", say("Objet", "Object")),
            Column("session_title", say("Séance", "Session")),
            Column("how", say("Modalité", "Modality"), width=110, texts=name_modalities(say)),
        ],
        about=say(
            "Aucune identité : les apprenants apparaissent sous un pseudonyme abrégé.",
            "No identities: learners appear under a shortened pseudonym.",
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
    rows = [
        Row(4, [(12, totals), (4, freshness), (4, dead), (4, balance)]),
        Row(8, [(16, per_minute), (8, by_source)]),
        Row(8, [(8, by_verb), (16, rhythm)]),
        Row(8, [(15, recent), (9, ledger)]),
    ]
    about = say("Ce qui arrive, d’où, avec quelle fraîcheur.", "What comes in, from where, how fresh.")
    return build_dashboard("live", say("Activité en direct", "Live activity"), about, language, rows, start="now-6h")
