"""The meters' side of the daemon: who is on the line, what they hold, what to ask next."""
