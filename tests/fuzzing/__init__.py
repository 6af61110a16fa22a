"""Inputs with structure and strange parts, and what every command owes to each of them (tests/test_fuzzing.py)."""
