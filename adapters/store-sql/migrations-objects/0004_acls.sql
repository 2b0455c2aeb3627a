-- Who else may read a version of an object, or its list (JSON); nobody where nothing is said.
ALTER TABLE objects ADD COLUMN acl TEXT NOT NULL DEFAULT '[]';
ALTER TABLE uploads ADD COLUMN acl TEXT NOT NULL DEFAULT '[]';

-- The account whose it is, where that is not the bucket's.
ALTER TABLE objects ADD COLUMN owner TEXT;
ALTER TABLE uploads ADD COLUMN owner TEXT;

-- The ARN of who began an upload; not known of those that were begun before.
ALTER TABLE uploads ADD COLUMN initiator TEXT;
