"""Figures of runs against a quantity of their configuration, and what a paper has for them.

schema    a file of a curve, and what is wrong with it
plan      all runs of it, by number, and what is read from each
outcome   all points, beside the paper's: `curve.json`, its page, and what a person reads
commands  the command line
"""
