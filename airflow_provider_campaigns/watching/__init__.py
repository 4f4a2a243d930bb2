"""Waiting for what campaigns become: one look for all who wait. Changes nothing, knows no Airflow."""
