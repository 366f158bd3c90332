import os

import httpx

client = httpx.Client(base_url="https://api.example.com", headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})


def list_records(path):
    params = {}
    while True:
        response = client.get(path, params=params)
        response.raise_for_status()
        body = response.json()
        yield from body["data"]
        if not body["next_cursor"]:
            return
        params["cursor"] = body["next_cursor"]


def list_projects():
    return list_records("/projects")


def list_tasks():
    for project in list_projects():
        yield from list_records(f"/projects/{project['id']}/tasks")
