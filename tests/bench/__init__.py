"""Benchmarks, run by `make bench`. Only ratios from one run count: machines are noisy."""
