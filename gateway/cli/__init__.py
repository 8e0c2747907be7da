"""The command line: one module a group of commands, loaded only when its command is given."""
