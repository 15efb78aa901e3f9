"""boto3 clients of one endpoint."""

import functools

import boto3
from botocore.config import Config

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class Aws:
    def __init__(self, endpoint):
        self.endpoint = endpoint

    @functools.lru_cache(maxsize=None)
    def client(self, service, region="us-west-2"):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"max_attempts": 1, "mode": "standard"}, max_pool_connections=32),
        )

    def wait(self, _):
        """moto is instant."""
