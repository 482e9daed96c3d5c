"""Payple: every operation is an authentication and an act at the address it names."""
