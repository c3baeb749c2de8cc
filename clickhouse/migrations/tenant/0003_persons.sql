-- How pseudonyms stand, copied from the vault: whom each counts as (before a moment, and from then on), and whether the
-- processing of that person is paused. One that is not here counts as itself.
CREATE TABLE IF NOT EXISTS persons
(
    pseudonym String,
    before String,
    since DateTime64(3, 'UTC'),
    person String,
    restricted Bool,
    -- What its statements are found by in `postings`, as actor or object.
    term UInt64,
    revision UInt64
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY pseudonym
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000;

-- What is not shown while the processing of its actor or object is paused.
CREATE VIEW IF NOT EXISTS withheld_statements AS
SELECT id FROM postings
WHERE generation = 0 AND term IN (SELECT term FROM persons FINAL WHERE restricted);

-- A dead letter is replayed under the version that its record was sent in, and as the statement that it was: its
-- fingerprint is that of what was accepted, before a store added anything.
ALTER TABLE dead_letters
    ADD COLUMN IF NOT EXISTS version LowCardinality(String),
    ADD COLUMN IF NOT EXISTS defines Bool,
    ADD COLUMN IF NOT EXISTS fingerprint String,
    ADD COLUMN IF NOT EXISTS replayed_at Nullable(DateTime64(3, 'UTC'));
