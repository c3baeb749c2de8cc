-- Who was erased: a pseudonym stands for nobody any more. Kept here too, so that a restored vault can be told.
CREATE TABLE IF NOT EXISTS erasures
(
    pseudonym String,
    at DateTime64(3, 'UTC'),
    later LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY pseudonym;

-- Whom a dead letter names, by pseudonym, so that an erasure finds it; of one that is not `readable` these may not be all.
ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS persons Array(String);

ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS readable Bool DEFAULT true;
