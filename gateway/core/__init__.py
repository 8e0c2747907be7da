"""What every part of the daemon stands on: settings, clock, supervision, logs, control."""
