"""The local admin socket: what a command asks of the running daemon, so that one process writes."""
