"""Real programs of other people's, started beside ours: printers, spoolers, conformance suites, browsers.

Each module drives one program. `tests.peers.fixtures` is the pytest plugin that hands them to tests and
attaches what they logged to a test that fails.
"""
