#!/usr/bin/env python3
"""The Python package: agrees with the header, and runs a campaign against the sandbox.

    python_test.py --library libbulkmsg.so --package capi/python --header capi/include/bulkmsg/bulkmsg.h
                   --sandbox build/bin/bulkmsg-sandbox --data examples/data [unittest's own options]
"""

import argparse
import collections
import ctypes
import gc
import hashlib
import hmac
import json
import os
import pathlib
import re
import select
import signal
import sys
import tempfile
import threading
import time
import unittest

import c_header
import documented
import sandbox

arguments = argparse.ArgumentParser()
arguments.add_argument("--library", required=True)
arguments.add_argument("--package", required=True)
arguments.add_argument("--header", type=pathlib.Path, required=True)
arguments.add_argument("--sandbox", required=True)
arguments.add_argument("--data", type=pathlib.Path, required=True)
given, rest = arguments.parse_known_args()
os.environ["BULKMSG_LIBRARY"] = given.library
sys.path.insert(0, given.package)

import bulkmsg  # noqa: E402
from bulkmsg import EventKind, _abi  # noqa: E402

undocumented = documented.watch(bulkmsg._abi.library)


def tearDownModule():
    assert not undocumented, f"comments of bulkmsg.h do not list: {sorted(undocumented)}"


COLUMNS = "phone_number,header_param1,param1,param2,button0_param\n"


def rows(count, start=0):
    return COLUMNS + "".join(f"+1212555{start + i:04d},A-{i},Ana,a mug,a-{i}\n" for i in range(count))


class AgreesWithTheHeader(unittest.TestCase):
    header = c_header.read(given.header)

    def test_every_function_has_its_signature(self):
        word = {"int32_t": "i32", "int64_t": "i64", "uint32_t": "u32", "size_t": "size", "bulkmsg_status": "status",
                "const char *": "chars", "void": "void"}
        for name, function in self.header.functions.items():
            expected = []
            for t in function.parameters:
                handle = t.endswith("*") and not t.endswith("**") and t.removeprefix("const ").rstrip(" *") in (
                    "bulkmsg_engine", "bulkmsg_config", "bulkmsg_error", "bulkmsg_text", "bulkmsg_limiter")
                expected.append(word.get(t) or ("ptr" if handle or t == "const uint64_t *" else "out"))
            result, parameters = _abi.SIGNATURES[name]
            self.assertEqual(expected, parameters.split(), name)
            # A text may hold NULs, so its bytes are taken by pointer and length.
            self.assertEqual("ptr" if name == "bulkmsg_text_data" else word[function.result], result, name)
        self.assertEqual(set(self.header.functions), set(_abi.SIGNATURES))

    def test_every_constant_has_its_number(self):
        enums = {"BULKMSG_E_": bulkmsg.Status, "BULKMSG_CONFIG_": bulkmsg.ConfigKind, "BULKMSG_LIST_": bulkmsg.ListKind,
                 "BULKMSG_CAMPAIGN_": bulkmsg.CampaignState, "BULKMSG_MESSAGE_": bulkmsg.MessageState,
                 "BULKMSG_RECEIPT_": bulkmsg.Receipt, "BULKMSG_EVENT_": bulkmsg.EventKind,
                 "BULKMSG_FORMAT_": bulkmsg.Format}
        ours = {prefix + member.name: int(member) for prefix, enum in enums.items() for member in enum}
        ours["BULKMSG_OK"] = ours.pop("BULKMSG_E_OK")
        self.assertEqual(self.header.constants, ours)

    def test_every_struct_has_its_fields(self):
        for name, ours in (("bulkmsg_counters", _abi.CountersStruct), ("bulkmsg_import_report", _abi.ReportStruct),
                           ("bulkmsg_plan", _abi.PlanStruct), ("bulkmsg_balances", _abi.BalancesStruct)):
            types = {ctypes.c_int64: "int64_t", ctypes.c_char * 72: "char[72]"}
            self.assertEqual(list(self.header.structs[name].items()), [(f, types[t]) for f, t in ours._fields_], name)
        fields = list(self.header.structs["bulkmsg_event"])
        self.assertEqual(fields, [*bulkmsg.Event._fields, "reserved"])

    def test_every_option_of_a_campaign_has_a_keyword(self):
        keys = {option["key"] for option in bulkmsg.options(bulkmsg.ConfigKind.CAMPAIGN)}
        other = {"name": None, "map.": "mapping", "unconfirmed_wait_ms": "unconfirmed_wait"}
        expected = {other.get(re.sub(r"^map\..*", "map.", key), key) for key in keys} - {None}
        self.assertEqual(expected, set(bulkmsg.CampaignSettings.__annotations__))

    def test_version(self):
        number = int(re.search(r"define BULKMSG_VERSION_NUMBER (0x[0-9a-f]+)", given.header.read_text())[1], 16)
        self.assertEqual(number, _abi.VERSION_NUMBER)
        self.assertEqual(number, _abi.library.bulkmsg_version_number())
        parts = (number >> 16, number >> 8 & 255, number & 255)
        self.assertEqual("%d.%d.%d" % parts, bulkmsg.__version__)
        self.assertEqual("libbulkmsg.so.%d.%d" % parts[:2], _abi.SONAME)


class WithADirectory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        os.environ.update(CAPI_TEST_TOKEN=sandbox.TOKEN, CAPI_TEST_SECRET=sandbox.APP_SECRET)
        self.template = (given.data / "order_update.json").read_text()

    def open(self, name="store", **options):
        engine = bulkmsg.Engine(self.directory / name, **options)
        self.addCleanup(engine.close)
        return engine

    def sandbox(self, **options):
        provider = sandbox.Sandbox(given.sandbox, given.data, self.directory, **options)
        self.addCleanup(provider.stop)
        return provider

    def draft(self, engine, sender=None, **options):
        sender = sender or {"name": "nowhere", "origin": "http://127.0.0.1:1", "phone_number_id": "106540352242922",
                            "agent": "ana", "token": "env:CAPI_TEST_TOKEN"}
        return engine.create_campaign(
            "spring", sender=engine.put_sender(sender), template=engine.put_template(self.template), **options)

    def until_final(self, engine, campaign, messages=0):
        """The events up to the campaign's end and the word on so many messages, or that there was no room for it."""
        events = []

        def all_told():
            events.extend(engine.events(timeout=0.1))
            kinds = collections.Counter(e.kind for e in events)
            final = (e for e in events if e.kind == EventKind.CAMPAIGN_CHANGED and bulkmsg.CampaignState(e.state).is_final)
            return any(final) and (kinds[EventKind.MESSAGE] >= messages or kinds[EventKind.RESYNC])

        sandbox.wait_until(all_told, "the end of the campaign")
        self.assertTrue(campaign.state.is_final)
        return events


class Errors(WithADirectory):
    def test_exceptions_follow_the_range_of_the_code(self):
        engine = self.open()
        with self.assertRaises(bulkmsg.InputError) as caught:
            engine.put_template("not json")
        self.assertEqual(bulkmsg.Status.TEMPLATE_MALFORMED, caught.exception.code)
        self.assertEqual("template_malformed", caught.exception.name)
        self.assertIn("[template_malformed]", str(caught.exception))
        with self.assertRaises(bulkmsg.UsageError) as caught:
            engine.campaign(987654321).state
        self.assertEqual(bulkmsg.Status.NOT_FOUND, caught.exception.code)
        with self.assertRaises(bulkmsg.UsageError) as caught:
            self.draft(engine).pause()
        self.assertEqual(bulkmsg.Status.WRONG_STATE, caught.exception.code)
        with self.assertRaises(bulkmsg.UsageError) as caught:
            bulkmsg.Engine(self.directory / "other", mode="rum")
        self.assertEqual(bulkmsg.Status.BAD_OPTION_VALUE, caught.exception.code)
        foreign = self.directory / "foreign"
        foreign.write_text("not a store " * 1000)
        with self.assertRaises(bulkmsg.StoreError):
            bulkmsg.Engine(foreign)

    def test_a_store_in_use_says_so_and_reads_all_the_same(self):
        engine = self.open()
        campaign = self.draft(engine)
        self.assertEqual(0, os.system(
            f'{sys.executable} -c "import sys; sys.path.insert(0, {str(given.package)!r}); import bulkmsg\n'
            f'try:\n    bulkmsg.Engine({str(self.directory / "store")!r})\n'
            'except bulkmsg.StoreError as e:\n    assert e.code == bulkmsg.Status.STORE_IN_USE, e\n'
            'else:\n    raise SystemExit(1)\n'
            f'with bulkmsg.Engine({str(self.directory / "store")!r}, mode=\'read\') as engine:\n'
            f'    assert [c.id for c in engine.campaigns()] == [{campaign.id}]"'))

    def test_a_closed_engine_says_so(self):
        with self.open() as engine:
            campaign = self.draft(engine)
        engine.close()
        for attempt in (engine.poll, lambda: campaign.state, lambda: next(engine.campaigns()), engine.fileno):
            with self.assertRaises(bulkmsg.UsageError) as caught:
                attempt()
            self.assertEqual(bulkmsg.Status.CLOSED, caught.exception.code)

    def test_a_secret_without_a_value(self):
        with self.assertRaises(bulkmsg.UsageError) as caught:
            self.open().put_sender({"name": "s", "phone_number_id": "1", "token": "env:SURELY_NOT_SET"})
        self.assertEqual(bulkmsg.Status.SECRET_MISSING, caught.exception.code)

    def test_options_are_described(self):
        for kind in [*bulkmsg.ConfigKind, *bulkmsg.ListKind]:
            for option in bulkmsg.options(kind):
                self.assertTrue(option["description"], option)
        self.assertIn("progress_max", [o["key"] for o in bulkmsg.options(bulkmsg.ConfigKind.ENGINE)])


class Drafts(WithADirectory):
    def test_import_reports_and_keeps_the_rejected_rows(self):
        campaign = self.draft(self.open())
        report = campaign.import_csv(rows(20) + 'abc,A,"two, with ""quotes""",x,y\n' + rows(1).splitlines()[1] + "\n")
        self.assertEqual(bulkmsg.ImportReport(22, 20, 1, 1), report)
        rejected = {row.line: row for row in campaign.rejected()}
        self.assertEqual(bulkmsg.Status.PHONE_HAS_LETTERS, rejected[22].code)
        self.assertEqual("abc", rejected[22].address)
        self.assertEqual("phone_number", rejected[22].column_name)
        self.assertTrue(rejected[22].reason)

    def test_dry_run_shows_the_plan(self):
        campaign = self.draft(self.open())
        campaign.import_csv(rows(5))
        plan = campaign.dry_run()
        self.assertEqual((5, None), (plan.messages, plan.credits_available))
        self.assertRegex(plan.hash, "^[0-9a-f]{64}$")
        self.assertIn("a mug", plan.preview)
        self.assertEqual(plan, campaign.dry_run())

    def test_columns_can_be_mapped(self):
        campaign = self.draft(self.open(), mapping={"body.2": "thing"})
        campaign.import_csv(rows(1).replace("param2", "thing").replace("a mug", "a tea pot"))
        self.assertIn("a tea pot", campaign.dry_run().preview)

    def test_discard_and_list(self):
        engine = self.open()
        first, second = self.draft(engine), self.draft(engine)
        self.assertEqual([first, second], list(engine.campaigns()))
        first.discard()
        self.assertEqual([second], list(engine.campaigns()))

    def test_credits(self):
        engine = self.open()
        account = engine.put_account("shop", users=2, per_user_credits=2)
        self.assertEqual(account, engine.find_account("shop"))
        engine.top_up(account, 3, key="one")
        engine.top_up(account, 3, key="one")
        balances = engine.balances(account)
        self.assertEqual((4, 3, 7), (balances.granted, balances.bought, balances.available))
        self.assertEqual(balances, engine.audit(account))
        campaign = self.draft(engine, account=account)
        campaign.import_csv(rows(8))
        with self.assertRaises(bulkmsg.ExhaustedError) as caught:
            campaign.start()
        self.assertEqual(bulkmsg.Status.CREDITS_SHORT, caught.exception.code)
        self.assertEqual(bulkmsg.CampaignState.DRAFT, campaign.state)


class Processes(WithADirectory):
    @unittest.skipIf("libtsan" in os.environ.get("LD_PRELOAD", ""), "ThreadSanitizer allows no threads after a fork")
    def test_after_fork_the_child_is_told_and_may_open_its_own(self):
        engine = self.open()
        campaign = self.draft(engine)
        child = os.fork()
        if child == 0:
            code = 1
            signal.alarm(60)  # a deadlock must not hang the test
            try:
                try:
                    campaign.state
                except bulkmsg.UsageError as e:
                    assert e.code == bulkmsg.Status.FORKED
                    engine.close()
                    with bulkmsg.Engine(self.directory / "child") as own:
                        self.draft(own)
                    code = 0
            finally:
                os._exit(code)
        self.assertEqual(0, os.waitpid(child, 0)[1])
        self.assertEqual(bulkmsg.CampaignState.DRAFT, campaign.state)

    def test_a_child_that_lives_on_does_not_keep_the_store(self):
        engine = self.open()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the parent is done
            os._exit(0)
        try:
            engine.close()
            self.open()
        finally:
            os.close(writing)
            os.close(reading)
            os.waitpid(child, 0)

    def test_threads_call_at_once_and_close_ends_a_wait(self):
        engine = self.open()
        campaign = self.draft(engine)
        ended = []

        def wait():
            try:
                while True:
                    engine.poll(None)
            except bulkmsg.UsageError as e:
                ended.append(e.code)

        def look():
            for _ in range(200):
                campaign.status()

        threads = [threading.Thread(target=t) for t in (wait, look, look, look)]
        for t in threads:
            t.start()
        for t in threads[1:]:
            t.join()
        engine.close()
        threads[0].join(sandbox.PATIENCE)
        self.assertEqual([bulkmsg.Status.CLOSED], ended)

    def test_dropped_without_closing(self):
        engine = bulkmsg.Engine(self.directory / "dropped")
        campaign = self.draft(engine)
        del engine
        gc.collect()
        campaign_id = campaign.id
        del campaign
        gc.collect()
        with self.open("dropped") as again:
            self.assertEqual([campaign_id], [c.id for c in again.campaigns()])


class Campaigns(WithADirectory):
    def test_every_message_is_sent_and_told(self):
        provider = self.sandbox()
        engine = self.open()
        account = engine.put_account("shop")
        campaign = self.draft(engine, provider.sender, account=account)
        campaign.import_csv(rows(300))
        health = engine.check_sender(engine.put_sender(provider.sender))
        self.assertIn("display_phone_number", health)
        plan = campaign.start(idempotency_key="once", expected_hash=campaign.dry_run().hash)
        self.assertEqual((300, 300), (plan.messages, plan.credits))
        self.assertEqual(plan.hash, campaign.start(idempotency_key="once").hash)
        events = self.until_final(engine, campaign, messages=300)

        counters = campaign.counters
        self.assertEqual((300, 300, 0, 0), (counters.total, counters.sent, counters.queued, counters.unconfirmed))
        self.assertEqual((0, 300), (counters.credits_reserved, counters.credits_spent))
        self.assertEqual(300, engine.audit(account).spent)
        self.assertEqual(300, len({message["to"] for message in provider.accepted()}))
        self.assertEqual(300, len(provider.accepted()))

        told = {e.message for e in events if e.kind == EventKind.MESSAGE}
        self.assertTrue(len(told) == 300 or any(e.kind == EventKind.RESYNC for e in events), len(told))
        changes = [e for e in events if e.kind == EventKind.CAMPAIGN_CHANGED]
        self.assertEqual(bulkmsg.CampaignState.COMPLETED, changes[-1].state)
        self.assertTrue(all(e.is_durable and e.campaign == campaign.id for e in changes))
        self.assertEqual(sorted(e.id for e in changes), [e.id for e in changes])
        status = campaign.status()
        self.assertEqual((bulkmsg.CampaignState.COMPLETED, "spring", plan.hash), (status.state, status.name, status.plan_hash))
        self.assertEqual(counters, status.counters)

    def test_pause_resume_and_reopening_send_each_message_once(self):
        provider = self.sandbox()
        slow = dict(provider.sender, limits="200/s; in-flight=8")
        engine = self.open()
        campaign = self.draft(engine, slow)
        campaign.import_csv(rows(400))
        provider.crawl()
        campaign.start()
        sandbox.wait_until(provider.accepted, "the first messages")
        campaign.pause("lunch")
        at_pause = len(provider.accepted())
        time.sleep(0.3)
        self.assertLess(len(provider.accepted()), 400)
        self.assertLessEqual(len(provider.accepted()) - at_pause, 8)  # what was on the wire
        self.assertEqual("lunch", campaign.status().reason)
        campaign.resume()
        sandbox.wait_until(lambda: len(provider.accepted()) > 8, "more messages")
        engine.close(60)

        provider.hurry()
        engine = self.open()
        (campaign,) = engine.campaigns()
        self.until_final(engine, campaign)
        self.assertEqual((400, 0), (campaign.counters.sent, campaign.counters.unconfirmed))
        numbers = [message["to"] for message in provider.accepted()]
        self.assertEqual((400, 400), (len(numbers), len(set(numbers))))

    def test_unacknowledged_events_come_again_after_reopening(self):
        provider = self.sandbox()
        engine = self.open()
        campaign = self.draft(engine, provider.sender)
        campaign.import_csv(rows(3))
        campaign.start()
        seen = []

        def completed():
            seen.extend(e for e in engine.events(timeout=0.1, acknowledge=False) if e.is_durable)
            return any(e.state == bulkmsg.CampaignState.COMPLETED for e in seen)

        sandbox.wait_until(completed, "the last event")
        self.assertIsInstance(engine.payload(seen[-1]), dict)
        engine.close()

        engine = self.open()
        again = []
        sandbox.wait_until(lambda: again.extend(e for e in engine.events(timeout=0.1) if e.is_durable) or len(again) >= len(seen),
                           "the events again")
        self.assertEqual([e.id for e in seen], [e.id for e in again])
        engine.close()
        self.assertEqual([], [e for e in self.open().events(timeout=0.5) if e.is_durable])

    def test_the_descriptor_is_readable_while_events_wait(self):
        provider = self.sandbox()
        engine = self.open()
        campaign = self.draft(engine, provider.sender)
        campaign.import_csv(rows(3))
        for _ in engine.events(timeout=0.2):
            pass
        self.assertEqual([], select.select([engine], [], [], 0)[0])
        campaign.start()
        self.assertEqual([engine], select.select([engine], [], [], sandbox.PATIENCE)[0])
        self.until_final(engine, campaign, messages=3)
        self.assertEqual([], select.select([engine], [], [], 0)[0])

    def test_a_batch_of_events_is_columns_too(self):
        provider = self.sandbox()
        engine = self.open()
        campaign = self.draft(engine, provider.sender)
        campaign.import_csv(rows(3))
        empty = engine.poll_batch()
        while len(empty):
            empty = engine.poll_batch()
        self.assertEqual(([], []), (empty.id.tolist(), empty.code.tolist()))
        campaign.start()
        taken = []
        while sum(state == bulkmsg.MessageState.ACCEPTED for _, state in taken) < 3:
            batch = engine.poll_batch(sandbox.PATIENCE)
            self.assertTrue(len(batch))
            columns = [getattr(batch, name).tolist() for name in bulkmsg.Event._fields]
            self.assertEqual([tuple(event) for event in batch], list(zip(*columns)))
            self.assertIsInstance(batch[-1], bulkmsg.Event)
            self.assertEqual((list(batch)[-1], list(batch)), (batch[-1], batch[:]))
            told = EventKind.MESSAGE
            taken += [(e.message, e.state) for e in batch if e.kind == told]
        self.assertEqual(3, len({message for message, _ in taken}))

    def test_wakeup_ends_a_wait(self):
        engine = self.open()
        for _ in engine.events(timeout=0.2):
            pass
        waker = threading.Timer(0.1, engine.wakeup)
        waker.start()
        self.assertEqual([], engine.poll(None))  # else it would never end
        waker.join()

    def test_webhooks_by_hand_and_by_listening(self):
        port = sandbox.free_port()
        provider = self.sandbox(webhook_port=port)
        engine = self.open()
        campaign = self.draft(engine, provider.sender)
        engine.listen(f"127.0.0.1:{port}")
        campaign.import_csv(rows(50))
        campaign.start()
        self.until_final(engine, campaign)
        sandbox.wait_until(lambda: campaign.counters.delivered == 50, "the receipts")

        body = json.dumps({"object": "whatsapp_business_account", "entry": []}).encode()
        signature = "sha256=" + hmac.new(sandbox.APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        engine.ingest(body, signature)
        with self.assertRaises(bulkmsg.InputError) as caught:
            engine.ingest(body + b" ", signature)
        self.assertEqual(bulkmsg.Status.SIGNATURE_MISMATCH, caught.exception.code)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *rest])
