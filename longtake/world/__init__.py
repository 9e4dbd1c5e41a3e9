"""The procedural cartoon, in editions: any frame of endless episodes, and exactly what it shows."""
