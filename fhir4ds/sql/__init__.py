"""From a plan to the text of one readable statement, through the words of a dialect."""
