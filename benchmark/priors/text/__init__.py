"""Diffusion priors that are told in words what to show.

A folder of its own: the code beside it is in the key of every run with a prior (benchmark/datasets/sources.py), this code only
in those of runs with a prior that the user brings.
"""
