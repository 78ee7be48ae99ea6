"""The doors of the service: one file a subject, one function an endpoint."""
