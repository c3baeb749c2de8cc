-- How far each partition's records are stored: everything below next_offset is queryable. Written after the rows.
CREATE TABLE IF NOT EXISTS progress
(
    topic LowCardinality(String),
    partition Int32,
    next_offset Int64,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (topic, partition);

-- Records that belong to no known tenant; the payload is sealed under a key of the operator.
CREATE TABLE IF NOT EXISTS dead_letters
(
    topic LowCardinality(String),
    partition Int32,
    offset Int64,
    at DateTime64(3, 'UTC'),
    code LowCardinality(String),
    detail String,
    payload String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset);
