"""What the tests of the bridge's core share: a clock, a wire inside the process, a shop, a world."""
