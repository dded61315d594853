-- What the configuration file said of printers, and says no longer, goes out of the index at the next start. Those
-- that are here already are taken for ones that commands made, until the file is read again.
ALTER TABLE printers ADD COLUMN from_file INTEGER NOT NULL DEFAULT 0 CHECK (from_file IN (0, 1));
