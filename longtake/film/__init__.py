"""A film: drawn, decoded, encoded, written."""
