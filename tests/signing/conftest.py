"""No example of these tests may fail because the machine was busy."""

from hypothesis import settings

settings.register_profile("signing", deadline=None)
settings.load_profile("signing")
