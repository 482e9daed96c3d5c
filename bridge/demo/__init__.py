"""A shop without WordPress: seals orders, hears news and answers the fence as the plugin does; and the check by it."""
