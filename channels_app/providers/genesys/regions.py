"""Where Genesys Cloud is: one domain for each AWS region, with its API, its login and its page for people.

Hosts as Genesys' own SDKs name them (`PureCloudRegionHosts`): `api.` before the domain, `login.` and `apps.` likewise.
"""

from __future__ import annotations

from collections.abc import Mapping

DOMAINS: Mapping[str, str] = {
    "us-east-1": "mypurecloud.com",
    "us-west-2": "usw2.pure.cloud",
    "us-east-2": "use2.us-gov-pure.cloud",
    "ca-central-1": "cac1.pure.cloud",
    "sa-east-1": "sae1.pure.cloud",
    "mx-central-1": "mxc1.pure.cloud",
    "eu-west-1": "mypurecloud.ie",
    "eu-west-2": "euw2.pure.cloud",
    "eu-central-1": "mypurecloud.de",
    "eu-central-2": "euc2.pure.cloud",
    "me-central-1": "mec1.pure.cloud",
    "ap-south-1": "aps1.pure.cloud",
    "ap-southeast-1": "apse1.pure.cloud",
    "ap-southeast-2": "mypurecloud.com.au",
    "ap-northeast-1": "mypurecloud.jp",
    "ap-northeast-2": "apne2.pure.cloud",
    "ap-northeast-3": "apne3.pure.cloud",
}
_PLACES: Mapping[str, str] = {
    "us-east-1": "US East",
    "us-west-2": "US West",
    "us-east-2": "US East 2, FedRAMP",
    "ca-central-1": "Canada",
    "sa-east-1": "São Paulo",
    "mx-central-1": "Mexico",
    "eu-west-1": "Ireland",
    "eu-west-2": "London",
    "eu-central-1": "Frankfurt",
    "eu-central-2": "Zurich",
    "me-central-1": "UAE",
    "ap-south-1": "Mumbai",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "ap-northeast-1": "Tokyo",
    "ap-northeast-2": "Seoul",
    "ap-northeast-3": "Osaka",
}
CHOICES = tuple((region, f"{domain}: {_PLACES[region]} ({region})") for region, domain in DOMAINS.items())


def page_of(region: str, conversation: str) -> str:
    """Where people open an interaction. Genesys documents no such link; it is the one its own pages have."""
    return f"https://apps.{DOMAINS[region]}/directory/#/analytics/interactions/{conversation}/admin"
