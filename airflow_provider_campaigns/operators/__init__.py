"""Airflow operators; the work itself is in ``actions``."""
