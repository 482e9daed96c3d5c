"""Use cases, one a file: turn, talk, turn."""
