"""`python -m server` is `pullprint`."""

from server.cli import main

main(prog_name="pullprint")
