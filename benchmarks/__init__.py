"""How fast, how large, and what a buyer notices: `make bench` measures it in one run, into docs/benchmarks.md."""
