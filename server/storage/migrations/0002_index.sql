-- The index: jobs and their documents, deliveries, people, printers and queues. Every row belongs to a tenant.
-- Times are microseconds since 1970-01-01T00:00:00Z. `sealed` columns hold what only the key file opens.

CREATE TABLE tenant_keys (
    tenant   TEXT NOT NULL,
    purpose  TEXT NOT NULL,                -- field: seals fields; blind: digests names
    wrapped  BLOB NOT NULL,
    PRIMARY KEY (tenant, purpose)
) STRICT;

CREATE TABLE jobs (
    id                    INTEGER PRIMARY KEY AUTOINCREMENT,  -- job-id: never used twice
    tenant                TEXT NOT NULL,
    uuid                  BLOB NOT NULL UNIQUE,
    printer               TEXT NOT NULL,
    owner_digest          BLOB NOT NULL,   -- blind index of the owner's name
    state                 INTEGER NOT NULL,
    reasons               TEXT NOT NULL,   -- keywords, in order, a space after each
    priority              INTEGER NOT NULL,
    rank                  INTEGER NOT NULL,-- its place in the order of printing: greatest rank first,
    position              REAL NOT NULL,   -- then least position
    created_us            INTEGER NOT NULL,
    processing_us         INTEGER,
    completed_us          INTEGER,
    expires_us            INTEGER,
    impressions           INTEGER,
    impressions_completed INTEGER NOT NULL,
    output_device         TEXT,
    version               INTEGER NOT NULL,
    sealed                BLOB NOT NULL,   -- owner, name, message, attributes, documents
    password              BLOB,            -- sealed: an Argon2id PHC string (job-password)
    claimed_by            TEXT,
    claimed_until_us      INTEGER
) STRICT;

CREATE INDEX jobs_active ON jobs (tenant, rank DESC, position, id) WHERE state < 7;
CREATE INDEX jobs_finished ON jobs (tenant, coalesce(completed_us, created_us), id) WHERE state >= 7;
CREATE INDEX jobs_active_by_owner ON jobs (tenant, owner_digest, rank DESC, position, id) WHERE state < 7;
CREATE INDEX jobs_finished_by_owner ON jobs (tenant, owner_digest, coalesce(completed_us, created_us), id)
    WHERE state >= 7;
CREATE INDEX jobs_by_expiry ON jobs (tenant, expires_us) WHERE expires_us IS NOT NULL;

-- Where the octets of a job's documents are. Two jobs may have the same document (Resubmit-Job).
CREATE TABLE documents (
    job_id         INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    tenant         TEXT NOT NULL,
    uuid           BLOB NOT NULL,
    wrapped_key    BLOB NOT NULL,
    key_id         TEXT NOT NULL,          -- of the key that wraps
    blob           TEXT,                   -- NULL: the octets are in document_octets
    sealed_octets  INTEGER NOT NULL,
    sealed         BLOB NOT NULL,          -- digest of the plaintext
    PRIMARY KEY (job_id, number)
) STRICT;

CREATE INDEX documents_by_uuid ON documents (uuid);
CREATE INDEX documents_by_blob ON documents (blob) WHERE blob IS NOT NULL;
CREATE INDEX documents_by_key ON documents (key_id);

CREATE TABLE document_octets (
    uuid    BLOB PRIMARY KEY,
    octets  BLOB NOT NULL
) STRICT;

CREATE TRIGGER document_octets_go_with_their_document AFTER DELETE ON documents
WHEN OLD.blob IS NULL AND NOT EXISTS (SELECT 1 FROM documents WHERE uuid = OLD.uuid)
BEGIN DELETE FROM document_octets WHERE uuid = OLD.uuid; END;

-- The journal: written before the first octet leaves.
CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       TEXT NOT NULL,
    job_id       INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    device       TEXT NOT NULL,
    worker       TEXT NOT NULL,
    started_us   INTEGER NOT NULL,
    remote_job   TEXT,                     -- what the device calls the job
    finished_us  INTEGER,
    outcome      TEXT CHECK (outcome IN ('delivered', 'failed', 'unknown')),
    sealed       BLOB                      -- what the device said
) STRICT;

CREATE INDEX deliveries_by_job ON deliveries (job_id);
CREATE INDEX deliveries_unfinished ON deliveries (tenant) WHERE finished_us IS NULL;

CREATE TABLE people (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       TEXT NOT NULL,
    name_digest  BLOB NOT NULL,            -- blind index of the name
    role         TEXT NOT NULL CHECK (role IN ('user', 'operator', 'administrator')),
    password     TEXT,                     -- an Argon2id PHC string
    path_digest  BLOB UNIQUE,              -- SHA-256 of the token in the secret path
    created_us   INTEGER NOT NULL,
    sealed       BLOB NOT NULL,            -- name
    UNIQUE (tenant, name_digest)
) STRICT;

CREATE TABLE printers (
    tenant      TEXT NOT NULL,
    name        TEXT NOT NULL,
    added_us    INTEGER NOT NULL,
    attributes  BLOB NOT NULL,             -- as the device told them, encoded
    certificate TEXT NOT NULL DEFAULT '',  -- SHA-256 of the one it showed first
    sealed      BLOB NOT NULL,             -- URI (it may hold credentials), info, location
    PRIMARY KEY (tenant, name)
) STRICT;

CREATE TABLE queues (
    tenant      TEXT NOT NULL,
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL,             -- hold, direct
    printer     TEXT,                      -- where a direct queue delivers
    accepting   INTEGER NOT NULL,
    holding     INTEGER NOT NULL,
    paused      INTEGER NOT NULL,
    changed_us  INTEGER NOT NULL,
    attributes  BLOB NOT NULL,             -- what operators set, encoded
    settings    TEXT NOT NULL,             -- JSON, of whoever configures queues
    PRIMARY KEY (tenant, name)
) STRICT;
