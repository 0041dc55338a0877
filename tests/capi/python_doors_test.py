#!/usr/bin/env python3
"""The doors beside import and start, from Python over the C ABI, with the real engine and the sandbox: schedules, tests,
settling, retries, replies, lists and their pages, copies, personal data.

    python_doors_test.py --library libbulkmsg.so --package capi/python --sandbox S --data D [unittest's own options]
"""

import argparse
import asyncio
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import documented
import sandbox

arguments = argparse.ArgumentParser()
arguments.add_argument("--library", required=True)
arguments.add_argument("--package", required=True)
arguments.add_argument("--sandbox", required=True)
arguments.add_argument("--data", type=pathlib.Path, required=True)
given, rest = arguments.parse_known_args()
os.environ["BULKMSG_LIBRARY"] = given.library
sys.path.insert(0, given.package)

import bulkmsg  # noqa: E402
from bulkmsg import CampaignState, EventKind, MessageState, Receipt, Status  # noqa: E402

undocumented = documented.watch(bulkmsg._abi.library)


def tearDownModule():
    assert not undocumented, f"comments of bulkmsg.h do not list: {sorted(undocumented)}"


UTC = datetime.timezone.utc


def rows(count, start=0):
    return [{"phone_number": f"+1212555{start + i:04d}", "header_param1": f"A-{i}", "param1": "Ana", "param2": "a mug",
             "button0_param": f"a-{i}"} for i in range(count)]


class WithASandbox(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.directory = pathlib.Path(kept.name)
        self.port = sandbox.free_port()
        self.provider = sandbox.Sandbox(given.sandbox, given.data, self.directory, webhook_port=self.port)
        self.addCleanup(self.provider.stop)
        self.engine = self.open(io_threads=2)
        self.engine.listen(f"127.0.0.1:{self.port}")

    def open(self, name="store", **options):
        engine = bulkmsg.Engine(self.directory / name, **options)
        self.addCleanup(engine.close)
        return engine

    def draft(self, count=0, engine=None, sender=None, name="spring", **options):
        engine = engine or self.engine
        campaign = engine.create_campaign(
            name, sender=engine.put_sender(sender or self.provider.sender),
            template=engine.put_template(self.provider.template.read_text()), **options)
        if count:
            campaign.add(rows(count))
        return campaign

    def until(self, true, what="it"):
        sandbox.wait_until(true, what)

    def finish(self, campaign):
        self.until(lambda: campaign.state.is_final, "its end")

    def refused(self, code, call, *arguments, **options):
        with self.assertRaises(bulkmsg.Error) as caught:
            call(*arguments, **options)
        self.assertEqual(code, caught.exception.code, caught.exception)
        self.assertTrue(caught.exception.message)


class Drafts(WithASandbox):
    def test_what_is_missing_is_said_until_it_is_there(self):
        campaign = self.engine.create_campaign("spring", actor="ana")
        self.assertEqual({"content", "audience"}, {missing.step for missing in campaign.status().missing})
        self.refused(Status.WRONG_STATE, campaign.start)
        sender, template = (self.engine.put_sender(self.provider.sender),
                            self.engine.put_template(self.provider.template.read_text()))
        campaign.edit("summer", sender=sender, template=template, weight=3, urgent=True, hours="mon-sun 00:00-24:00",
                      hours_in="recipient", when_unconfirmed="give_up", unconfirmed_wait=datetime.timedelta(minutes=2),
                      mapping={"body.1": "param1|friend"}, actor="ben")
        self.assertEqual(["audience"], [missing.step for missing in campaign.status().missing])
        self.assertIn("header_param1", campaign.template_csv())
        self.assertEqual(self.engine.template_csv(template), bulkmsg.template_csv(self.provider.template.read_text()))
        campaign.add([{**rows(1)[0], "param1": ""}])
        status = campaign.status()
        self.assertEqual(([], "summer", "give_up"), (status.missing, status.name, status.when_unconfirmed))
        self.assertIn("friend", campaign.preview()["text"])
        self.assertEqual([("create", "ana"), ("edit", "ben")], [(h.action, h.actor) for h in campaign.history()])
        campaign.start(actor="ana")
        self.refused(Status.WRONG_STATE, campaign.edit, "autumn")
        self.finish(campaign)
        self.assertEqual(1, campaign.counters.sent)

    def test_settings_out_of_range(self):
        for bad in ({"weight": 0}, {"hours": "sometimes"}, {"when_unconfirmed": "maybe"},
                    {"unconfirmed_wait": datetime.timedelta(0)}, {"sender": 98765}):
            with self.assertRaises(bulkmsg.UsageError, msg=bad):
                self.engine.create_campaign("spring", **bad)

    def test_warnings_and_who_is_left_out(self):
        campaign = self.draft(3, content_rules="warn mug")
        self.engine.suppress([rows(1)[0]["phone_number"]])
        plan = campaign.dry_run()
        self.assertEqual((2, 1, 0, 0), (plan.messages, plan.suppressed, plan.without_consent, plan.window_closed))
        self.assertEqual(1, len(plan.warnings))

    def test_trying_a_sender_stores_nothing(self):
        self.assertIn("display_phone_number", self.engine.check_sender({**self.provider.sender, "name": "tried"}))
        self.refused(Status.JSON_MALFORMED, self.engine.check_sender, "{")
        self.refused(Status.NOT_FOUND, self.engine.check_sender, 98765)
        self.refused(Status.TOKEN_REJECTED, self.engine.check_sender,
                     {**self.provider.sender, "token": "env:CAPI_TEST_SECRET"})


class SeveralSenders(WithASandbox):
    def test_every_recipient_gets_one_and_its_message_says_which(self):
        second = {**self.provider.sender, "name": "second", "phone_number_id": "106540352242923"}
        campaign = self.draft(60, more_senders=[self.engine.put_sender(second)])
        plan = campaign.dry_run()
        self.assertEqual({self.provider.sender["name"], "second"}, set(plan.by_sender))
        self.assertEqual(60, sum(plan.by_sender.values()))
        self.assertTrue(all(plan.by_sender.values()), plan.by_sender)
        self.refused(Status.NOT_FOUND, self.engine.create_campaign, "spring", sender=1, more_senders=[98765])
        campaign.start()
        self.until(lambda: {message.sender for message in campaign.messages()} == set(plan.by_sender), "an answer to each")
        self.assertIsNone(self.engine.window_closes("+12125550000", sender=1))
        self.refused(Status.NOT_FOUND, self.engine.window_closes, "+12125550000", sender=98765)


class Schedules(WithASandbox):
    def test_fires_by_itself(self):
        for ahead in (3, 60):  # the second only where these few calls take seconds
            campaign = self.draft(3)
            at = datetime.datetime.now(UTC).replace(microsecond=0) + datetime.timedelta(seconds=ahead)
            try:
                plan = campaign.schedule(at, max_lateness=datetime.timedelta(minutes=5), actor="ana")
                status = campaign.status()
                campaign.add(rows(1, start=50))
                break
            except bulkmsg.UsageError:
                continue
        self.assertEqual(3, plan.messages)
        self.assertEqual((CampaignState.SCHEDULED, at), (status.state, status.scheduled_at))
        self.assertEqual((300, 3600), (status.max_lateness.seconds, status.unconfirmed_wait.seconds))
        self.finish(campaign)
        self.assertEqual(4, campaign.counters.sent)
        self.assertGreaterEqual(campaign.status().started_at, at)
        self.assertIn(("schedule", "ana"), [(h.action, h.actor) for h in campaign.history()])

    def test_cancelled_it_is_a_draft_again(self):
        campaign = self.draft(3)
        campaign.schedule("2030-01-01 09:00 Europe/Berlin" if datetime.date.today().year >= 2029 else self.next_year())
        self.assertEqual(CampaignState.SCHEDULED, campaign.state)
        self.refused(Status.WRONG_STATE, campaign.start)
        campaign.cancel_schedule(actor="ben")
        self.assertEqual(CampaignState.DRAFT, campaign.state)
        self.refused(Status.WRONG_STATE, campaign.cancel_schedule)

    @staticmethod
    def next_year():
        return f"{datetime.date.today().year + 1}-01-01 09:00 Europe/Berlin"

    def test_times_that_are_none(self):
        campaign = self.draft(3)
        for at in ("tomorrow", "2020-01-01 09:00 UTC", "2027-01-01 09:00", "2027-01-01 09:00 Atlantis/City"):
            self.refused(Status.BAD_OPTION_VALUE, campaign.schedule, at)
        with self.assertRaises(ValueError):
            campaign.schedule(datetime.datetime.now())
        self.assertEqual(datetime.datetime(2026, 12, 1, 8, tzinfo=UTC), bulkmsg.parse_time("2026-12-01 09:00 Europe/Berlin"))
        self.refused(Status.BAD_OPTION_VALUE, bulkmsg.parse_time, "soon")

    def test_from_another_process_in_mode_post(self):
        campaign = self.draft(3)
        script = f"""
import sys; sys.path.insert(0, {given.package!r})
import bulkmsg
with bulkmsg.Engine({str(self.directory / 'store')!r}, mode="post") as engine:
    (campaign,) = engine.campaigns()
    campaign.schedule({self.next_year()!r}, actor="from beside")
    assert campaign.state == bulkmsg.CampaignState.SCHEDULED
    campaign.cancel_schedule(wait=60)
    engine.suppress("+12125550000")
"""
        subprocess.run([sys.executable, "-B", "-c", script], check=True, timeout=sandbox.PATIENCE)
        self.assertEqual(CampaignState.DRAFT, campaign.state)
        self.assertIn(("schedule", "from beside"), [(h.action, h.actor) for h in campaign.history()])
        self.assertEqual(1, campaign.dry_run().suppressed)


class Sending(WithASandbox):
    def test_a_test_is_a_campaign_of_its_own(self):
        campaign = self.draft(3)
        test = campaign.test_send(["+12125559001", "+12125559002"], row=1, actor="ana")
        self.finish(test)
        self.assertEqual((2, campaign.id), (test.counters.sent, test.status().test_of))
        self.assertEqual({"+12125559001", "+12125559002"}, {message["to"] for message in self.provider.accepted()})
        self.assertEqual((CampaignState.DRAFT, 0), (campaign.state, campaign.counters.sent))
        self.refused(Status.NOT_FOUND, campaign.test_send, "+12125559001", row=3)
        self.refused(Status.INVALID_ARGUMENT, campaign.test_send, [])
        self.assertEqual([campaign.id], [found.id for found in self.engine.find_campaigns()])
        self.assertEqual([test.id], [found.id for found in self.engine.find_campaigns(tests=True, state=CampaignState.COMPLETED)])

    def test_pause_resume_and_stop_say_who_and_why(self):
        campaign = self.draft(200, sender=dict(self.provider.sender, limits="1/s"))
        campaign.start(actor="ana")
        campaign.pause("lunch", actor="ben")
        self.assertEqual("lunch", campaign.status().reason)
        campaign.resume(actor="ana")
        campaign.stop("enough", actor="ben")
        self.refused(Status.WRONG_STATE, campaign.resume)
        done = [(h.action, h.reason, h.actor) for h in campaign.history() if h.actor != "engine"]
        self.assertEqual([("pause", "lunch", "ben"), ("resume", "", "ana"), ("stop", "enough", "ben")], done[-3:])
        self.assertTrue(all(h.at.tzinfo is UTC and h.campaign == campaign.id for h in campaign.history()))

    def test_what_failed_goes_again_by_a_child(self):
        campaign = self.draft(5)
        self.refused(Status.WRONG_STATE, campaign.retry)
        self.provider.control("faults", {"errors": "131026:1.0"})
        campaign.start()
        self.finish(campaign)
        self.assertEqual(5, campaign.counters.failed)
        self.assertEqual([(131026, 5)], [(r["code"], r["count"]) for r in campaign.reasons()["failed"]])
        self.assertEqual(5, len(list(campaign.messages(code=131026))))
        self.provider.control("faults", {"off": True})
        self.refused(Status.NOT_FOUND, campaign.retry)  # they would fail again
        report = campaign.retry(all=True, name="again", actor="ana")
        child = self.engine.campaign(report.child)
        self.assertEqual((5, CampaignState.DRAFT), (report.messages, child.state))
        self.assertEqual((campaign.id, "again"), (child.status().parent, child.status().name))
        self.assertEqual([child.id], campaign.status().children)
        self.assertEqual({child.id}, {m.superseded_by for m in campaign.messages(state="refused")})
        self.assertEqual([*campaign.messages(state="refused")], [*campaign.messages(state="failed")])
        child.start()
        self.finish(child)
        self.assertEqual(5, child.counters.sent)
        self.refused(Status.NOT_FOUND, campaign.retry, all=True)

    def test_what_may_have_gone_is_settled_by_a_person(self):
        self.provider.control("webhook-url", b"")
        self.provider.control("faults", {"accept_then_502": 1.0})
        account = self.engine.put_account("shop", key="made once")
        self.assertEqual(account, self.engine.put_account("shop", key="made once"))
        campaign = self.draft(6, account=account)
        campaign.start()
        self.until(lambda: campaign.counters.unconfirmed == 6, "six unconfirmed")
        self.provider.control("faults", {"off": True})
        one = next(campaign.messages(state="unconfirmed"))
        self.refused(Status.BAD_OPTION_VALUE, campaign.resolve, sent=True, actor="")
        self.assertEqual(1, campaign.resolve(sent=True, actor="ana", reason="they wrote back", message=one))
        self.refused(Status.WRONG_STATE, campaign.resolve, sent=True, actor="ana", message=one)
        report = campaign.retry("unconfirmed")
        self.assertEqual(5, report.messages)
        self.engine.campaign(report.child).discard(actor="ana")
        self.assertEqual(5, campaign.resolve(sent=False, actor="ben"))
        self.assertEqual((1, 5, 0), tuple(getattr(campaign.counters, n) for n in ("sent", "failed", "unconfirmed")))
        self.assertEqual(1, self.engine.audit(account).spent)
        self.assertEqual(0, campaign.resolve(sent=False, actor="ben"))

    def test_replies_answer_campaigns_and_open_windows(self):
        campaign = self.draft(3)
        campaign.start()
        self.until(lambda: campaign.counters.delivered == 3, "receipts")
        number = rows(1)[0]["phone_number"]
        self.assertIsNone(self.engine.window_closes(number))
        self.provider.control("inbound", {"from": number, "text": "How much?"})
        self.until(lambda: list(self.engine.replies(campaign)), "the reply")
        self.provider.control("inbound", {"from": "+12125558888", "text": "STOP"})
        self.until(lambda: list(self.engine.suppressions()), "the opt-out")
        (reply,) = campaign.replies()
        self.assertEqual((number, "How much?", campaign.id, False), (reply.address, reply.text, reply.campaign, reply.opt_out))
        self.assertEqual("How much?", next(self.engine.replies(address=number)).text)
        self.assertEqual(2, len(list(self.engine.replies())))
        left = self.engine.window_closes(number) - datetime.datetime.now(UTC)
        self.assertTrue(datetime.timedelta(hours=23) < left <= datetime.timedelta(hours=24), left)
        self.assertEqual("stop_word", next(self.engine.suppressions()).source)
        self.engine.lift_suppression("+1 212 555 8888", source="stop_word", note="asked back")
        self.refused(Status.NOT_FOUND, self.engine.lift_suppression, "+12125558888")
        stored = {event.kind: event for event in self.engine.stored_events()}
        self.assertLessEqual({EventKind.REPLY, EventKind.OPT_OUT, EventKind.CAMPAIGN_CHANGED}, set(stored))
        self.assertEqual("How much?", next(
            e.payload["text"] for e in self.engine.stored_events() if e.kind == EventKind.REPLY and e.campaign == campaign.id))
        last = max(event.id for event in self.engine.stored_events())
        self.engine.ack(last)
        self.assertEqual([], [event for event in self.engine.stored_events() if event.id <= last])

    def test_handshake(self):
        self.engine.put_sender({**self.provider.sender, "verify_token": "env:CAPI_TEST_TOKEN"})
        self.assertEqual("42", self.engine.handshake("subscribe", sandbox.TOKEN, "42"))
        self.refused(Status.SIGNATURE_MISMATCH, self.engine.handshake, "subscribe", "another", "42")

    def test_groups_have_participants(self):
        campaign = self.draft(1)
        campaign.start()
        self.finish(campaign)
        self.until(lambda: campaign.counters.delivered == 1, "receipts")
        (message,) = campaign.messages()
        callback = self.provider.accepted()[0]["callback"]
        entry = {"id": message.provider_id, "status": "read", "timestamp": "1900000000", "recipient_id": "group",
                 "recipient_type": "group", "recipient_participant_id": "15550001111", "biz_opaque_callback_data": callback}
        value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": self.provider.sender["phone_number_id"]},
                 "statuses": [entry]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [
            {"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()
        self.engine.ingest(body, "sha256=" + hmac.new(sandbox.APP_SECRET.encode(), body, hashlib.sha256).hexdigest())
        self.until(lambda: list(campaign.participants(message)), "the participant")
        (participant,) = campaign.participants(message)
        self.assertEqual(("15550001111", Receipt.READ), (participant.participant, participant.receipt))


class Lists(WithASandbox):
    def test_messages_by_what_is_known_of_them(self):
        self.provider.control("faults", {"read_ratio": 0})  # so that nothing changes after they are delivered
        campaign = self.draft(30)
        campaign.start()
        self.until(lambda: campaign.counters.delivered == 30, "receipts")
        everyone = list(campaign.messages())
        self.assertEqual(30, len({m.message for m in everyone}))
        self.assertTrue(all(m.state is MessageState.ACCEPTED and m.delivered_at >= m.sent_at for m in everyone))
        self.assertEqual([], list(campaign.messages(receipt="none")))
        number = everyone[7].address
        self.assertEqual([everyone[7]], list(campaign.messages(address=number)))
        self.assertEqual([], list(campaign.messages(code=131026)))
        self.assertEqual(sorted(m.line for m in everyone), list(range(1, 31)))

    def test_pages_of_every_size_give_the_same_rows(self):
        engine = self.engine
        for i in range(7):
            engine.put_message(f"message {i}", {"type": "text", "text": {"body": "Hi"}})
            engine.declare_attribute(f"attribute_{i}")
            engine.put_segment(f"segment {i}", {"all": [{"attribute": "city", "is": "Lisbon"}]}) if i else \
                engine.declare_attribute("city")
            engine.suppress(f"+1212555700{i}")
            engine.suppress(f"+1212555700{i}", source="stop_word")
            engine.create_campaign(f"campaign {i}")
        engine.put_account("one"), engine.put_account("two")
        campaign = self.draft()
        campaign.import_csv("phone_number,header_param1,param1,param2,button0_param\n" + "x,,,,\n" * 7)
        self.assertEqual(7, len(list(campaign.rejected())))
        lists = {bulkmsg.ListKind.REJECTED: campaign.id, bulkmsg.ListKind.LEDGER: next(engine.accounts()).account}
        for kind in bulkmsg.ListKind:
            if kind in (bulkmsg.ListKind.MESSAGES, bulkmsg.ListKind.PARTICIPANTS):
                continue
            whole = list(engine._rows(kind, lists.get(kind, 0)))
            for page in (1, 2, 3, 7):
                self.assertEqual(whole, list(engine._rows(kind, lists.get(kind, 0), page)), (kind, page))
        self.assertEqual(14, len(list(engine.suppressions())))
        self.assertEqual(2, len(list(engine.suppressions("+12125557003"))))
        self.assertEqual(2, len(list(engine._rows(bulkmsg.ListKind.SUPPRESSIONS, 0, 1, address="+12125557003"))))
        self.assertEqual(7, len(list(engine.messages())))

    def test_a_bad_address_among_many_leaves_the_list_as_it_was(self):
        with self.assertRaises(bulkmsg.InputError) as caught:
            self.engine.suppress(["+12125557001", "nobody", "+12125557002"])
        self.assertIn("nobody", caught.exception.message)
        self.assertEqual([], list(self.engine.suppressions()))

    def test_accounts_tell_plan_and_balances(self):
        self.engine.put_account("shop", users=2, billing_day=31, time_zone="Europe/Berlin")
        (account,) = self.engine.accounts()
        self.assertEqual((2, 31, "Europe/Berlin", 6000, 6000),
                         (account.users, account.billing_day, account.time_zone, account.monthly_credits, account.available))
        self.assertGreater(account.renews_at, datetime.datetime.now(UTC))


class TheStore(WithASandbox):
    def test_a_backup_is_a_copy_until_it_is_adopted(self):
        campaign = self.draft(20, sender=dict(self.provider.sender, limits="1/10s"))
        campaign.start()
        self.until(lambda: campaign.counters.sent > 0, "the first message")
        copy = self.directory / "copy"
        self.engine.backup(copy, actor="ana")
        self.refused(Status.CONFLICT, self.engine.backup, copy)
        self.assertIn(("backup", "ana"), [(h.action, h.actor) for h in self.engine.history()])
        self.assertFalse(self.engine.store_status().copy)
        with bulkmsg.Engine(copy, mode="read") as looking:
            self.assertEqual((True, 20), (looking.store_status().copy, looking.campaign(campaign.id).counters.total))
            self.refused(Status.READ_ONLY, looking.set_retention, datetime.timedelta(days=2))
        adopted = bulkmsg.adopt(copy, actor="ben")
        self.assertEqual(1, adopted.paused)
        self.assertNotEqual(adopted.old_id, adopted.new_id)
        self.assertLess(adopted.last_entry, datetime.datetime.now(UTC))
        self.refused(Status.CONFLICT, bulkmsg.adopt, copy)
        self.refused(Status.STORE_IN_USE, bulkmsg.adopt, self.directory / "store")
        with bulkmsg.Engine(copy) as own:
            self.assertEqual(CampaignState.PAUSED, own.campaign(campaign.id).state)
            self.assertFalse(own.store_status().copy)

    def test_personal_data_is_forgotten_and_stays_barred(self):
        campaign = self.draft(3)
        number = rows(1)[0]["phone_number"]
        self.engine.import_contacts(f"phone_number,city\n{number},Lisbon\n")
        self.engine.suppress(number, note="asked")
        was = self.engine.forget(number, actor="ana", reason="asked by letter")
        self.assertEqual((1, 0, 0, True), was)
        self.assertEqual((0, 0, 0, False), self.engine.forget("+12125557777"))
        self.refused(Status.PHONE_HAS_LETTERS, self.engine.forget, "nobody")
        self.assertEqual([], list(self.engine.contacts()))
        self.assertEqual(1, len(list(self.engine.suppressions(number))))
        campaign.add([{**rows(1)[0]}])
        campaign.start()
        self.finish(campaign)
        self.assertNotIn(number, {message["to"] for message in self.provider.accepted()})
        entry = [h for h in self.engine.history() if h.action == "forget"][0]
        self.assertEqual(("ana", 0), (entry.actor, entry.campaign))

    def test_retention(self):
        self.assertIsNone(self.engine.store_status().retention)
        self.engine.set_retention(datetime.timedelta(days=30), actor="ana")
        self.assertEqual(datetime.timedelta(days=30), self.engine.store_status().retention)
        with self.assertRaises(bulkmsg.UsageError):
            self.engine.set_retention(datetime.timedelta(hours=3))
        with self.assertRaises(ValueError):
            self.engine.set_retention(datetime.timedelta(minutes=90))
        self.engine.set_retention(None)
        self.assertIsNone(self.engine.store_status().retention)

    def test_metrics(self):
        campaign = self.draft(4)
        campaign.start()
        self.finish(campaign)
        text = self.engine.metrics()
        self.assertRegex(text, r"(?m)^# TYPE bulkmsg_\w+ (counter|gauge)$")
        self.assertRegex(text, r"(?m)^bulkmsg_\w*messages\w*\{?.*\}? 4(\.0)?$")

    def test_what_a_crash_left_is_told(self):
        store = self.directory / "crashed"
        self.provider.control("faults", {"latency": "600000..600000"})
        script = f"""
import sys; sys.path.insert(0, {given.package!r})
import bulkmsg, time
engine = bulkmsg.Engine({str(store)!r})
campaign = engine.create_campaign("spring", sender=engine.put_sender({json.dumps(json.dumps(self.provider.sender))}),
    template=engine.put_template(open({str(self.provider.template)!r}).read()))
campaign.add({rows(10)!r})
campaign.start()
time.sleep(3600)
"""
        doomed = sandbox.Process([sys.executable, "-B", "-c", script])
        self.addCleanup(doomed.end)
        self.until(lambda: len(self.provider.accepted()) == 10, "ten messages")
        doomed.end()
        with bulkmsg.Engine(store, send=False) as engine:
            status = engine.store_status()
            self.assertEqual((10, 10), (status.recovered_unconfirmed, status.recovered_window))
            self.assertEqual(10, next(engine.campaigns()).counters.unconfirmed)


class Asyncio(WithASandbox):
    def test_a_schedule_is_told_by_the_loop(self):
        campaign = self.draft(3)

        async def run():
            states = []
            campaign.schedule(datetime.datetime.now(UTC) + datetime.timedelta(seconds=5))
            async for event in self.engine.aevents():
                if event.kind == EventKind.CAMPAIGN_CHANGED:
                    states.append(CampaignState(event.state))
                    if states[-1].is_final:
                        return states

        states = asyncio.run(asyncio.wait_for(run(), sandbox.PATIENCE))
        self.assertEqual(CampaignState.COMPLETED, states[-1])
        self.assertIn(CampaignState.SCHEDULED, states)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *rest])
