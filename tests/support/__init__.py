"""What tests share: servers and other helpers that are no tests themselves."""
