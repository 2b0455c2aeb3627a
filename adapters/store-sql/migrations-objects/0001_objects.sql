-- Buckets, objects and uploads. Times are microseconds since 1970; ids 32 hexadecimal digits.

CREATE TABLE buckets (
    id      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, so nothing of a removed bucket comes back
    name    TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- What a key stands for. Keys are bytes: SQLite compares blobs as S3 sorts keys. Versions come with
-- a later migration's rules; until then every object is version 0. Rows are small, so that a page
-- of a list touches few pages of the file; the bytes stand in `contents`.
CREATE TABLE objects (
    bucket    INTEGER NOT NULL REFERENCES buckets (id),
    key       BLOB NOT NULL,
    version   INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    etag      TEXT NOT NULL,
    modified  INTEGER NOT NULL,
    headers   TEXT NOT NULL, -- JSON
    checksums TEXT NOT NULL, -- JSON
    upload    TEXT,          -- the upload it was made of: a repeated Complete finds its answer here
    content   INTEGER NOT NULL, -- no foreign key: each removal would look for it in every row
    PRIMARY KEY (bucket, key, version DESC)
) STRICT, WITHOUT ROWID;

-- The bytes of small objects, the extents of others. Written at the end of the table, so that small
-- objects in any order of keys are written in one place.
CREATE TABLE contents (
    id         INTEGER PRIMARY KEY,
    inline     BLOB,
    extents    TEXT,          -- JSON
    part_sizes TEXT NOT NULL, -- JSON
    CHECK ((inline IS NULL) <> (extents IS NULL))
) STRICT;

-- How many extents name a blob. At 0 it is garbage.
CREATE TABLE blobs (
    id   TEXT PRIMARY KEY,
    refs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX garbage ON blobs (id) WHERE refs = 0;

CREATE TABLE uploads (
    id        TEXT PRIMARY KEY,
    bucket    INTEGER NOT NULL REFERENCES buckets (id),
    key       BLOB NOT NULL,
    created   INTEGER NOT NULL,
    headers   TEXT NOT NULL, -- JSON
    checksums TEXT NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_key ON uploads (bucket, key, created, id);

CREATE TABLE parts (
    upload    TEXT NOT NULL REFERENCES uploads (id),
    number    INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    etag      TEXT NOT NULL,
    modified  INTEGER NOT NULL,
    checksums TEXT NOT NULL, -- JSON
    extents   TEXT NOT NULL, -- JSON
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
