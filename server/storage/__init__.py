"""The embedded store: sealed documents, their keys, the database, the ledger and the index of jobs."""
