"""Conditional models of one variable given others, with influence functions and noise."""
