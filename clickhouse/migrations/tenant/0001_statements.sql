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
    partition Int32,
    offset Int64,
    position UInt32,
    precedence UInt64 MATERIALIZED bitNot(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(stored)), 16), toUInt64(partition)))
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY id
SETTINGS non_replicated_deduplication_window = 1000;

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
