"""What dev.py, the tests and the benchmarks share; kept out of the shipped archive."""
