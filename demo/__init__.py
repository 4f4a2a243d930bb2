"""A real Airflow with the simulator on one machine: what `make demo`, `make airflow` and the full-stack tests use."""
