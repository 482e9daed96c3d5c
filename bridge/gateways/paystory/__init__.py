"""Pay-Story: a window opened by a script, billing keys, an inquiry, signed notices."""
