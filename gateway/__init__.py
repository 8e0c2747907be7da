"""The daemon: joins drivers to ports, schedules, stores, and answers to the head-end."""
