"""What is done to campaigns, with a ``KoreClient`` and a clock; one folder for each verb. Knows no Airflow."""
