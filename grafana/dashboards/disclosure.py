"""What a figure about learners may tell: nothing of a group of fewer than `k`, nor what would give one by subtraction.

Every figure is put together from groups that are either of `k` learners or more, or left out of every figure
(docs/decisions/0026). So what was left out cannot be had by subtracting: it is in no total, whatever the range.

- Exact are the registrations: sums over such groups.
- How many are there, or came, is told in steps of `k`, "at least": else those who did not would follow, as the
  difference to the registered. Hours go in steps of what `k` learners attend at most in a half-day, for the same
  reason: divided by the length of a half-day they say how many came.
- A true zero is shown: an empty group has nobody to protect.

`k` is the tenant's own, and every query reads it first. No value from outside comes into these expressions.
"""

# ruff: noqa: S608 (SQL made of constants of this package)
from __future__ import annotations

# How every query begins: with the tenant's threshold for its own people.
INSIDE = "WITH (SELECT inside FROM thresholds) AS k"

# A scheduled half-day of a session with how many came, and their time: split by modality only where each is a group of
# its own. To be completed by a condition; the rows of `attendance` are one per learner, half-day and modality.
_BY_HALF_DAY = """
SELECT
    pathway,
    any(attendance.pathway_name) AS pathway_name,
    session,
    half_day,
    uniqExactState(actor) AS actors,
    uniqExact(actor) AS learners,
    uniqExactIf(actor, modality = 'in-person') AS in_room,
    uniqExactIf(actor, modality = 'remote') AS online,
    uniqExactIf(actor, modality NOT IN ('in-person', 'remote')) AS elsewhere,
    sum(attendance.seconds) AS seconds,
    sumIf(attendance.seconds, modality = 'in-person') AS in_room_seconds,
    sumIf(attendance.seconds, modality = 'remote') AS online_seconds,
    learners >= k AND (in_room = 0 OR in_room >= k) AND (online = 0 OR online >= k)
        AND (elsewhere = 0 OR elsewhere >= k) AS apart
FROM attendance
WHERE {condition}
GROUP BY pathway, session, half_day
"""


def publish(sql: str) -> str:
    """Return a panel's query as it may leave the institution: with the tenant's threshold for what is published.

    Raises ValueError for a query that does not begin by reading a threshold.
    """
    if not sql.startswith(INSIDE):
        raise ValueError("this query cuts no small groups")
    return INSIDE.replace("inside", "published") + sql.removeprefix(INSIDE)


def tell_in_steps(count: str) -> str:
    """Return the expression of a number of learners in steps of k: 0, NULL below k, else the multiple of k below it."""
    return f"multiIf({count} = 0, 0, {count} < k, NULL, intDiv({count}, k) * k)"


def add_up(value: str, learners: str, when: str = "1") -> str:
    """Return the sum of `value` over the rows that are groups of k `learners` or more; NULL if all are smaller."""
    some, enough = f"countIf({when})", f"{learners} >= k AND {when}"
    return f"if({some} > 0 AND countIf({enough}) = 0, NULL, sumIf({value}, {enough}))"


def add_up_in_steps(learners: str, when: str = "1") -> str:
    """Return the sum of `learners` over the groups of k or more, in steps of k; NULL if all groups are smaller.

    The sum is lowered where it would say that every group is at the top of its step, which would give them all away.
    """
    some, enough = f"countIf({when})", f"{learners} >= k AND {when}"
    groups = f"countIf({enough})"
    bound = f"sumIf(intDiv({learners}, k) * k, {enough}) + toUInt64((greatest({groups}, 1) - 1) * (k - 1)) + 1"
    return f"if({some} > 0 AND {groups} = 0, NULL, intDiv(least(sumIf({learners}, {enough}), {bound}), k) * k)"


def list_registered_groups(condition: str, more: str = "") -> str:
    """Return the query of the groups of learners who are registered to one session for one module and pathway."""
    return f"""
    SELECT session, module, pathway, any(registrations.session_name) AS session_name,
        any(registrations.module_name) AS module_name, any(registrations.pathway_name) AS pathway_name,
        count() AS learners{more}
    FROM registrations
    WHERE {condition}
    GROUP BY session, module, pathway
    """


def list_attended_half_days(condition: str) -> str:
    """Return the query of half-days of sessions, with how many learners came and their seconds.

    `apart` says whether `in_room_seconds` and `online_seconds` may be told apart.
    """
    return _BY_HALF_DAY.format(condition=condition)


def tell_hours(seconds: str, groups: str, floors: str) -> str:
    """Return the hours in `seconds`, in steps of k learners' longest half-day; NULL below the first step.

    `groups` is how many groups of k or more are behind them, `floors` the sum of what is told of their sizes: no more
    hours are told than would follow from those, as in `add_up_in_steps`.
    """
    step = "(k * longest)"
    bound = f"({floors} + toUInt64((greatest({groups}, 1) - 1) * (k - 1)) + 1) * longest"
    steps = f"intDiv(toUInt64(least(toFloat64({seconds}), toFloat64({bound}))), {step})"
    return f"multiIf(k = 1 OR {seconds} = 0, {seconds}, {steps} = 0, NULL, {steps} * {step}) / 3600"


def read_longest(condition: str) -> str:
    """Return what a query that tells hours reads besides: the most seconds that one learner attends in a half-day.

    `condition` is that of slots. What is told of a half-day may be longer than its slots, or it may have none; of a
    group that is too small, it must not show in the steps either.
    """
    return f"""(
    SELECT greatest(max(length), 1) FROM
    (
        SELECT sum(dateDiff('second', starts, ends)) AS length FROM slots WHERE {condition} GROUP BY session, half_day
        UNION ALL
        SELECT intDiv(max(milliseconds), 1000) FROM told_attendance
        GROUP BY session, half_day HAVING uniqExact(actor) >= k AND $__timeFilter_ms(min(timestamp))
    )
) AS longest"""


def _tell_part(seconds: str, learners: str, when: str) -> str:
    enough = f"{when} AND {learners} >= k"
    told = tell_hours(
        f"sumIf({seconds}, {enough})", f"countIf({enough})", f"sumIf(intDiv({learners}, k) * k, {enough})"
    )
    return f"if(countIf(learners >= k) = 0 AND count() > 0, NULL, {told})"


# Attended hours over such half-days. What may not be split by modality is told in one piece, so that nothing is lost.
HOURS_BY_MODALITY = f"""
    {_tell_part("in_room_seconds", "in_room", "apart")} AS in_person,
    {_tell_part("online_seconds", "online", "apart")} AS remote,
    {_tell_part("seconds", "learners", "NOT apart")} AS together
"""
