import os

import httpx

client = httpx.Client(base_url="https://api.example.com", headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})


def list_people():
    url = "/people"
    while url:
        response = client.get(url)
        response.raise_for_status()
        body = response.json()
        yield from body["results"]
        url = body["next"]
