"""The operator's pages."""

from bridge.web.dashboard.app import routes

__all__ = ["routes"]
