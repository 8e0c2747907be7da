-- Statistics of the power line, written once an hour. Small integers: SQLite keeps 0 and 1 in the
-- head of a row, and all others in one to three octets. See docs/statistics.md.
CREATE TABLE counted_node (
    id INTEGER PRIMARY KEY,                     -- a short name: it stands in every row of node_hour
    system_title BLOB NOT NULL UNIQUE
);

-- By hour first: an hour is written in one place and deleted in one place. All hours of one node
-- are found by way of channel_hour, which has a row for each hour that is here.
CREATE TABLE node_hour (
    hour INTEGER NOT NULL,                      -- UTC hours since 1970
    node INTEGER NOT NULL,                      -- counted_node.id
    observed_s INTEGER NOT NULL,
    available_s INTEGER NOT NULL,
    state_changes INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    silent INTEGER NOT NULL,
    credit_total INTEGER NOT NULL,
    credit_most INTEGER NOT NULL,
    down_total INTEGER NOT NULL,                -- repetitions that requests needed
    down_fewest INTEGER,                        -- NULL: nothing was answered
    down_most INTEGER,
    up_total INTEGER NOT NULL,                  -- repetitions that answers needed
    up_fewest INTEGER,
    up_most INTEGER,
    sent_octets INTEGER NOT NULL,
    heard_octets INTEGER NOT NULL,
    discovery_ms INTEGER NOT NULL,              -- line time of tries and answers
    supervision_ms INTEGER NOT NULL,
    clock_ms INTEGER NOT NULL,
    identification_ms INTEGER NOT NULL,
    collection_ms INTEGER NOT NULL,
    command_ms INTEGER NOT NULL,
    last_answer_s INTEGER,                      -- since the hour began
    PRIMARY KEY (hour, node)
) WITHOUT ROWID;

CREATE TABLE channel_hour (
    hour INTEGER PRIMARY KEY,
    observed_s INTEGER NOT NULL,
    available_most INTEGER NOT NULL,            -- nodes, at the same time
    discovery_ms INTEGER NOT NULL,              -- time in which an exchange held the line
    supervision_ms INTEGER NOT NULL,
    clock_ms INTEGER NOT NULL,
    identification_ms INTEGER NOT NULL,
    collection_ms INTEGER NOT NULL,
    command_ms INTEGER NOT NULL,
    frames_sent INTEGER NOT NULL,
    frames_heard INTEGER NOT NULL,
    frames_damaged INTEGER NOT NULL,
    nodes INTEGER NOT NULL,                     -- rows of node_hour with any observed time,
    nodes_observed_s INTEGER NOT NULL,          -- and their sums
    nodes_available_s INTEGER NOT NULL
) WITHOUT ROWID;
