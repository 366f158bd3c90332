import os

import httpx

client = httpx.Client(base_url="https://api.example.com", auth=(os.environ["USERNAME"], os.environ["PASSWORD"]))


def list_people():
    offset = 0
    while True:
        response = client.get("/people", params={"offset": offset, "limit": 100})
        response.raise_for_status()
        records = response.json()
        yield from records
        if len(records) < 100:
            return
        offset += len(records)
