"""What runs beside `airbyte-cdk`, in an environment of its own. Imports nothing of this project."""
