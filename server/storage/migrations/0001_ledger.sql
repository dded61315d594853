-- The ledger: what happened, in order, each row bound to the one before it by its hash (see server/storage/ledger.py).
CREATE TABLE ledger (
    seq      INTEGER PRIMARY KEY CHECK (seq > 0),
    time_us  INTEGER NOT NULL,             -- microseconds since 1970-01-01T00:00:00Z
    tenant   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    actor    TEXT NOT NULL,
    job_id   INTEGER,
    subject  TEXT NOT NULL,                -- what else it is about: a queue, a printer, a person's id; or nothing
    payload  TEXT NOT NULL,                -- a JSON object
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX ledger_by_job ON ledger (tenant, job_id, seq) WHERE job_id IS NOT NULL;

-- The newest row, so that rows missing at the end are seen too.
CREATE TABLE ledger_head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq  INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

INSERT INTO ledger_head (only, seq, hash) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER ledger_is_not_updated BEFORE UPDATE ON ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER ledger_is_appended_in_order BEFORE INSERT ON ledger
WHEN NEW.seq IS NOT (SELECT seq + 1 FROM ledger_head)
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER ledger_head_moves_forward BEFORE UPDATE ON ledger_head
WHEN NEW.seq IS NOT OLD.seq + 1
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER ledger_head_stays BEFORE DELETE ON ledger_head
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
