"""Jobs in the daemon: the one writer of them, the spool of each queue, and what subscribers hear."""
