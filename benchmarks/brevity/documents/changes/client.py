import json
import os
from pathlib import Path

import httpx

STATE = Path("state.json")
client = httpx.Client(base_url="https://api.example.com", headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})


def list_people():
    since = json.loads(STATE.read_text()) if STATE.exists() else None
    params = {"updated_since": since} if since else {}
    while True:
        response = client.get("/people", params=params)
        response.raise_for_status()
        body = response.json()
        yield from body["data"]
        since = max([record["updated_at"] for record in body["data"]] + ([since] if since else []), default=None)
        if not body["next_cursor"]:
            break
        params["cursor"] = body["next_cursor"]
    STATE.write_text(json.dumps(since))


def get_people(identifier):
    response = client.get(f"/people/{identifier}")
    response.raise_for_status()
    return response.json()


def create_people(person):
    response = client.post("/people", json=person)
    response.raise_for_status()
    return response.json()
