import os

import httpx

client = httpx.Client(base_url="https://api.example.com", headers={"X-Api-Key": os.environ["API_KEY"]})


def list_people():
    page = 1
    while True:
        response = client.get("/people", params={"page": page, "per_page": 100})
        response.raise_for_status()
        records = response.json()["data"]
        yield from records
        if len(records) < 100:
            return
        page += 1
