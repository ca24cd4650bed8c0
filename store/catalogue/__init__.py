"""What ships with Vestnik: the standard event actions and escalations, their letters, and the names of things."""
