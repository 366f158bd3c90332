"""Run by moto's own Python, `moto_seed.py URL ITEMS KEYS FILE`: fills the server, writes its users, turns checks on."""

import json
import sys
import urllib.request
from pathlib import Path

import boto3

url, items, keys, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
how = {
    "endpoint_url": url,
    "region_name": "us-east-1",
    "aws_access_key_id": "seed",
    "aws_secret_access_key": "seed",
}

iam = boto3.client("iam", **how)
users = {}
for name, actions in {"full": "*", "reader": ["s3:ListBucket", "s3:GetObject", "dynamodb:Scan"]}.items():
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    users[name] = {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}
for number in range(5):
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    trusted = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=f"role{number}", AssumeRolePolicyDocument=trusted)
scans = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": "*"}]}
iam.put_role_policy(RoleName="role0", PolicyName="p", PolicyDocument=json.dumps(scans))

s3 = boto3.client("s3", **how)
s3.create_bucket(Bucket="crm")
for number in range(keys):
    s3.put_object(Bucket="crm", Key=f"contacts/{number:03} & more+é.json", Body=b'{"id": %d}' % number)

table = boto3.client("dynamodb", **how)
table.create_table(
    TableName="contacts",
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"}],
    BillingMode="PAY_PER_REQUEST",
)
for start in range(0, items, 25):
    puts = [
        {"PutRequest": {"Item": {"id": {"S": f"c{n}"}, "at": {"N": str(n)}, "email": {"S": f"u{n}@example.com"}}}}
        for n in range(start, min(items, start + 25))
    ]
    table.batch_write_item(RequestItems={"contacts": puts})

file.write_text(json.dumps(users), encoding="utf-8")
plain = {"content-type": "text/plain"}
urllib.request.urlopen(urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", headers=plain))
