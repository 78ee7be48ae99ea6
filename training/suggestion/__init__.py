"""What a playbook could say by the data: points for its rules, or lines for probabilities."""
