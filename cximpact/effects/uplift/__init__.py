"""Uplift: whom a contact changes, and what a list is worth."""
