"""Lists of leads: whom to call, who is on the move, who waits, whom to take up again."""
