"""Bugs that payment software really ships, as patches; whatever is meant to catch them must."""
