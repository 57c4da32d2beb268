"""Official test suites, run through the same doors that a user's own expressions take."""
