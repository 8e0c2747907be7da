"""The world around the daemon: line, modem, meters, broker and head-end, emulated."""
