"""The tests of the bridge, the plugin and both together."""
