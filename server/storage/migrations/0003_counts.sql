-- What every Print-Job asks costs the same however many jobs wait: how many are active, of an owner and in a
-- queue, is kept in the transaction that changes it; what could come out of a device has an index of its own.
CREATE TABLE active_by_owner (
    tenant        TEXT NOT NULL,
    owner_digest  BLOB NOT NULL,
    jobs          INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (tenant, owner_digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE active_by_queue (
    tenant   TEXT NOT NULL,
    printer  TEXT NOT NULL,
    state    INTEGER NOT NULL,
    jobs     INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (tenant, printer, state)
) STRICT, WITHOUT ROWID;

INSERT INTO active_by_owner SELECT tenant, owner_digest, count(*) FROM jobs WHERE state < 7 GROUP BY 1, 2;
INSERT INTO active_by_queue SELECT tenant, printer, state, count(*) FROM jobs WHERE state < 7 GROUP BY 1, 2, 3;

CREATE TRIGGER active_job_is_added AFTER INSERT ON jobs WHEN NEW.state < 7
BEGIN
    INSERT INTO active_by_owner VALUES (NEW.tenant, NEW.owner_digest, 1)
        ON CONFLICT DO UPDATE SET jobs = jobs + 1;
    INSERT INTO active_by_queue VALUES (NEW.tenant, NEW.printer, NEW.state, 1)
        ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER active_job_is_removed AFTER DELETE ON jobs WHEN OLD.state < 7
BEGIN
    UPDATE active_by_owner SET jobs = jobs - 1 WHERE tenant = OLD.tenant AND owner_digest = OLD.owner_digest;
    DELETE FROM active_by_owner WHERE tenant = OLD.tenant AND owner_digest = OLD.owner_digest AND jobs = 0;
    UPDATE active_by_queue SET jobs = jobs - 1
        WHERE tenant = OLD.tenant AND printer = OLD.printer AND state = OLD.state;
    DELETE FROM active_by_queue
        WHERE tenant = OLD.tenant AND printer = OLD.printer AND state = OLD.state AND jobs = 0;
END;

-- Two triggers, as a job may leave the active ones, come back to them, or change its state among them.
CREATE TRIGGER active_job_is_left AFTER UPDATE OF tenant, owner_digest, printer, state ON jobs
WHEN OLD.state < 7 AND (NEW.tenant, NEW.owner_digest, NEW.printer, NEW.state)
    IS NOT (OLD.tenant, OLD.owner_digest, OLD.printer, OLD.state)
BEGIN
    UPDATE active_by_owner SET jobs = jobs - 1 WHERE tenant = OLD.tenant AND owner_digest = OLD.owner_digest;
    DELETE FROM active_by_owner WHERE tenant = OLD.tenant AND owner_digest = OLD.owner_digest AND jobs = 0;
    UPDATE active_by_queue SET jobs = jobs - 1
        WHERE tenant = OLD.tenant AND printer = OLD.printer AND state = OLD.state;
    DELETE FROM active_by_queue
        WHERE tenant = OLD.tenant AND printer = OLD.printer AND state = OLD.state AND jobs = 0;
END;

CREATE TRIGGER active_job_is_joined AFTER UPDATE OF tenant, owner_digest, printer, state ON jobs
WHEN NEW.state < 7 AND (NEW.tenant, NEW.owner_digest, NEW.printer, NEW.state)
    IS NOT (OLD.tenant, OLD.owner_digest, OLD.printer, OLD.state)
BEGIN
    INSERT INTO active_by_owner VALUES (NEW.tenant, NEW.owner_digest, 1)
        ON CONFLICT DO UPDATE SET jobs = jobs + 1;
    INSERT INTO active_by_queue VALUES (NEW.tenant, NEW.printer, NEW.state, 1)
        ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE INDEX jobs_to_deliver ON jobs (tenant, output_device, rank DESC, position, id)
    WHERE state IN (3, 6) AND output_device IS NOT NULL;
