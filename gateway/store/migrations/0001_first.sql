-- Readings, append-only. There is no index beside the primary key: an index by meter and time
-- writes about fifteen times as much to the card. See docs/adr/0005-store.md.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    usn TEXT NOT NULL,
    entity TEXT NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    committed_seq INTEGER NOT NULL DEFAULT 0,   -- the head-end has 1..committed_seq
    edge_s INTEGER,                             -- newest captured_at_s
    edge_id INTEGER,                            -- first reading.id of that time
    -- Closed intervals of captured_at_s, JSON: [[first, last], ...]. Covered: read completely.
    -- Doubted: rows are stored there, but there may be more; a second look is compared.
    covered TEXT NOT NULL DEFAULT '[]',
    doubted TEXT NOT NULL DEFAULT '[]',
    UNIQUE (usn, entity)
);

-- What the rows from from_seq on mean, until the next description of the stream.
CREATE TABLE description (
    stream_id INTEGER NOT NULL,
    from_seq INTEGER NOT NULL,
    parent_usn TEXT,
    capture_period_s INTEGER,
    columns TEXT NOT NULL,                      -- JSON: [{"obis", "unit", "scaler"}]
    PRIMARY KEY (stream_id, from_seq)
) WITHOUT ROWID;

CREATE TABLE reading (
    id INTEGER PRIMARY KEY,                     -- order of arrival; the newest row is never deleted
    stream_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,                       -- 1, 2, 3 ... within the stream
    captured_at_s INTEGER NOT NULL,             -- UTC by the meter's clock
    occurrence INTEGER NOT NULL DEFAULT 1,      -- 1, 2, ... among rows of the same captured_at_s
    status INTEGER NOT NULL,                    -- the meter's own status word
    mark INTEGER NOT NULL DEFAULT 0,            -- gateway.store.marks.Mark
    received_at_s INTEGER NOT NULL,
    v1 INTEGER, v2 INTEGER, v3 INTEGER, v4 INTEGER
);

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_s INTEGER NOT NULL,
    kind TEXT NOT NULL,
    usn TEXT,
    body TEXT NOT NULL                          -- JSON object
);

CREATE TABLE batch (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    first_reading_id INTEGER,                   -- NULL: no readings in this batch
    last_reading_id INTEGER,
    first_journal INTEGER,
    last_journal INTEGER,
    rows INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    payload BLOB,                               -- NULL once committed, until those before it are
    made_at_s INTEGER NOT NULL,
    committed_at_s INTEGER
);

CREATE TABLE node (
    system_title TEXT PRIMARY KEY,              -- hex
    mac INTEGER,
    state TEXT NOT NULL,
    usn TEXT,
    first_seen_s INTEGER NOT NULL,
    last_seen_s INTEGER NOT NULL,
    registered_at_s INTEGER,
    credit_need INTEGER
) WITHOUT ROWID;

CREATE TABLE meter (
    usn TEXT PRIMARY KEY,
    msn_meter TEXT,
    msn_module TEXT,
    firmware_meter TEXT,
    firmware_module TEXT,
    config_id TEXT,
    param_id TEXT,
    parent_usn TEXT,
    channel INTEGER,
    medium INTEGER,
    found_at_s INTEGER NOT NULL,
    clock_deviation_s REAL,
    clock_contact_at_s REAL
) WITHOUT ROWID;

CREATE TABLE kind (
    config_id TEXT NOT NULL,
    firmware TEXT NOT NULL,
    object_list TEXT NOT NULL,                  -- JSON
    read_at_s INTEGER NOT NULL,
    PRIMARY KEY (config_id, firmware)
) WITHOUT ROWID;
