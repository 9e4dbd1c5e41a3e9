"""The procedural cartoon: any frame of endless episodes, and exactly what it shows."""
