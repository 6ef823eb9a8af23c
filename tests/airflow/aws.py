"""As much of Lambda, EMR and SNS as the DAG speaks to: it keeps what it is asked, and steps end as told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

SNS_ANSWER = (
    b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
    b"<PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
)


class Aws(ThreadingHTTPServer):
    def __init__(self, start_retrain, failing=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.start_retrain = start_retrain  # what the Lambda answers
        self.failing = failing  # names of steps
        self.steps = []
        self.asked = []  # (what, with what)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def emr(self, action, body):
        if action == "DescribeStep":
            name = self.steps[int(body["StepId"]) - 1]
            state = "FAILED" if name in self.failing else "COMPLETED"
            return {"Step": {"Id": body["StepId"], "Name": name, "Status": {"State": state}}}
        if action == "DescribeCluster":
            return {"Cluster": {"Id": body["ClusterId"], "LogUri": "s3://shop/logs/emr/"}}
        self.asked.append((action, body))
        if action == "AddJobFlowSteps":
            self.steps += [step["Name"] for step in body["Steps"]]
            return {"StepIds": [str(len(self.steps))]}
        return {}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "/functions/" in self.path:
            self.server.asked.append(("Invoke", (self.path.split("/")[3], json.loads(body))))
            failed = "errorMessage" in self.server.start_retrain
            own = {"X-Amz-Function-Error": "Unhandled"} if failed else {}
            self._answer(json.dumps(self.server.start_retrain).encode(), own)
        elif target := self.headers.get("X-Amz-Target"):
            self._answer(json.dumps(self.server.emr(target.rpartition(".")[2], json.loads(body))).encode())
        else:
            sent = parse_qs(body.decode())
            self.server.asked.append((sent["Action"][0], sent["Message"][0]))
            self._answer(SNS_ANSWER)

    def _answer(self, body, headers=None):
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
