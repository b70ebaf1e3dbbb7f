"""The Price List service: on-demand prices of the snapshot in AWS's nested shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from aicompute_tui.demo.world import snapshot
from aicompute_tui.demo.world.call import Answer, Call, CallError, json_answer, page

_FIXED = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "licenseModel": "No License required",
    "marketoption": "OnDemand",
    "servicecode": "AmazonEC2",
    "locationType": "AWS Region",
}


def get_products(call: Call) -> Answer:
    if call.body.get("ServiceCode") != "AmazonEC2":
        raise CallError("NotFoundException", "The service code is not known")
    filters: dict[str, str] = {item["Field"]: item["Value"] for item in call.body.get("Filters", [])}
    products = [json.dumps(product) for product in _products(filters)]
    chosen, token = page(call.fields, products, 100)
    content: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": list(chosen)}
    return json_answer({**content, "NextToken": token} if token else content)


def _products(filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for (instance_type, region), quote in sorted(snapshot.quotes().items()):
        if quote.on_demand is None:
            continue
        for capacity, price in (("Used", quote.on_demand), ("UnusedCapacityReservation", Decimal(0))):
            attributes = {
                **_FIXED,
                "instanceType": instance_type,
                "regionCode": region,
                "capacitystatus": capacity,
                "vcpu": str(snapshot.vcpus().get(instance_type, "")),
            }
            if all(attributes.get(field) == value for field, value in filters.items()):
                yield _product(attributes, price)


def _product(attributes: Mapping[str, str], price: Decimal) -> dict[str, Any]:
    sku = f"{attributes['instanceType']}-{attributes['regionCode']}-{attributes['capacitystatus']}".upper()
    term = f"{sku}.JRTCKXETXF"
    return {
        "product": {"productFamily": "Compute Instance", "attributes": dict(attributes), "sku": sku},
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": {
                term: {
                    "offerTermCode": "JRTCKXETXF",
                    "sku": sku,
                    "priceDimensions": {
                        f"{term}.6YS6EN2CT7": {
                            "unit": "Hrs",
                            "description": f"${price} per On Demand Linux {attributes['instanceType']} Instance Hour",
                            "pricePerUnit": {"USD": f"{price:.10f}"},
                        }
                    },
                }
            }
        },
        "version": "20261120000000",
    }
