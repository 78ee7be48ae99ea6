"""The gate: whether a newly trained model may take the champion's place, and why."""
