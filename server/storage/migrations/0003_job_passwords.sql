-- What a job's password (PWG 5100.11 job-password) is checked against: an Argon2id PHC string, sealed.
CREATE TABLE job_passwords (
    job_id  INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    tenant  TEXT NOT NULL,
    sealed  BLOB NOT NULL
) STRICT;
