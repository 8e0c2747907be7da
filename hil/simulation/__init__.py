"""Scenarios in virtual time: the stage, what befalls it, and what is told of it afterwards."""
