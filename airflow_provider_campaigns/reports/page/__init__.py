"""The report for people, as one HTML page."""
