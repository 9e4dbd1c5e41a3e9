"""What a job does: where plans meet networks and pipelines."""
