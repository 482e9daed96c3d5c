"""The words and rules of payments: standard library only, no input or output."""
