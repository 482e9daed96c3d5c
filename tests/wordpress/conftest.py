"""Gives this folder's tests the stands."""

from tests.wordpress.fixtures import bare_stand, make_stand, oldest_stand, quick_stand

__all__ = ["bare_stand", "make_stand", "oldest_stand", "quick_stand"]
