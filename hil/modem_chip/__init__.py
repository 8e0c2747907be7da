"""The inside of the emulated AMIS-49587: its serial line, its commands, its data base."""
