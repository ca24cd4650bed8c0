"""A throw-away service desk: people, a mail server, scripted activity, and the console on top."""
