"""Figures of this package beside what a user would pick instead, all measured in one run."""
