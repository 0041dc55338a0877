#!/usr/bin/env python3
"""Recipients, contacts, contents and credits from Python, asyncio, the pieces alone, and the wheel. Needs no network.

    BULKMSG_LIBRARY=.../libbulkmsg.so PYTHONPATH=capi/python python3 python_data_test.py      # or: pytest, likewise
"""

import asyncio
import hashlib
import hmac
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import documented

import bulkmsg

undocumented = documented.watch(bulkmsg._abi.library)


def tearDownModule():
    assert not undocumented, f"comments of bulkmsg.h do not list: {sorted(undocumented)}"


PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "capi" / "python"
TEMPLATE = {
    "id": "7", "name": "hello", "language": "en_US", "status": "APPROVED", "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hello {{1}}, how are you?", "example": {"body_text": [["Ana"]]}}],
}  # fmt: skip
SENDER = {"name": "s", "origin": "http://127.0.0.1:1", "phone_number_id": "1", "token": "env:DATA_TEST_TOKEN",
          "agent": "ana"}


class WithAnEngine(unittest.TestCase):
    def setUp(self):
        os.environ["DATA_TEST_TOKEN"] = "token"
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.directory = pathlib.Path(kept.name)
        self.engine = bulkmsg.Engine(self.directory / "store")
        self.addCleanup(self.engine.close)

    def draft(self, **options):
        sender = self.engine.put_sender(SENDER)
        options.setdefault("template", self.engine.put_template(TEMPLATE))
        return self.engine.create_campaign("spring", sender=sender, **options)


class Recipients(WithAnEngine):
    def test_from_a_list_of_dicts(self):
        rows = [{"phone_number": "+447700900123", "param1": "Åna"}, {"phone_number": "abc", "param1": "Eve"},
                {"phone_number": "+447700900124", "param1": 7}, {"phone_number": "+447700900125"}]
        campaign = self.draft()
        self.assertEqual((4, 2, 0, 2), campaign.add(rows))
        self.assertEqual("Hello Åna, how are you?", campaign.preview()["body"])
        self.assertEqual("Hello 7, how are you?", campaign.preview(1)["text"])
        with self.assertRaises(ValueError):
            campaign.add([{"phone_number": "+447700900126"}, {"phone_number": "+447700900127", "other": "x"}])
        with self.assertRaises(ValueError):
            campaign.add([{"phone_number": "+447700900126", "param1": "A"}, {"phone_number": "+447700900127", "x": "B"}])
        self.assertEqual(1, campaign.add([{"phone_number": "+447700900128", "param1": 8}] * 1).added)

    def test_from_columns_and_generators(self):
        campaign = self.draft()
        numbers = [f"+4477009{i:05d}" for i in range(1000)]
        self.assertEqual(1000, campaign.add({"phone_number": numbers, "param1": ["Ana"] * 1000}).added)
        more = ({"phone_number": f"7700{i:06d}", "param1": "Bob"} for i in range(100))
        self.assertEqual(100, campaign.add(more, default_region="GB").added)
        with self.assertRaises(ValueError):
            campaign.add({"phone_number": numbers, "param1": []})
        with self.assertRaises(ValueError):
            campaign.add([])
        self.assertEqual(1100, campaign.dry_run().messages)

    def test_from_json_and_lists(self):
        campaign = self.draft()
        report = campaign.import_text('[{"phone_number":"+447700900123","param1":"Ana"}]', bulkmsg.Format.JSON)
        self.assertEqual(1, report.added)
        message = self.engine.put_message("hello", {"type": "text", "text": {"body": "Hi"}})
        plain = self.draft(template=message)
        report = plain.import_text("+447700900123, +447700900124; nobody", bulkmsg.Format.LIST)
        self.assertEqual((3, 2, 0, 1), report)
        plain.write_rejected(self.directory / "rejected.csv")
        self.assertIn("bulkmsg_reason", (self.directory / "rejected.csv").read_text())
        self.assertEqual(1, plain.reasons()["skipped"][0]["count"])

    def test_messages_and_estimate(self):
        campaign = self.draft()
        campaign.add([{"phone_number": "+447700900123", "param1": "Ana"}])
        rates = {"rates": {"44": {"utility": 4000}}, "credits": {"utility": 2}}
        self.assertEqual((1, 4000), tuple(campaign.estimate(rates)[k] for k in ("messages", "micros")))
        self.assertEqual([], list(campaign.messages(state="accepted")))


class Contacts(WithAnEngine):
    def test_from_import_to_campaign(self):
        engine = self.engine
        engine.declare_attribute("born", "date", indexed=True)
        csv = "phone_number,param1,city,born\n+447700900123,Ana,Lisbon,1990-02-03\n+447700900124,Ben,Rome,\nx,,,\n"
        report = engine.import_contacts(csv, labels=["vip", "spring"], group="everyone", consent_source="counter")
        self.assertEqual((3, 2, 0, 1), tuple(report[k] for k in ("rows", "added", "updated", "rejected")))
        self.assertEqual(4, report["problems"][0]["line"])
        engine.put_segment("lisbon", {"all": [{"attribute": "city", "is": "Lisbon"}]})
        engine.add_to_group("some", ["+44 7700 900124"])
        self.assertEqual((2, 1, 2, 1), tuple(engine.count_contacts(s) for s in ("", "lisbon", "everyone", "some")))
        self.assertEqual({"everyone", "lisbon", "some"}, {segment.name for segment in engine.segments()})
        (ana,) = engine.contacts("lisbon")
        self.assertEqual(("+447700900123", "1990-02-03"), (ana.address, ana.attributes["born"]))
        self.assertEqual({"vip", "spring"}, set(ana.labels))
        engine.suppress("+447700900124", note="asked")
        chosen = self.draft().import_contacts()
        self.assertEqual((2, 1, 1), (chosen["chosen"], chosen["added"], chosen["suppressed"]))
        engine.remove_segment("lisbon")
        with self.assertRaises(bulkmsg.UsageError):
            engine.count_contacts("lisbon")
        self.assertIn("born", {attribute.name for attribute in engine.attributes()})

    def test_consent_and_suppression(self):
        engine = self.engine
        engine.suppress("+447700900123", scope="marketing", note="asked")
        (row,) = engine.suppressions()
        self.assertEqual(("marketing", "own_list", "asked"), (row.scope, row.source, row.note))
        engine.lift_suppression("+44 7700 900123")
        self.assertEqual([], list(engine.suppressions()))
        engine.put_consent("+447700900123", source="web form")
        self.assertEqual(["suppress", "lift", "consent"], [entry.what for entry in engine.consent_log()])
        with self.assertRaises(bulkmsg.UsageError):
            engine.suppress("+447700900123", scope="some")


class ContentsAndCredits(WithAnEngine):
    def test_own_messages(self):
        first = self.engine.put_message("hello", {"type": "text", "text": {"body": "Hi {{first_name}}"}})
        self.assertEqual(first, self.engine.find_message("hello")[0])
        self.assertEqual("Hi {{first_name}}", self.engine.find_message("hello")[1]["text"]["body"])
        self.assertEqual(["hello"], [message.name for message in self.engine.messages()])
        self.assertIn("first_name", self.engine.template_csv(first))
        self.assertEqual([], list(self.engine.templates(status="APPROVED")))
        self.assertEqual([], list(self.engine.media()))

    def test_ledger(self):
        account = self.engine.put_account("shop", per_user_credits=10)
        self.engine.adjust(account, -4, reason="mistake", actor="me", key="once")
        self.engine.adjust(account, -4, reason="mistake", actor="me", key="once")
        entries = list(self.engine.ledger(account))
        self.assertEqual(["grant", "adjust"], [entry.kind for entry in entries])
        self.assertEqual(("mistake", "me", "once"), (entries[1].reason, entries[1].actor, entries[1].key))
        self.assertEqual([6], [found.available for found in self.engine.accounts()])
        self.assertEqual(2, self.engine.price(self.engine.put_template(TEMPLATE), {"rates": {}, "credits": {"utility": 2}}))


class Asyncio(WithAnEngine):
    def test_events_come_without_a_thread_and_end_with_the_task(self):
        campaign = self.draft()
        campaign.add([{"phone_number": "+447700900123", "param1": "Ana"}])

        async def first_change():
            async for event in self.engine.aevents():
                if event.kind == bulkmsg.EventKind.CAMPAIGN_CHANGED and event.state >= bulkmsg.CampaignState.SENDING:
                    return event

        async def run():
            waiting = asyncio.create_task(first_change())
            await asyncio.sleep(0.05)
            campaign.start()
            event = await asyncio.wait_for(waiting, 120)
            self.assertEqual(campaign.id, event.campaign)
            self.assertEqual("sending", self.engine.payload(event).get("state", "sending"))
            idle = asyncio.create_task(self.idle())
            await asyncio.sleep(0.05)
            idle.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await idle

        asyncio.run(run())

    async def idle(self):
        async for _ in self.engine.aevents():
            pass


class Pieces(unittest.TestCase):
    def test_recipients(self):
        judged = bulkmsg.parse_recipients("phone_number,name\n7700 900123,Ana\nabc,Eve\n+447700900123,Ana\n", default_region="GB")
        self.assertEqual([{"phone_number": "+447700900123", "name": "Ana"}], judged.accepted)
        self.assertEqual((1, "3"), (judged.duplicates, judged.rejected[0]["line"]))

    def test_preview(self):
        shown = bulkmsg.preview(TEMPLATE, {"name": 'Ana, "A"'}, {"body.1": "name"})
        self.assertEqual('Hello Ana, "A", how are you?', shown["body"])
        with self.assertRaises(bulkmsg.InputError):
            bulkmsg.preview(TEMPLATE, {"other": "Ana"})

    def test_limiter(self):
        with bulkmsg.Limiter("1/1s; in-flight=1") as limiter:
            self.assertEqual(0, limiter.take(10**9))
            self.assertIsNone(limiter.take(5 * 10**9))
            limiter.release()
            self.assertEqual(0, limiter.take(5 * 10**9))
            limiter.release()
            self.assertGreater(limiter.take(5 * 10**9 + 1), 5 * 10**9 + 1)
        with self.assertRaises(bulkmsg.UsageError):
            bulkmsg.Limiter("fast")

    def test_webhook(self):
        signature = "sha256=" + hmac.new(b"secret", b"{}", hashlib.sha256).hexdigest()
        self.assertTrue(bulkmsg.verify_webhook(b"{}", signature, "secret"))
        self.assertFalse(bulkmsg.verify_webhook(b"{} ", signature, "secret"))


class WebhookExample(WithAnEngine):
    def test_takes_what_is_signed_beside_the_process_that_sends(self):
        os.environ.update(DATA_TEST_SECRET="secret", DATA_TEST_WORD="a-word")
        self.engine.put_sender({**SENDER, "app_secret": "env:DATA_TEST_SECRET", "verify_token": "env:DATA_TEST_WORD"})
        program = PACKAGE.parents[1] / "examples" / "python" / "webhooks.py"
        environment = dict(os.environ, PYTHONPATH=str(PACKAGE), PYTHONDONTWRITEBYTECODE="1")
        line = [sys.executable, program, self.directory / "store", "0"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) as server:
            try:
                where = "http://" + server.stdout.readline().split()[-1]
                body = b'{"object":"whatsapp_business_account","entry":[]}'
                good = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
                self.assertEqual(200, self.post(where, body, good))
                self.assertEqual(401, self.post(where, body, "sha256=" + "0" * 64))
                asked = where + "/?hub.mode=subscribe&hub.challenge=42&hub.verify_token="
                with urllib.request.urlopen(asked + "a-word", timeout=120) as answer:
                    self.assertEqual(b"42", answer.read())
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(asked + "another", timeout=120)
                self.assertEqual(403, refused.exception.code)
                refused.exception.close()
            finally:
                server.terminate()
        self.assertEqual(0, server.returncode)

    @staticmethod
    def post(where, body, signature):
        request = urllib.request.Request(where + "/webhook", body, {"X-Hub-Signature-256": signature})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status
        except urllib.error.HTTPError as e:
            with e:
                return e.code


class Wheel(unittest.TestCase):
    def test_is_built_without_network_and_carries_the_library(self):
        with tempfile.TemporaryDirectory() as directory:
            environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PIP_NO_INDEX="1")
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
            if subprocess.run([*pip, "--version"], capture_output=True).returncode != 0:
                self.skipTest("no pip")
            subprocess.run([*pip, "wheel", "--no-deps", "-w", directory, PACKAGE], check=True, env=environment)
            (wheel,) = pathlib.Path(directory).glob("bulkmsg-*.whl")
            self.assertIn("-py3-none-linux", wheel.name)
            target = pathlib.Path(directory, "installed")
            subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True, env=environment)
            script = "import bulkmsg, pathlib; print(pathlib.Path(bulkmsg.__file__).parent); bulkmsg.Limiter('80/s')"
            del environment["BULKMSG_LIBRARY"]
            environment["PYTHONPATH"] = str(target)
            said = subprocess.run([sys.executable, "-c", script], check=True, env=environment, text=True, capture_output=True)
            self.assertEqual(str(target / "bulkmsg"), said.stdout.strip())


if __name__ == "__main__":
    unittest.main()
