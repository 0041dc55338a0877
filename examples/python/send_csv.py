#!/usr/bin/env python3
"""Sends a template to everyone in a CSV file, and waits until every message is accounted for.

    send_csv.py STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]

With LISTEN_ADDRESS ("127.0.0.1:8080") it also answers the provider's webhooks there and waits for the receipts.
Killed in the middle, run it again: it finds the unfinished campaign in the store and goes on with it.
It ends with 0 when every message is accounted for, with 3 when the campaign is paused or messages are unconfirmed.
Needs the package: `pip install ./capi/python`, or PYTHONPATH=capi/python and BULKMSG_LIBRARY=.../libbulkmsg.so.
"""

import itertools
import pathlib
import sys

import bulkmsg
from bulkmsg import CampaignState


def unfinished_campaign(engine):
    for campaign in engine.campaigns():
        if CampaignState.DRAFT < campaign.state < CampaignState.COMPLETED:
            return campaign
    return None


def new_campaign(engine, sender_file, template_file, csv_file):
    campaign = engine.create_campaign(
        csv_file,
        sender=engine.put_sender(pathlib.Path(sender_file).read_bytes()),
        template=engine.put_template(pathlib.Path(template_file).read_bytes()),
        account=engine.put_account("send_csv", users=5),  # 3,000 credits a month each
    )
    report = campaign.import_csv_file(csv_file)
    print(f"{report.rows} rows: {report.added} added, {report.duplicates} duplicates, {report.rejected} rejected")
    plan = campaign.start()
    print(f"sending {plan.messages} messages, at least {plan.duration:.1f} s")
    return campaign


def run(store, sender_file, template_file, csv_file, listen_address=None):
    with bulkmsg.Engine(store) as engine:
        campaign = unfinished_campaign(engine)
        if campaign is None:
            campaign = new_campaign(engine, sender_file, template_file, csv_file)
        elif campaign.state == CampaignState.PAUSED:
            campaign.resume()
        if listen_address:
            engine.listen(listen_address)

        state = campaign.state
        while not state.is_final and state != CampaignState.PAUSED:
            for _ in engine.events(timeout=0.2):  # acknowledges what it has handed out
                pass
            state = campaign.state
        if listen_address:
            for _ in engine.events(timeout=3):  # receipts: until none came for three seconds
                pass

        counters = campaign.counters
        for name in "total sent failed unconfirmed skipped queued delivered read undelivered credits_spent".split():
            print(name, getattr(counters, name))
        for why in itertools.chain(*campaign.reasons().values()):
            print(f"not sent: {why['count']}, {why['reason']}")
        if state != CampaignState.COMPLETED:
            print(f"{state.name.lower()}: {campaign.status().reason}; put it right and run this again", file=sys.stderr)
        return 0 if state == CampaignState.COMPLETED and counters.unconfirmed == 0 else 3


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(f"usage: {sys.argv[0]} STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]")
    try:
        sys.exit(run(*sys.argv[1:]))
    except bulkmsg.Error as error:
        sys.exit(f"send_csv: {error}")
