-- Half-day slots of sessions as last scheduled, without the cancelled ones. A room that is booked for a session is scheduled
-- too: its bookings name the session beside the room, and are no slots of it.
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
      AND session != '' AND planned_start IS NOT NULL AND activity_type != 'http://activitystrea.ms/place'
    GROUP BY session, starts
)
WHERE latest.1 = 'http://activitystrea.ms/schedule';
