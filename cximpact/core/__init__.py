"""Errors, draws, results, units: what every stage stands on."""
