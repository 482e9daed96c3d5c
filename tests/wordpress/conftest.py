"""Gives this folder's tests the stands and shops."""

from tests.wordpress.fixtures import (
    bare_stand,
    make_shop,
    make_stand,
    oldest_shop,
    oldest_stand,
    quick_shop,
    quick_stand,
)

__all__ = ["bare_stand", "make_shop", "make_stand", "oldest_shop", "oldest_stand", "quick_shop", "quick_stand"]
