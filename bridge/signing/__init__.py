"""Signed requests, signed news, and tokens that browsers carry: pure, used by web and flows."""
