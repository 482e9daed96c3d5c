"""Pay Bridge: payments for a WordPress ticketing site, where money never lies."""

__version__ = "0.1.0"
