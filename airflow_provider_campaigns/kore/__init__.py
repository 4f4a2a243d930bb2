"""The Kore.ai campaign service as a Python client; knows no Airflow."""
