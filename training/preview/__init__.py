"""What another playbook would change: who moves, how many calls a week, and how it would have done."""
