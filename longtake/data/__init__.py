"""The procedural cartoon world: pictures, captions and exact ground truth, at random access."""
