"""Two chat platforms on loopback, for the tests: Telegram's Bot API as strict as its documentation, and a website chat
as examples/data/channels/website_chat.json describes one. They share no code with what they judge."""

import http.server
import json
import re
import threading
import time
import urllib.parse


class ChatServer:
    """Answers in threads of its own; `seen` is what came, in order: (time, path, headers, body, status). From request
    number `silent_from` on it takes what comes and answers only once `speak` is set."""

    def __init__(self, silent_from=None):
        self.speak = threading.Event()
        self.lock = threading.Lock()
        self.seen = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, method):
                arrived = time.monotonic()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer.lock:
                    status, answer, headers = outer.handle(method, self.path, self.headers, body, arrived)
                    text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                    # Noted before it can be read: what follows it at the client is later.
                    outer.seen.append((time.monotonic(), self.path, dict(self.headers), body, status))
                    silent = silent_from is not None and len(outer.seen) >= silent_from
                if silent:
                    outer.speak.wait()
                try:
                    self.send_response(status)
                    for key, value in headers.items():
                        self.send_header(key, value)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except ConnectionError:
                    self.close_connection = True  # who asked was killed

            def do_POST(self):
                self.answer("POST")

            def do_GET(self):
                self.answer("GET")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.speak.set()
        self.server.shutdown()
        self.server.server_close()

    def handle(self, method, path, headers, body, arrived):
        raise NotImplementedError


class Telegram(ChatServer):
    """api.telegram.org. `flood`: the requests, counted from 1, that meet a flood and must wait a second."""

    TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    FIELDS = {  # method: (needed, media, caption)
        "sendMessage": ("text", None, False), "sendPhoto": ("photo", "photo", True),
        "sendVideo": ("video", "video", True), "sendDocument": ("document", "document", True),
        "sendAudio": ("audio", "audio", True), "sendSticker": ("sticker", "sticker", False),
        "sendLocation": ("latitude", None, False),
    }
    JITTER = 0.15  # requests that left a second apart may arrive a little closer

    def __init__(self, flood=(), unknown=(), blocked=(), **how):
        self.flood, self.unknown, self.blocked = set(flood), set(unknown), set(blocked)
        self.accepted = []  # (time, chat, method, parameters)
        self.sends = 0
        self.floods = []  # when the answer left
        super().__init__(**how)

    @staticmethod
    def error(code, text, **more):
        return code, {"ok": False, "error_code": code, "description": text, **more}, {}

    @classmethod
    def bad(cls, text):
        return cls.error(400, "Bad Request: " + text)

    @classmethod
    def wait(cls, seconds):
        return cls.error(429, f"Too Many Requests: retry after {seconds}", parameters={"retry_after": seconds})

    def handle(self, method, path, headers, body, arrived):
        found = re.fullmatch(r"/bot([^/]+)/([A-Za-z]+)", path)
        if not found:
            return self.error(404, "Not Found")
        if found[1] != self.TOKEN:
            return self.error(401, "Unauthorized")
        if found[2] == "getMe":
            return 200, {"ok": True, "result": {"id": 110201543, "is_bot": True, "username": "shop_bot"}}, {}
        if found[2] not in self.FIELDS or method != "POST":
            return self.error(404, "Not Found: method not found")
        try:
            sent = json.loads(body)
        except ValueError:
            return self.bad("can't parse JSON")
        if headers.get("Content-Type") != "application/json" or not isinstance(sent, dict):
            return self.bad("a JSON object was expected")
        return self.send(found[2], sent, arrived)

    def send(self, method, sent, arrived):
        self.sends += 1
        needed, media, captioned = self.FIELDS[method]
        chat = str(sent.get("chat_id", ""))
        if not re.fullmatch(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}", chat):
            return self.bad("chat_id is empty" if chat == "" else "chat not found")
        if self.sends in self.flood:
            self.floods.append(time.monotonic())
            return self.wait(1)
        if sum(at > arrived - (1 - self.JITTER) for at, *_ in self.accepted) >= 30:
            return self.wait(1)
        if any(at > arrived - (1 - self.JITTER) and to == chat for at, to, *_ in self.accepted):
            return self.wait(1)
        if chat in self.unknown:
            return self.bad("chat not found")
        if chat in self.blocked:
            return self.error(403, "Forbidden: bot was blocked by the user")
        known = {"chat_id", needed} | ({"caption"} if captioned else set())
        known |= {"longitude"} if method == "sendLocation" else set()
        if set(sent) - known:
            return self.bad(f"{method} has no {sorted(set(sent) - known)}")
        if needed not in sent:
            return self.bad(f"{needed} is missing")
        if method == "sendMessage":
            if not isinstance(sent["text"], str) or not sent["text"].strip():
                return self.bad("message text is empty")
            if len(sent["text"]) > 4096:
                return self.bad("message is too long")
        if media and not re.fullmatch(r"https://[^\s]+|[A-Za-z0-9_-]{8,}", str(sent[media])):
            return self.bad("wrong file identifier/HTTP URL specified")
        if len(sent.get("caption", "")) > 1024 or sent.get("caption") == "":
            return self.bad("message caption is too long")
        if method == "sendLocation":
            try:
                if abs(float(sent["latitude"])) > 90 or abs(float(sent["longitude"])) > 180:
                    return self.bad("bad location")
            except (KeyError, TypeError, ValueError):
                return self.bad("latitude and longitude must be numbers")
        self.accepted.append((arrived, chat, method, sent))
        result = {"message_id": 1000 + len(self.accepted), "date": int(time.time()), "chat": {"id": chat}}
        return 200, {"ok": True, "result": result}, {}


class WebsiteChat(ChatServer):
    """`busy`: the requests, counted from 1, that are told to come back a second later."""

    KEY = "wk-5f2b90"

    def __init__(self, busy=(), gone=()):
        self.busy, self.gone = set(busy), set(gone)
        self.accepted = {}  # conversation -> body
        self.keys = set()
        self.sends = 0
        self.busy_told = []
        super().__init__()

    @staticmethod
    def error(status, code, text, **more):
        return status, {"error": {"code": code, "message": text, **more}}, {}

    def handle(self, method, path, headers, body, arrived):
        if headers.get("X-Api-Key") != self.KEY:
            return self.error(401, "unauthorized", "wrong key")
        if method == "GET" and path == "/v1/me":
            return 200, {"workspace": "shop"}, {}
        found = re.fullmatch(r"/v1/conversations/([^/]+)/messages", path)
        if not found or method != "POST":
            return self.error(404, "not_found", "no such place")
        self.sends += 1
        if self.sends in self.busy:
            self.busy_told.append(time.monotonic())
            return self.error(429, "busy", "come back later", retry_after=1)
        conversation = urllib.parse.unquote(found[1])
        if conversation in self.gone:
            return self.error(404, "conversation_gone", "the visitor left")
        key = headers.get("Idempotency-Key", "")
        sent = json.loads(body)
        if not key or key in self.keys:
            return self.error(422, "bad_key", "Idempotency-Key is missing or was used")
        if set(sent) - {"text", "sent_from", "reply_to", "attachments"}:
            return self.error(422, "unknown_field", str(sorted(sent)))
        if "" in (sent.get("text"), sent.get("reply_to")) or sent.get("attachments") == []:
            return self.error(422, "empty", "a field is empty")
        if conversation in self.accepted:
            return self.error(422, "twice", "the visitor has this message")
        self.keys.add(key)
        self.accepted[conversation] = sent
        return 200, {"message": {"id": f"m{len(self.accepted)}"}}, {}
