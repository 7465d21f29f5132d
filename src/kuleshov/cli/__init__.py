"""The command line: a small module for each verb."""
