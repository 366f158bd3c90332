import os

import httpx

client = httpx.Client(base_url="https://api.example.com", headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})


def list_people():
    query = {"status": "active"}
    while True:
        response = client.post("/people/search", json=query)
        response.raise_for_status()
        body = response.json()
        yield from body["results"]
        if not body["next_cursor"]:
            return
        query["cursor"] = body["next_cursor"]
