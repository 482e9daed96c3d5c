"""Signatures, tokens and strict JSON, proven by vectors that PHP reads too."""
