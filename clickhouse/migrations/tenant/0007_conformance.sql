-- How a statement stands to the profiles that it claims: conformant, nonconformant, unclaimed (of no profile known), or ''
-- where that was not found out, as for all that was stored before. Never a value of the statement.
ALTER TABLE statements
    ADD COLUMN IF NOT EXISTS conformance LowCardinality(String) AFTER score_scaled,
    ADD COLUMN IF NOT EXISTS profile LowCardinality(String) AFTER conformance,
    ADD COLUMN IF NOT EXISTS template LowCardinality(String) AFTER profile,
    ADD COLUMN IF NOT EXISTS failed_rule LowCardinality(String) AFTER template;

-- A view keeps the columns that its table had when it was made. Where it joins persons, Jalon has it join them again
-- (clickhouse/persons.py) once a tenant's migrations are applied.
CREATE OR REPLACE VIEW current_statements AS
SELECT * FROM statements FINAL
WHERE verb = 'http://adlnet.gov/expapi/verbs/voided' OR id NOT IN (SELECT target FROM voidings);
