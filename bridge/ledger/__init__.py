"""The books: one transaction is one turn."""
