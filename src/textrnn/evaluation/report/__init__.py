"""The report: what all recipes reached, as one HTML page that needs nothing else."""
