"""What is done to campaigns, with a ``KoreClient`` and a clock; knows no Airflow."""
