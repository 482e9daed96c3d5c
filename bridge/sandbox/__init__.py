"""Gateways that behave like the real ones, with books of what money really moved."""
