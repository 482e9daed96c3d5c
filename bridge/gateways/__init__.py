"""One folder a gateway; each can be deleted."""
