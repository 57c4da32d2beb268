"""What the tests ask, and what is to be answered: data, apart from the tests."""
