"""Signals that steer a film, each turned into tokens per prompt or moment."""
