import os

import httpx

client = httpx.Client(base_url="https://api.example.com", headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})


def list_people():
    params = {}
    while True:
        response = client.get("/people", params=params)
        response.raise_for_status()
        body = response.json()
        yield from body["data"]
        if not body["meta"]["next_cursor"]:
            return
        params["cursor"] = body["meta"]["next_cursor"]
