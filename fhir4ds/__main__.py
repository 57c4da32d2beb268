"""``python -m fhir4ds`` is the command line."""

from fhir4ds.cli import main

main()
