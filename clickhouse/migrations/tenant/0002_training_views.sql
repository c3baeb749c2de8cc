-- What can arrive late (a cancelled slot, a leave, a withdrawal) is joined when read: these views are the net state.

-- Half-day slots of sessions as last scheduled, without the cancelled ones.
CREATE OR REPLACE VIEW slots AS
SELECT
    session,
    latest.2 AS session_name,
    latest.3 AS module,
    latest.4 AS module_name,
    latest.5 AS pathway,
    latest.6 AS pathway_name,
    latest.7 AS modality,
    latest.8 AS place,
    latest.9 AS half_day,
    starts,
    addSeconds(starts, latest.10) AS ends
FROM
(
    SELECT
        session,
        assumeNotNull(planned_start) AS starts,
        argMax(
            (verb, session_name, module, module_name, pathway, pathway_name, modality, place, half_day, ifNull(planned_seconds, 0)),
            (timestamp, stored, partition, offset, position)
        ) AS latest
    FROM current_statements
    WHERE verb IN ('http://activitystrea.ms/schedule', 'http://activitystrea.ms/cancel')
      AND session != '' AND planned_start IS NOT NULL
    GROUP BY session, starts
)
WHERE latest.1 = 'http://activitystrea.ms/schedule';

-- Who is registered to which session, net of withdrawals.
CREATE OR REPLACE VIEW registrations AS
SELECT
    session,
    latest.2 AS session_name,
    latest.3 AS module,
    latest.4 AS module_name,
    latest.5 AS pathway,
    latest.6 AS pathway_name,
    actor,
    latest.7 AS registered_at
FROM
(
    SELECT
        session,
        actor,
        argMax(
            (verb, session_name, module, module_name, pathway, pathway_name, timestamp),
            (timestamp, stored, partition, offset, position)
        ) AS latest
    FROM current_statements
    WHERE verb IN ('http://adlnet.gov/expapi/verbs/registered', 'http://id.tincanapi.com/verb/unregistered')
      AND session != '' AND actor != ''
    GROUP BY session, actor
)
WHERE latest.1 = 'http://adlnet.gov/expapi/verbs/registered';

-- Stays: from an arrival to the leave of the same connection. A stay whose leave never came ends with the slot it began
-- in, or with the next arrival of that connection if that is sooner; outside any slot it has no end.
CREATE OR REPLACE VIEW presences AS
SELECT
    arrivals.session AS session,
    arrivals.actor AS actor,
    arrivals.modality AS modality,
    arrivals.connection AS connection,
    arrivals.place AS place,
    arrivals.starts AS starts,
    multiIf(
        arrivals.next_verb = 'http://activitystrea.ms/leave', arrivals.next_at,
        isNull(slot.ends), arrivals.next_at,
        isNull(arrivals.next_at), slot.ends,
        least(arrivals.next_at, slot.ends)
    ) AS ends
FROM
(
    SELECT session, actor, modality, connection, place, verb, timestamp AS starts, next_at, next_verb
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
) AS arrivals
ASOF LEFT JOIN (SELECT session, toNullable(ends) AS ends, ends AS bound FROM slots) AS slot
    ON arrivals.session = slot.session AND arrivals.starts < slot.bound;

-- Attended time: per learner, half-day and modality the union of stays, clipped to the slot and to the present.
CREATE OR REPLACE VIEW attendance AS
SELECT
    slots.session AS session,
    any(slots.session_name) AS session_name,
    any(slots.module) AS module,
    any(slots.module_name) AS module_name,
    any(slots.pathway) AS pathway,
    any(slots.pathway_name) AS pathway_name,
    presences.actor AS actor,
    slots.half_day AS half_day,
    presences.modality AS modality,
    intervalLengthSum(
        toUnixTimestamp64Milli(greatest(presences.starts, slots.starts)),
        toUnixTimestamp64Milli(least(ifNull(presences.ends, slots.ends), slots.ends, now64(3, 'UTC')))
    ) / 1000 AS seconds
FROM presences
INNER JOIN slots ON presences.session = slots.session
WHERE greatest(presences.starts, slots.starts) < least(ifNull(presences.ends, slots.ends), slots.ends, now64(3, 'UTC'))
GROUP BY slots.session, presences.actor, slots.half_day, presences.modality;
