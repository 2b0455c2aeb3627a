-- What owners set about their buckets, and the versions of keys.

-- Versioning stands in its own column, for every write asks for it: 0 off, 1 enabled, 2 suspended.
ALTER TABLE buckets ADD COLUMN versioning INTEGER NOT NULL DEFAULT 0;
ALTER TABLE buckets ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'; -- JSON, all of it

-- `version` sorts the versions of a key: the newest has the greatest number. What was written while
-- versioning was off is 0; else it is the time in microseconds, and always more than the one before.
-- `kept` tells whether the number is the version's name; if not, the name is `null`.
ALTER TABLE objects ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
-- A delete marker has no bytes; its `content` is 0.
ALTER TABLE objects ADD COLUMN marker INTEGER NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'; -- JSON

ALTER TABLE uploads ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'; -- JSON

-- Parts with their numbers and checksums, where there were only sizes.
ALTER TABLE contents RENAME COLUMN part_sizes TO parts;
UPDATE contents SET parts = (
    SELECT json_group_array(json_object('number', key + 1, 'size', value)) FROM json_each(parts)
) WHERE parts <> '[]';
