"""The second edition of the cartoon world: motion that follows from prompt and clock, and sound."""
