"""Storms: the real application on a virtual clock, with everything going wrong that can; repeatable from a number."""
