-- Statements as boards and analysts see them: pseudonymised, with typed columns, one row per statement id.
-- The earliest copy of an id wins: merging keeps the highest precedence, which falls as time passes.
CREATE TABLE IF NOT EXISTS statements
(
    id UUID,
    stored DateTime64(3, 'UTC'),
    timestamp DateTime64(3, 'UTC'),
    source LowCardinality(String),
    actor String,
    authority LowCardinality(String),
    verb LowCardinality(String),
    activity String,
    activity_type LowCardinality(String),
    activity_name String,
    registration Nullable(UUID),
    session String,
    session_name String,
    module String,
    module_name String,
    pathway String,
    pathway_name String,
    modality LowCardinality(String),
    place String,
    connection String,
    half_day LowCardinality(String),
    planned_start Nullable(DateTime64(3, 'UTC')),
    planned_seconds Nullable(UInt32),
    duration_ms Nullable(Int64),
    completion Nullable(Bool),
    success Nullable(Bool),
    score_scaled Nullable(Float64),
    statement String CODEC(ZSTD(1)),
    sealed String,
    fingerprint String,
    -- What queries find it by (clickhouse/terms.py), its own and, by way of the statement it refers to, that one's.
    terms Array(UInt64) CODEC(ZSTD(1)),
    inherited Array(Array(UInt64)) CODEC(ZSTD(1)),
    refers_to Nullable(UUID),
    -- The statement at the end of that chain which was not there yet: it is followed when read.
    open_reference Nullable(UUID),
    partition Int32,
    offset Int64,
    position UInt32,
    precedence UInt64 MATERIALIZED bitNot(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(stored)), 16), toUInt64(partition)))
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY id
-- A look-up by id reads a whole granule, and a page of results does so for each of its statements.
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000;

-- For each term, the statements found by it in the order of storing: a page is read from its start, however many there are.
CREATE TABLE IF NOT EXISTS postings
(
    term UInt64,
    stored DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    partition Int32,
    offset Int64 CODEC(Delta, ZSTD(1)),
    position UInt32,
    generation UInt16,
    id UUID,
    terms Array(UInt64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (term, stored, partition, offset, position, generation)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS fill_postings TO postings AS
SELECT
    arrayJoin(terms_of_generation) AS term,
    stored,
    partition,
    offset,
    position,
    generation,
    id,
    terms_of_generation AS terms
FROM
(
    SELECT stored, partition, offset, position, id, arrayPushFront(inherited, terms) AS generations FROM statements
)
ARRAY JOIN generations AS terms_of_generation, arrayMap(place -> toUInt16(place - 1), arrayEnumerate(generations)) AS generation;

-- Which statements are voided, and by which: a voiding may come before what it voids, so the two meet when read.
CREATE TABLE IF NOT EXISTS voidings
(
    target UUID,
    id UUID
)
ENGINE = ReplacingMergeTree
ORDER BY (target, id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000;

-- References to statements that had not come when the reference did.
CREATE TABLE IF NOT EXISTS open_references
(
    target UUID,
    id UUID,
    stored DateTime64(3, 'UTC'),
    partition Int32,
    offset Int64,
    position UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY (target, id)
SETTINGS non_replicated_deduplication_window = 1000;

-- What boards and analysts count: each statement once, without what was voided. A voiding cannot be voided itself.
CREATE VIEW IF NOT EXISTS current_statements AS
SELECT * FROM statements FINAL
WHERE verb = 'http://adlnet.gov/expapi/verbs/voided' OR id NOT IN (SELECT target FROM voidings);

-- Every definition that an activity was given; merged when read, the latest last.
CREATE TABLE IF NOT EXISTS activities
(
    id String,
    digest UInt64,
    stored DateTime64(3, 'UTC'),
    partition Int32,
    offset Int64,
    position UInt32,
    definition String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(stored)
ORDER BY (id, digest)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000;

-- Every form in which an agent was named, sealed under the learner's own key.
CREATE TABLE IF NOT EXISTS agents
(
    pseudonym String,
    digest UInt64,
    stored DateTime64(3, 'UTC'),
    sealed String
)
ENGINE = ReplacingMergeTree(stored)
ORDER BY (pseudonym, digest)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 1000;

-- What became of every Kafka record of this tenant: accepted = stored + duplicate + dead.
CREATE TABLE IF NOT EXISTS ledger
(
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    source LowCardinality(String),
    at DateTime64(3, 'UTC'),
    accepted UInt32,
    stored UInt32,
    duplicate UInt32,
    dead UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 1000;

-- What could not be processed, with its reason; the payload is sealed under the tenant's dead-letter key.
CREATE TABLE IF NOT EXISTS dead_letters
(
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    position UInt32,
    at DateTime64(3, 'UTC'),
    source LowCardinality(String),
    code LowCardinality(String),
    rule LowCardinality(String),
    pointer String,
    detail String,
    payload String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset, position)
SETTINGS non_replicated_deduplication_window = 1000;
