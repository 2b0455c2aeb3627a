-- Named keys that data keys are wrapped with, each wrapped itself by the master key, which is not
-- here. Never changed, never removed.
CREATE TABLE sealing_keys (
    account TEXT NOT NULL,
    id      TEXT NOT NULL,
    alias   TEXT,
    wrapped BLOB NOT NULL,
    created INTEGER NOT NULL, -- microseconds since 1970
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sealing_keys_by_alias ON sealing_keys (account, alias) WHERE alias IS NOT NULL;

-- How an object's bytes are encrypted, with its data key, wrapped (JSON); nothing where they lie
-- plain.
ALTER TABLE contents ADD COLUMN seal TEXT;
ALTER TABLE uploads ADD COLUMN seal TEXT;
