"""What the arguments of operators and sensors mean, whether a DAG gives them as values or a template as text."""
