"""What a figure about learners may tell: nothing of a group of fewer than `k`, nor what would give one by subtraction.

Of a group of `k` or more two things are told: of the registered, how many they are; of all others, the step of `k` that
their number is in. A smaller group is told in no way. Every figure is put together from what is told of its groups, and
from nothing else: so all figures of all boards and ranges together say no more than the groups' steps do
(docs/decisions/0026).

- How many are there, or came, is told as "at least", never exactly: else those who did not would follow, as the
  difference to the registered.
- Hours are estimated: a group's attended time goes in steps of what `k` learners attend in that half-day, and counts as
  the middle of its step.
- A true zero is shown: an empty group has nobody to protect.

`k` is the tenant's own, and every query reads it first. No value from outside comes into these expressions.
"""

# ruff: noqa: S608 (SQL made of constants of this package)
from __future__ import annotations

# How every query begins: with the tenant's threshold for its own people.
INSIDE = "WITH (SELECT inside FROM thresholds) AS k"

# How many learners are behind some rows, and by modality. `apart` says whether the modalities may be told: only where
# each has nobody, or a group of its own. Else the few would follow, as those registered minus the others.
BY_MODALITY = """
        uniqExact(actor) AS learners,
        uniqExactIf(actor, modality = 'in-person') AS in_room,
        uniqExactIf(actor, modality = 'remote') AS online,
        uniqExactIf(actor, modality NOT IN ('in-person', 'remote')) AS elsewhere,
        learners >= k AND (in_room = 0 OR in_room >= k) AND (online = 0 OR online >= k)
            AND (elsewhere = 0 OR elsewhere >= k) AS apart
"""

# A half-day of a session with how many came, and their time. To be completed by a condition; the rows of `attendance`
# are one per learner, half-day and modality. `length` is what one learner can have attended until now: as scheduled
# or, where it is longer, as told, rounded up, for it is one person's.
_BY_HALF_DAY = f"""
SELECT
    pathway, pathway_name, session, half_day, actors, learners, in_room, online,
    seconds, in_room_seconds, online_seconds, apart,
    multiIf(most <= planned.seconds + 1, greatest(planned.seconds, most), ceil(most / 900) * 900) AS length
FROM
(
    SELECT
        pathway,
        any(attendance.pathway_name) AS pathway_name,
        session,
        half_day,
        uniqExactState(actor) AS actors,
        {BY_MODALITY},
        max(attendance.seconds) AS most,
        sum(attendance.seconds) AS seconds,
        sumIf(attendance.seconds, modality = 'in-person') AS in_room_seconds,
        sumIf(attendance.seconds, modality = 'remote') AS online_seconds
    FROM attendance
    WHERE {{condition}}
    GROUP BY pathway, session, half_day
) AS came
LEFT JOIN
(
    SELECT session, half_day,
        sum(greatest(0, dateDiff('millisecond', starts, least(ends, now64(3, 'UTC'))))) / 1000 AS seconds
    FROM slots
    GROUP BY session, half_day
) AS planned ON came.session = planned.session AND came.half_day = planned.half_day
"""


def publish(sql: str) -> str:
    """Return a panel's query as it may leave the institution: with the tenant's threshold for what is published.

    Raises ValueError for a query that does not begin by reading a threshold.
    """
    if not sql.startswith(INSIDE):
        raise ValueError("this query cuts no small groups")
    return INSIDE.replace("inside", "published") + sql.removeprefix(INSIDE)


def step_down(count: str) -> str:
    """Return the expression of the multiple of k that a number reaches."""
    return f"intDiv({count}, k) * k"


def tell_in_steps(count: str) -> str:
    """Return the expression of a number of learners in steps of k: 0, NULL below k, else the multiple of k below it."""
    return f"multiIf({count} = 0, 0, {count} < k, NULL, {step_down(count)})"


def tell_statements(amount: str, learners: str) -> str:
    """Return the expression of how many statements a group made: its step of k, times what each made at least.

    In steps of its own, an amount would tell of the learners: half of it is how many came and left.
    """
    return f"if(k = 1, {amount}, {step_down(learners)} * intDiv({amount}, greatest({learners}, 1)))"


def add_up(value: str, learners: str, when: str = "1") -> str:
    """Return the sum of `value` over the rows that are groups of k `learners` or more; NULL if all are smaller."""
    some, enough = f"countIf({when})", f"{learners} >= k AND {when}"
    return f"if({some} > 0 AND countIf({enough}) = 0, NULL, {_add(value, enough)})"


def _add(value: str, when: str) -> str:
    # What is made with `k` is Nullable to ClickHouse, and a sum of none of such NULL.
    return f"ifNull(sumIf({value}, {when}), 0)"


def add_up_in_steps(learners: str, when: str = "1") -> str:
    """Return the sum of the groups of k or more `learners`, each in steps of k; NULL if all are smaller.

    Not the sum in steps: where it comes near to what all groups can be at most, it would tell what each of them is.
    """
    return add_up(step_down(learners), learners, when)


def add_up_parts_in_steps(part: str, learners: str) -> str:
    """Return the sum of `part`, each in steps of k, over the groups of k or more `learners` that it is a part of.

    NULL where there are some, but nowhere k: nobody is nobody.
    """
    enough = f"{learners} >= k"
    steps = _add(step_down(part), enough)
    return f"if({steps} = 0 AND sumIf({part}, {enough}) > 0, NULL, {steps})"


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
    """Return the query of half-days of sessions, with how many learners came, their seconds and its `length`.

    `apart` says whether `in_room_seconds` and `online_seconds` may be told apart.
    """
    return _BY_HALF_DAY.format(condition=condition)


def estimate_seconds(seconds: str, learners: str, when: str = "1") -> str:
    """Return what is told of the `seconds` attended by the groups of k or more `learners` among such half-days.

    Each counts as the middle of the step that it is in, so that a sum is neither too high nor too low. Of learners who
    all stayed, the step says what their number's step does; of others, less.
    """
    # Rounded a little up: a sum of seconds with fractions may lie a hair below the step that it has reached.
    steps = f"floor({seconds} / (k * length) + 0.000001)"
    told = f"if(k = 1 OR {seconds} = 0, toFloat64({seconds}), ({steps} * k + (k - 1) / 2) * length)"
    return _add(told, f"{learners} >= k AND {when}")


def _by_modality(room: str, online: str, together: str) -> str:
    def tell(value: str, enough: str) -> str:
        return f"if(countIf({enough}) = 0 AND count() > 0, NULL, {value})"

    return f"""
    {tell(room, "apart")} AS in_person,
    {tell(online, "apart")} AS remote,
    {tell(together, "learners >= k")} AS together
"""


# Present learners and attended hours, over rows with BY_MODALITY. What may not be told by modality is told in one
# piece, so that nothing is lost.
PRESENT_BY_MODALITY = _by_modality(
    _add(step_down("in_room"), "apart"),
    _add(step_down("online"), "apart"),
    _add(step_down("learners"), "learners >= k AND NOT apart"),
)
HOURS_BY_MODALITY = _by_modality(
    estimate_seconds("in_room_seconds", "in_room", "apart") + " / 3600",
    estimate_seconds("online_seconds", "online", "apart") + " / 3600",
    estimate_seconds("seconds", "learners", "NOT apart") + " / 3600",
)
