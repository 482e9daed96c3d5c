"""A real WordPress with a ticketing theme, for the tests, the benchmarks and the demo."""
