"""The verdict on a simulated run, from the files that it left and nothing else."""
