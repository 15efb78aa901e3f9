"""A proxy between clients and moto. It passes everything on, byte for byte, but for the operations that it is given.

A supplier is called with the request and a function that passes it on; what it returns is answered. Which operation a
request is about is read as AWS reads it: the service and region from the signature's scope, the operation from
`X-Amz-Target` or from the form's `Action`.
"""

import http.client
import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        scope = SCOPE.search(headers.get("Authorization", ""))
        self.region, self.service = scope.groups() if scope else ("", "")
        target = headers.get("X-Amz-Target", "")
        self.form = {}
        if target:
            self.operation = target.rsplit(".", 1)[-1]
            self.input = json.loads(body or b"{}")
        else:
            self.form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"))) if body else {}
            self.operation = self.form.get("Action", "")
            self.input = self.form


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def ok(self):
        return self.status < 300

    @property
    def json(self):
        return json.loads(self.body)

    def with_json(self, value):
        return Answer(self.status, self.headers, json.dumps(value).encode())


def json_answer(value, status=200):
    return Answer(status, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "supplied")], json.dumps(value).encode())


def xml_answer(operation, result):
    """An answer of RDS's query protocol."""
    body = (
        f'<{operation}Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>supplied</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Answer(200, [("Content-Type", "text/xml"), ("x-amzn-requestid", "supplied")], body.encode())


READS = ("Describe", "Get", "List", "Simulate", "GET ")


class Proxy:
    def __init__(self, moto_port, gaps):
        self.moto_port, self.gaps = moto_port, gaps
        self.suppliers, self.lacking = {}, {}
        self.calls = []
        self.watched, self.then = None, None
        self.changed = time.monotonic()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Two writes for one answer would wait for an acknowledgement that waits for more.
            disable_nagle_algorithm = True
            wbufsize = -1

            def handle_one(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(self.command, self.path, self.headers, self.rfile.read(length))
                answer = proxy.answer(request)
                self.send_response(answer.status)
                for name, value in answer.headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
                self.wfile.flush()

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_one

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                # A client that was killed in mid-request is part of the story.
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def supply(self, service, operation, supplier):
        self.suppliers[service, operation] = supplier

    def lacks(self, service, operation, gap):
        """moto does not have this operation, and does without here too: a named skip."""
        self.lacking[service, operation] = gap

    def after(self, watched, then):
        """Does something when an operation was carried out, before its answer is sent."""
        self.watched, self.then = watched, then

    def quiet(self, seconds):
        """Whether nothing was asked to change for so long."""
        return time.monotonic() - self.changed > seconds

    def answer(self, request):
        operation = request.operation
        if request.service == "route53" and request.method == "POST" and request.path.rstrip("/").endswith("/rrset"):
            operation = "ChangeResourceRecordSets"
        if not operation.startswith(("Describe", "List", "Get")) and request.method != "GET":
            self.changed = time.monotonic()
        supplier = self.suppliers.get((request.service, operation))
        answer = supplier(request, self.pass_on) if supplier else self.pass_on(request)
        self.calls.append((request.service, request.region, operation or f"{request.method} {request.path}", answer.status))
        if answer.ok and self.watched == (request.service, operation):
            self.then()
        return answer

    def pass_on(self, request, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.moto_port, timeout=60)
        body = request.body if body is None else body
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("content-length", "connection", "expect")}
        connection.request(request.method, request.path, body, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read())
        connection.close()
        # A page in HTML is Flask's: moto does not have the operation, or broke in it.
        if answer.status >= 500 or answer.status == 404 and b"<!doctype html" in answer.body.lower():
            gap = self.lacking.get((request.service, request.operation))
            if gap:
                self.gaps.met(gap)
                # Not 500, which a client would try again and again.
                return Answer(501, answer.headers, answer.body)
            self.gaps.unnamed(f"{request.service} {request.operation or request.path}")
        return answer

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
