-- What statements say of how long somebody attended a half-day of a session. One that says that somebody did not is none
-- of these, nor is one of what is still to come; where no duration is told it is none, and no half-day has more than
-- thirteen hours. `hybrid` says of a person no more than nothing does: it is for sessions.
CREATE OR REPLACE VIEW told_attendance AS
SELECT
    session, session_name, module, module_name, pathway, pathway_name, actor, half_day,
    toLowCardinality(if(modality = 'hybrid', '', modality)) AS modality,
    timestamp,
    least(ifNull(duration_ms, 0), 13 * 3600 * 1000) AS milliseconds
FROM current_statements
-- Their ids are looked up first, in one small column: where there are none, nothing else is read.
WHERE id IN (SELECT id FROM statements WHERE verb = 'http://adlnet.gov/expapi/verbs/attended')
  AND verb = 'http://adlnet.gov/expapi/verbs/attended' AND session != '' AND actor != ''
  AND ifNull(completion, true) AND ifNull(duration_ms, 1) > 0 AND timestamp <= now64(3, 'UTC');

-- What tells that somebody was there, each beside the slots of its session: stays, which are `presences`, and what is told
-- (`is_told`). In one view, so that slots are read once for all of it. Names are those of the session's last slot or,
-- where it has none, of the statement itself.
CREATE OR REPLACE VIEW attendance_facts AS
SELECT
    facts.session AS session,
    facts.actor AS actor,
    facts.modality AS modality,
    facts.connection AS connection,
    facts.place AS place,
    facts.starts AS starts,
    arrayFirstOrNull(bound -> bound > starts, planned.bounds) AS slot_end,
    multiIf(
        facts.is_left OR isNull(slot_end), facts.next_at,
        isNull(facts.next_at), slot_end,
        least(facts.next_at, slot_end)
    ) AS ends,
    facts.is_told AS is_told,
    facts.half_day AS half_day,
    facts.milliseconds AS milliseconds,
    planned.slots AS slots,
    if(planned.session != '', planned.names.1, facts.session_name) AS session_name,
    if(planned.session != '', planned.names.2, facts.module) AS module,
    if(planned.session != '', planned.names.3, facts.module_name) AS module_name,
    if(planned.session != '', planned.names.4, facts.pathway) AS pathway,
    if(planned.session != '', planned.names.5, facts.pathway_name) AS pathway_name
FROM
(
    SELECT
        session, '' AS session_name, '' AS module, '' AS module_name, '' AS pathway, '' AS pathway_name,
        actor, modality, connection, place, timestamp AS starts, next_at,
        next_verb = 'http://activitystrea.ms/leave' AS is_left,
        false AS is_told, '' AS half_day, toInt64(0) AS milliseconds
    FROM
    (
        SELECT
            session, actor, modality, connection, place, verb, timestamp,
            leadInFrame(toNullable(timestamp)) OVER following AS next_at,
            leadInFrame(toString(verb)) OVER following AS next_verb
        FROM current_statements
        WHERE session != '' AND actor != ''
          AND verb IN ('http://activitystrea.ms/join', 'http://activitystrea.ms/checkin', 'http://activitystrea.ms/leave')
        WINDOW following AS (
            PARTITION BY session, actor, modality, connection
            ORDER BY timestamp, stored, partition, offset, position
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
    )
    WHERE verb IN ('http://activitystrea.ms/join', 'http://activitystrea.ms/checkin')
    UNION ALL
    SELECT
        session, session_name, module, module_name, pathway, pathway_name,
        actor, modality, '', '', timestamp, NULL,
        false,
        true, half_day, milliseconds
    FROM told_attendance
) AS facts
LEFT JOIN
(
    SELECT
        session,
        groupArray((half_day, starts, ends)) AS slots,
        arraySort(groupArray(ends)) AS bounds,
        argMax((session_name, module, module_name, pathway, pathway_name), starts) AS names
    FROM slots
    GROUP BY session
) AS planned ON facts.session = planned.session;

-- Stays: from an arrival to the leave of the same connection. A stay whose leave never came ends with the slot it began
-- in, or with the next arrival of that connection if that is sooner; outside any slot it has no end.
CREATE OR REPLACE VIEW presences AS
SELECT session, actor, modality, connection, place, starts, ends FROM attendance_facts WHERE NOT is_told;

-- Attended time, each once: per learner, half-day and modality the union of stays, clipped to the slot and to the
-- present; where no stay counts, the longest that is told. What is without a modality may be about the same time as what
-- has one: what is told without counts where nothing else tells of any time, and stays without go before all that is told.
CREATE OR REPLACE VIEW attendance AS
SELECT
    session, session_name, module, module_name, pathway, pathway_name, actor, half_day, modality,
    if(stayed > 0, stayed, told) / 1000 AS seconds
FROM
(
    SELECT
        *,
        sum(stayed) OVER half_days AS stayed_at_all,
        sumIf(stayed, modality IN ('', 'hybrid')) OVER half_days AS stayed_without,
        sumIf(told, modality != '') OVER half_days AS told_by_modality
    FROM
    (
        SELECT
            session,
            any(attendance_facts.session_name) AS session_name,
            any(attendance_facts.module) AS module,
            any(attendance_facts.module_name) AS module_name,
            any(attendance_facts.pathway) AS pathway,
            any(attendance_facts.pathway_name) AS pathway_name,
            actor,
            part.1 AS half_day,
            modality,
            toInt64(intervalLengthSum(part.2, part.3)) AS stayed,
            max(attendance_facts.milliseconds) AS told
        FROM attendance_facts
        ARRAY JOIN if(
            is_told,
            [(attendance_facts.half_day, 0, 0)],
            arrayFilter(
                clipped -> clipped.2 < clipped.3,
                arrayMap(
                    slot -> (
                        slot.1,
                        toUnixTimestamp64Milli(greatest(starts, slot.2)),
                        toUnixTimestamp64Milli(least(ifNull(ends, slot.3), slot.3, now64(3, 'UTC')))
                    ),
                    slots
                )
            )
        ) AS part
        GROUP BY session, actor, half_day, modality
    )
    WINDOW half_days AS (PARTITION BY session, actor, half_day)
)
WHERE stayed > 0 OR if(modality = '', stayed_at_all = 0 AND told_by_modality = 0, stayed_without = 0);
