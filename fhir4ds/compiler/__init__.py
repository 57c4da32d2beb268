"""From the text of an expression to one SQL statement: pure, and nothing here opens a connection."""
