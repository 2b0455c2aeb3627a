-- The beginning. Times are UTC microseconds, ids 16 bytes, text compares by its bytes.

-- What versions and event numbers are drawn from, so that neither ever comes back.
CREATE TABLE sequence (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO sequence VALUES (1, 0);

CREATE TABLE resources (
    id            BLOB NOT NULL UNIQUE,
    account       TEXT NOT NULL,
    region        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    arn           TEXT NOT NULL,
    parent        TEXT,
    owner         TEXT NOT NULL,
    status        TEXT NOT NULL,
    created       INTEGER NOT NULL,
    modified      INTEGER NOT NULL,
    due           INTEGER,
    claimed_by    BLOB,
    claimed_until INTEGER,
    version       INTEGER NOT NULL,
    body          TEXT NOT NULL,
    UNIQUE (kind, account, region, name)
) STRICT;
CREATE INDEX resources_by_arn ON resources (arn);
CREATE INDEX resources_by_due ON resources (kind, due) WHERE due IS NOT NULL;
CREATE INDEX resources_by_created ON resources (kind, account, region, created, name);
CREATE INDEX resources_by_modified ON resources (kind, account, region, modified, name);
CREATE INDEX resources_by_status ON resources (kind, account, region, status, name);
CREATE INDEX resources_by_parent ON resources (kind, account, region, parent, created, name)
    WHERE parent IS NOT NULL;

CREATE TABLE counters (
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    name    TEXT NOT NULL,
    used    INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
    arn   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    id      BLOB NOT NULL,
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    status  TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

CREATE TABLE log_groups (
    id           INTEGER PRIMARY KEY,
    account      TEXT NOT NULL,
    region       TEXT NOT NULL,
    name         TEXT NOT NULL,
    created      INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, region, name)
) STRICT;

CREATE TABLE log_streams (
    id             INTEGER PRIMARY KEY,
    log_group      INTEGER NOT NULL REFERENCES log_groups ON DELETE CASCADE,
    name           TEXT NOT NULL,
    created        INTEGER NOT NULL,
    first_event    INTEGER,
    last_event     INTEGER,
    last_ingestion INTEGER,
    last_position  INTEGER NOT NULL DEFAULT 0,
    cursor         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (log_group, name)
) STRICT;

CREATE TABLE log_events (
    stream   INTEGER NOT NULL REFERENCES log_streams ON DELETE CASCADE,
    position INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    ingested INTEGER NOT NULL,
    message  TEXT NOT NULL,
    PRIMARY KEY (stream, position)
) STRICT, WITHOUT ROWID;

-- `dimensions` is encoded so that its bytes sort as the pairs do.
CREATE TABLE metrics (
    id         INTEGER PRIMARY KEY,
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    dimensions BLOB NOT NULL,
    UNIQUE (account, region, namespace, name, dimensions)
) STRICT;

-- `nth` tells points of one time apart. NULL is what SQLite makes of "not a number".
CREATE TABLE metric_points (
    metric INTEGER NOT NULL REFERENCES metrics ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    nth    INTEGER NOT NULL,
    sum    REAL,
    count  REAL,
    min    REAL,
    max    REAL,
    PRIMARY KEY (metric, at, nth)
) STRICT, WITHOUT ROWID;
