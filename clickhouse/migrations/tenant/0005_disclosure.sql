-- From how many learners on a figure about them is shown: inside the institution, and in what leaves it. The latest row
-- counts; the others say what counted before.
CREATE TABLE IF NOT EXISTS disclosure
(
    at DateTime64(3, 'UTC'),
    inside UInt32,
    published UInt32
)
ENGINE = MergeTree
ORDER BY at;

-- One row, also where nothing was ever set: what no one decided is not shown below these.
CREATE OR REPLACE VIEW thresholds AS
SELECT
    if(count() = 0, 5, argMax(disclosure.inside, at)) AS inside,
    if(count() = 0, 11, argMax(disclosure.published, at)) AS published
FROM disclosure;
