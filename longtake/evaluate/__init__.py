"""Measuring a long film: what is seen in it, what was asked for, and controls that must fail."""
