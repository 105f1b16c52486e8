"""Generators side by side: fidelity per second of ours and of installable peers, in one run on one machine."""
