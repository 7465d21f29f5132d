"""Describe pictures facet by facet, in one pass over a film."""
