"""PayApp: one address, commands by name, and news of every payment by feedback."""
